/**
 * A client of VUDO nodes for JVM programs: tuplespaces over HTTP, without Pekko and without a
 * cluster of one's own.
 *
 * <pre>{@code
 * TuplespaceClient spaces =
 *     TuplespaceClient.builder()
 *         .node("http://10.0.0.1:7070")
 *         .node("http://10.0.0.2:7070") // asked when the first does not answer
 *         .build();
 *
 * // Somebody has work …
 * spaces.write("jobs", Tuple.of("resize", 7, "cat.png"), 60_000);
 *
 * // … and somebody does it: waits for the oldest resize job, half a minute at most.
 * Template anyResize = Template.of("resize", FieldType.INT, Template.ANY);
 * spaces
 *     .take("jobs", anyResize, Duration.ofSeconds(30))
 *     .thenAccept(job -> job.ifPresent(tuple -> System.out.println(tuple)));
 * }</pre>
 *
 * <p>The methods are those of the tuplespace inside of the cluster, with the same tuples,
 * templates, leases and errors: every stage that fails fails with a {@link
 * io.vudo.protocol.VudoException}, whose code is the one that the node answered. Beside these there
 * is {@code NODE_UNREACHABLE}.
 *
 * <p><b>When a node fails</b>, the next is asked, as often as that cannot do anything twice: a read
 * can be repeated, and a write or take has an idempotency key, which the client makes when the
 * caller has none. What cannot be repeated is said with each method.
 *
 * <p><b>Several operations together</b> are a {@link io.vudo.client.Transaction}:
 *
 * <pre>{@code
 * spaces
 *     .begin("jobs", Duration.ofSeconds(10))
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
 * spaces.watch("jobs", anyResize, handler).thenAccept(watch -> …  watch.close());
 * }</pre>
 *
 * <p>Everything is asynchronous and blocks no thread; the callbacks run on threads of the {@link
 * java.net.http.HttpClient}, so what takes long belongs elsewhere ({@code thenApplyAsync}).
 */
package io.vudo.client;
