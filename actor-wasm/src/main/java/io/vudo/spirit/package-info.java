/**
 * Spirits: WebAssembly modules as durable actors.
 *
 * <h2>From bytes to a running Spirit</h2>
 *
 * <p>A module passes {@link io.vudo.spirit.Admission}, which checks it and rewrites it so that it
 * is metered, bounded and gives up its whole state. An {@link io.vudo.spirit.Engine} compiles the
 * result; {@link io.vudo.spirit.Engines} does both and keeps what was compiled. What a guest may
 * call is {@link io.vudo.spirit.SpiritAbi}.
 *
 * <pre>{@code
 * try (Engines engines = Engines.withDefaults()) {
 *   AdmittedModule module = engines.admit(bytes, SpiritLimits.DEFAULTS);
 *   CompiledModule compiled = engines.engine("wasmtime").compile(module);
 *   try (EngineInstance instance = compiled.instantiate(wanted -> (guest, arguments) -> 0)) {
 *     instance.setFuel(1_000_000);
 *     long sum = instance.call("add", System.nanoTime() + 1_000_000_000L, 1, 2)[0];
 *   }
 * }
 * }</pre>
 *
 * <h2>Spirits on a node</h2>
 *
 * <p>{@link io.vudo.spirit.SpiritRuntime} hosts Spirits on a member of a Pekko cluster. Which
 * module a type runs, it asks a {@link io.vudo.spirit.DeploymentSource}. JVM code reaches every
 * Spirit of the cluster through {@link io.vudo.spirit.Spirits}:
 *
 * <pre>{@code
 * spirits
 *     .ask(SpiritId.parse("counter/alice"), "add", "1".getBytes(UTF_8), "", Duration.ofSeconds(5))
 *     .thenAccept(reply -> ...);
 * }</pre>
 *
 * <p>A reply means that the turn is durable. Failures are {@link io.vudo.protocol.VudoException}s
 * with the codes of the catalogue.
 *
 * <h2>Spirits from a service</h2>
 *
 * <p>A JVM program that is no node joins the cluster by {@link io.vudo.spirit.SpiritService} and
 * talks to Spirits by {@link io.vudo.spirit.SpiritRef}, as to entities of its own cluster. Actors
 * that it registers by name get what Spirits send to {@code actor/NAME}, as {@link
 * io.vudo.spirit.ActorMessage}. {@code docs/services.md} has a tutorial and says what holds.
 *
 * <p>How a turn works, and how it survives, is in {@code ARCHITECTURE.md}.
 */
package io.vudo.spirit;
