/**
 * What Java code offers under dotted names, to Spirits and to everybody else.
 *
 * <pre>{@code
 * record Order(String article, int pieces) {}
 * record Receipt(String id, long cents) {}
 *
 * Loa payments =
 *     Loa.named("payments", "1.0.0")
 *         .function("charge", Order.class, Receipt.class, order -> bank.charge(order))
 *         .build();
 * ProcessRegistry processes =
 *     new ProcessRegistry()
 *         .register(payments)                                   // payments.charge
 *         .handle("clock.zone", call -> ZoneId.systemDefault().getId())
 *         .group("models", Map.of("find", call -> rows.get(call.item(), call.arg(0, int.class))))
 *         .alias("pay.now", "payments.charge");
 * VudoNode node = VudoNode.start(settings, processes);
 * }</pre>
 *
 * <p>A guest calls {@code process("payments.charge", …)} with an array in JSON or MessagePack,
 * waits as it does in {@code ask}, without a thread, and finds the answer recorded with its turn: a
 * recovery or a replay does not call again. A call that is under way when the node dies is made
 * again, with the same {@link io.vudo.node.process.ProcessCall#id}.
 *
 * <p>A function refuses with {@link io.vudo.protocol.ProcessException}; what it throws beside that
 * is {@code Exception|500:…} to the caller. A function that does not come to an end is interrupted
 * at its deadline, and if it does not care, takes threads from others of its own Loa, handler or
 * group first: these have half of {@code vudo.process.threads} at most.
 */
package io.vudo.node.process;
