// A key-value store.
//
//   put KEY=VALUE  sets a key (the value may be empty and may contain "="); replies "created"
//                  or "replaced"
//   get KEY        replies the value; application error 404 when there is no such key
//   delete KEY     removes a key; replies "deleted" or "absent"
//   keys           replies all keys, one per line, in ascending order of UTF-16 code units
//
// Application error 400: an unknown message type, or a "put" without a key.
//
// The state is an ordinary Map: the node keeps memory between turns, after a crash too.

import { fail, messageType, replyText, text } from "../../wit/assemblyscript/vudo_spirit";

export { spirit_abi_1, spirit_alloc } from "../../wit/assemblyscript/vudo_spirit";

const entries = new Map<string, string>();

function put(pair: string): string {
  const at = pair.indexOf("=");
  if (at < 1) fail(400, "put takes key=value");
  const key = pair.substring(0, at);
  const replaced = entries.has(key);
  entries.set(key, pair.substring(at + 1));
  return replaced ? "replaced" : "created";
}

function get(key: string): string {
  if (!entries.has(key)) fail(404, "no such key: " + key);
  return entries.get(key);
}

function keys(): string {
  const all = entries.keys().sort();
  return all.length == 0 ? "" : all.join("\n") + "\n";
}

function handle(type: string, payload: string): string {
  if (type == "put") return put(payload);
  if (type == "get") return get(payload);
  if (type == "delete") return entries.delete(payload) ? "deleted" : "absent";
  if (type == "keys") return keys();
  fail(400, "unknown message type: " + type);
  return "";
}

export function spirit_handle(ptr: usize, len: i32): u64 {
  return replyText(handle(messageType(), text(ptr, len)));
}
