/**
 * Tuplespaces: shared, durable multisets of tuples by which Spirits and services coordinate without
 * knowing each other.
 *
 * <pre>{@code
 * Tuplespace spaces = Tuplespace.start(system, resolver); // once on every node
 *
 * // Somebody has work …
 * spaces.write("jobs", Tuple.of("resize", 7, "cat.png"), 60_000, OperationId.key("order-4711"));
 *
 * // … and somebody does it: the oldest resize job, whatever its number and picture.
 * Template anyResize = Template.of("resize", FieldType.INT, Template.ANY);
 * spaces
 *     .take("jobs", anyResize, OperationId.none())
 *     .thenAccept(job -> job.ifPresent(tuple -> System.out.println(tuple)));
 * }</pre>
 *
 * <p><b>What a space promises.</b> A tuple that was acknowledged is there until it is taken or its
 * lease ends, whatever crashes meanwhile. A tuple is taken once, by one taker. Among the tuples
 * that match, the oldest is served first. A tuple whose lease ended is invisible from that moment,
 * also after a restart. Operations on one space happen one after the other; a read sees every write
 * that was answered before it was asked.
 *
 * <p><b>Sending again.</b> An answer can get lost, so an operation may carry an {@link
 * io.vudo.tuplespace.OperationId}: sent again, it counts once.
 *
 * <p><b>Spirits take in two steps.</b> A turn of a Spirit either happens as a whole or not at all,
 * and a take within it is part of it. So a Spirit {@linkplain io.vudo.tuplespace.Tuplespace#hold
 * holds} a tuple, commits its turn, and then {@linkplain io.vudo.tuplespace.Tuplespace#confirm
 * confirms}, again and again until it is acknowledged; or it {@linkplain
 * io.vudo.tuplespace.Tuplespace#release releases}:
 *
 * <pre>{@code
 * spaces.hold("jobs", alice, "worker/alice#12#0", anyResize); // the tuple, out of others' sight
 * // the turn record, which names the hold, is durable: the take is decided
 * spaces.confirm("jobs", "worker/alice#12#0");
 * }</pre>
 *
 * <p>If the Spirit falls silent, the space asks a {@link io.vudo.tuplespace.HoldResolver} how the
 * turn ended. It never guesses.
 *
 * <p><b>Without a cluster.</b> {@link io.vudo.tuplespace.LocalTuplespace} is a space within one
 * process and in memory only, with the same matching, order, leases and waits.
 *
 * <p><b>Time.</b> Leases are counted by the clock of the node that carries the space. When a space
 * moves to a node whose clock is behind, its time stands still until that clock has caught up with
 * the last event.
 */
package io.vudo.tuplespace;
