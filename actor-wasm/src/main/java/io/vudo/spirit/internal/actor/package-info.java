/**
 * Spirits as actors.
 *
 * <p>{@link io.vudo.spirit.internal.actor.SpiritGate} is a Spirit's sharded address and mailbox.
 * Its child, {@link io.vudo.spirit.internal.actor.SpiritActor}, is event-sourced and runs on guest
 * threads; it commits what the machine recorded and then lets replies and effects out, the latter
 * through the {@link io.vudo.spirit.internal.actor.Courier}. The {@link
 * io.vudo.spirit.internal.actor.WakeIndex} brings back those that a crash left with something to
 * deliver.
 */
package io.vudo.spirit.internal.actor;
