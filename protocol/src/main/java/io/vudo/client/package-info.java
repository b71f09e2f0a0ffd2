/**
 * A client of VUDO nodes for JVM programs: Spirits and tuplespaces over HTTP, without Pekko and
 * without a cluster of one's own.
 *
 * <pre>{@code
 * VudoClient client =
 *     VudoClient.builder()
 *         .node("http://10.0.0.1:7070")
 *         .node("http://10.0.0.2:7070") // asked when the first does not answer
 *         .build();
 * }</pre>
 *
 * <p><b>A Spirit takes messages</b>: a type, bytes, and bytes as the reply.
 *
 * <pre>{@code
 * SpiritClient alice = client.spirit("counter", "alice");
 *
 * alice
 *     .ask("add", "2".getBytes(UTF_8))
 *     .thenAccept(reply -> System.out.println(new String(reply.orElseThrow(), UTF_8)));
 *
 * // Or, for a thread that has nothing else to do, and no more than a second of time:
 * alice.askAndWait(Message.of("add", "2").within(Duration.ofSeconds(1)));
 * }</pre>
 *
 * <p><b>Or it is an object</b> of an interface: a method is a message type, its parameters and its
 * result are JSON, or MessagePack. {@link io.vudo.client.SpiritClient#as(Class, Codec)} has the
 * rules.
 *
 * <pre>{@code
 * record Line(String article, int pieces) {}
 *
 * record Total(int lines, long cents) {}
 *
 * interface Cart {
 *   Total add(Line line); // waits for the reply
 *
 *   CompletionStage<Total> total(); // does not
 *
 *   Optional<Line> line(String article); // there may be no reply
 *
 *   Total pay(@IdempotencyKey String order, long cents); // once for each order
 *
 *   @Tell
 *   void seen(String article); // nobody waits
 * }
 *
 * Cart cart = client.spirit("cart", "alice").as(Cart.class);
 * Total total = cart.add(new Line("screws", 100));
 * }</pre>
 *
 * <p><b>When a node fails</b>, or a connection is lost, the client asks again, the same node or the
 * next, until there is an answer or the call's deadline is over. All attempts of a call share an
 * idempotency key, so the Spirit handles the message once, and the caller gets that one's outcome.
 * A Spirit remembers the last 1,000 keys ({@code vudo.spirit.max-idempotency-keys}). A retry that
 * comes when the key may be forgotten is not handled: the call fails with {@code
 * OUTCOME_FORGOTTEN}. What a type deployed without durability remembers lasts as long as its node.
 *
 * <p><b>Every failure</b> is a {@link io.vudo.protocol.VudoException} with a code of the catalogue:
 * the one that the node answered, or {@code ASK_TIMEOUT} after the deadline, {@code
 * NODE_UNREACHABLE} when no node is there. {@link io.vudo.client.SpiritClient} has all.
 *
 * <p><b>A tuplespace</b> has the methods of the one inside of the cluster, with the same tuples,
 * templates, leases and errors:
 *
 * <pre>{@code
 * SpaceClient jobs = client.tuplespace("jobs");
 *
 * // Somebody has work …
 * jobs.write(Tuple.of("resize", 7, "cat.png"), 60_000);
 *
 * // … and somebody does it: waits for the oldest resize job, half a minute at most.
 * Template anyResize = Template.of("resize", FieldType.INT, Template.ANY);
 * jobs.take(anyResize, Duration.ofSeconds(30))
 *     .thenAccept(job -> job.ifPresent(tuple -> System.out.println(tuple)));
 * }</pre>
 *
 * <p>Its operations are repeated as often as that cannot do anything twice: a read can be repeated,
 * and a write or take has an idempotency key, which the client makes when the caller has none. What
 * cannot be repeated is said with each method of {@link io.vudo.client.TuplespaceClient}.
 *
 * <p><b>Several operations together</b> are a {@link io.vudo.client.Transaction}:
 *
 * <pre>{@code
 * jobs.begin(Duration.ofSeconds(10))
 *     .thenCompose(
 *         transaction ->
 *             transaction
 *                 .take(anyResize)
 *                 .thenCompose(job -> transaction.write(Tuple.of("done", 7), 0))
 *                 .thenCompose(lease -> transaction.commit()));
 * }</pre>
 *
 * <p><b>Watching</b> tells a {@link io.vudo.protocol.WatchHandler} of each change from then on. The
 * client connects again when the connection is lost, and says that changes may have been missed:
 *
 * <pre>{@code
 * jobs.watch(anyResize, handler).thenAccept(watch -> …  watch.close());
 * }</pre>
 *
 * <p><b>Who operates a cluster</b> has {@link io.vudo.client.DeploymentClient}, for the types that
 * are deployed, and {@link io.vudo.client.ClusterClient}, for its nodes.
 *
 * <p>Everything that answers by a stage blocks no thread. The callbacks run on threads of the
 * client, which are as many as are busy, so they may block. A handler of a watch should not: what
 * comes meanwhile waits.
 */
package io.vudo.client;
