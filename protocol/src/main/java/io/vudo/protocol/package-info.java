/**
 * The words that all of VUDO shares.
 *
 * <p>A <b>Spirit</b> is a durable actor whose behaviour is a WebAssembly module. It is addressed by
 * a {@link io.vudo.protocol.SpiritId}, its code is named by a {@link
 * io.vudo.protocol.ModuleDigest}, it runs under {@link io.vudo.protocol.SpiritLimits} and may do
 * only what each {@link io.vudo.protocol.Capability} that it was granted allows. Whatever goes
 * wrong is an {@link io.vudo.protocol.ErrorCode}, thrown as {@link io.vudo.protocol.VudoException}
 * or answered as {@link io.vudo.protocol.VudoError}.
 *
 * <pre>{@code
 * SpiritId alice = SpiritId.parse("counter/alice");
 * Capability takeJobs = Capability.parse("tuplespace_take:jobs");
 * SpiritLimits limits = SpiritLimits.DEFAULTS.withFuelPerTurn(1_000_000);
 * }</pre>
 *
 * <p>This module has no Pekko on its class path: a JVM service that only talks to a node needs
 * nothing else. All types here are immutable and safe to share between threads.
 */
package io.vudo.protocol;
