/**
 * Spirits as actors.
 *
 * <p>{@link io.vudo.spirit.internal.actor.SpiritHost} has all Spirits of a node and is the way to
 * those of others; {@link io.vudo.spirit.internal.actor.SpiritAddress}, sharded, knows on which
 * node one is. {@link io.vudo.spirit.internal.actor.SpiritGate} is a Spirit's mailbox where it is,
 * and moves it ({@link io.vudo.spirit.internal.actor.Departure}). Its child, {@link
 * io.vudo.spirit.internal.actor.SpiritActor}, is event-sourced and runs on guest threads; it
 * commits what the machine recorded and then lets replies and effects out, the latter through the
 * {@link io.vudo.spirit.internal.actor.Courier}. The {@link
 * io.vudo.spirit.internal.actor.WakeIndex} brings back those that a crash left with something to
 * deliver.
 */
package io.vudo.spirit.internal.actor;
