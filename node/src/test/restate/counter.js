// The counter as a Virtual Object: one call of a key at a time, its state in Restate.
import * as restate from "@restatedev/restate-sdk";

// The SDK uses it; Node 20 has none.
Promise.withResolvers ??= function () {
  let resolve;
  let reject;
  const promise = new Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};

const counter = restate.object({
  name: "counter",
  handlers: {
    add: async (context) => {
      const count = ((await context.get("count")) ?? 0) + 1;
      context.set("count", count);
      return count;
    },
  },
});

await restate.serve({ services: [counter], port: Number(process.argv[2]) });
