/**
 * Spirits in one JVM, without a node: WebAssembly modules as objects of a Java program.
 *
 * <p>A {@link io.vudo.embedded.Spirit} is a module that was loaded; its exported functions are
 * called by name or through a Java interface. What it may call of its host is a {@link
 * io.vudo.embedded.Loa}, found in a {@link io.vudo.embedded.LoaRegistry}. A {@link
 * io.vudo.embedded.MemoryManager} puts texts and structs into its memory and reads them, laid out
 * by a {@link io.vudo.embedded.GeneLayout}. A {@link io.vudo.embedded.Seance} holds several Spirits
 * by name and frees them together, and runs a {@link io.vudo.ghost.Ghost}, which composes them.
 *
 * <p>Everything that can go wrong is a {@link io.vudo.protocol.VudoException} with a code of the
 * catalogue. Nothing is durable here. Modules for a node can be loaded here as well, and run under
 * the same limits, with the same fuel, on the same engines.
 *
 * <h2>A first Spirit</h2>
 *
 * <p>The module of this example is the result of assembling
 *
 * <pre>
 * (module
 *   (import "loa:greeter" "greet" (func $greet (param i32) (result i64)))
 *   (memory (export "memory") 1)
 *   (func (export "add") (param i32 i32) (result i32)
 *     (i32.add (local.get 0) (local.get 1)))
 *   (func (export "norm") (param i32) (result i64)
 *     (i64.add (i64.load (local.get 0)) (i64.load offset=8 (local.get 0))))
 *   (func (export "ask_greeter") (param i32) (result i64)
 *     (call $greet (local.get 0))))
 * </pre>
 *
 * <p>The program prints {@code 3}, {@code 5}, {@code Point[x=3, y=4] has norm 7}, {@code Good day,
 * visitor 12.}, {@code TRAP_MEMORY_OUT_OF_BOUNDS} and {@code SPIRIT_FAILED}.
 *
 * <pre>{@code
 * import io.vudo.embedded.*;
 * import io.vudo.protocol.VudoException;
 * import java.util.HexFormat;
 *
 * public class Tutorial {
 *   interface Calculator {
 *     int add(int left, int right);
 *     String askGreeter(int visitor); // ask_greeter, which answers a pointer and a length
 *   }
 *
 *   record Point(long x, long y) {}
 *
 *   public static void main(String[] arguments) {
 *     // What the Spirit may call: a Loa, from a lambda.
 *     LoaRegistry loas = new LoaRegistry();
 *     loas.register(
 *         Loa.named("greeter", "1.0.0")
 *             .function("greet", int.class, String.class, n -> "Good day, visitor " + n + ".")
 *             .build());
 *     byte[] module = HexFormat.of().parseHex(arguments[0]); // or a Path
 *
 *     try (Seance seance = new Seance(SpiritOptions.defaults().fuel(1_000_000).loas(loas))) {
 *       Spirit spirit = seance.summon("calc", module);
 *
 *       // By name, and as an interface whose types are checked here.
 *       System.out.println(spirit.call("add", 1, 2));
 *       Calculator calculator = spirit.as(Calculator.class);
 *       System.out.println(calculator.add(2, 3));
 *
 *       // A struct in its memory.
 *       MemoryManager memory = spirit.memory();
 *       int pointer = memory.alloc(GeneLayout.of(Point.class));
 *       memory.writeGene(pointer, new Point(3, 4));
 *       Object norm = spirit.call("norm", pointer);
 *       System.out.println(memory.readGene(pointer, Point.class) + " has norm " + norm);
 *       memory.free(pointer);
 *
 *       // There and back: Java, guest, Loa, guest, Java.
 *       System.out.println(calculator.askGreeter(12));
 *
 *       // A trap ends the Spirit, and frees it.
 *       try {
 *         seance.invoke("calc", "norm", -1);
 *       } catch (VudoException e) {
 *         System.out.println(e.code());
 *       }
 *       try {
 *         seance.invoke("calc", "add", 1, 2);
 *       } catch (VudoException e) {
 *         System.out.println(e.code());
 *       }
 *     } // all Spirits are freed here
 *   }
 * }
 * }</pre>
 *
 * <h2>Several Spirits as one</h2>
 *
 * <p>A Ghost calls functions of several members and passes their results on; {@link
 * io.vudo.embedded.Seance#bind} checks it against the Spirits of the Séance and makes it callable.
 * It can be declared in Java, as here, or in a TOML file ({@link io.vudo.ghost}). This program,
 * with the module above, prints {@code 23}, {@code GHOST_MISMATCH}, {@code step left (a.add) DONE},
 * {@code step right (b.norm) FAILED}, {@code step both (a.add) SKIPPED} and {@code
 * TRAP_MEMORY_OUT_OF_BOUNDS}.
 *
 * <pre>{@code
 * import io.vudo.embedded.*;
 * import io.vudo.ghost.*;
 * import io.vudo.protocol.VudoException;
 * import java.util.HexFormat;
 *
 * public class GhostTutorial {
 *   public static void main(String[] arguments) {
 *     LoaRegistry loas = new LoaRegistry();
 *     loas.register(
 *         Loa.named("greeter", "1.0.0")
 *             .function("greet", int.class, String.class, n -> "Hello " + n)
 *             .build());
 *     byte[] module = HexFormat.of().parseHex(arguments[0]);
 *
 *     try (Seance seance = new Seance(SpiritOptions.defaults().loas(loas))) {
 *       seance.summon("a", module);
 *       seance.summon("b", module);
 *
 *       // Left and right run side by side; both begins when both are done.
 *       Ghost sums =
 *           Ghost.named("sums")
 *               .input("n", Ghost.Type.INT)
 *               .step(Step.call("left", "a", "add", Step.from("n"), 1))
 *               .step(Step.call("right", "b", "add", Step.from("n"), 2))
 *               .step(Step.call("both", "a", "add", Step.from("left"), Step.from("right")))
 *               .build();
 *       System.out.println(seance.bind(sums).call(10));
 *
 *       // What does not fit is found before anything runs: norm answers a long.
 *       Ghost.Builder wrong =
 *           Ghost.named("wrong")
 *               .step(Step.call("left", "a", "add", 1, 2))
 *               .step(Step.call("right", "b", "norm", -1))
 *               .step(Step.call("both", "a", "add", Step.from("left"), Step.from("right")));
 *       try {
 *         seance.bind(wrong.build());
 *       } catch (VudoException e) {
 *         System.out.println(e.code());
 *       }
 *
 *       // A step that fails ends the Ghost; the result tells what became of each.
 *       Ghost failing =
 *           Ghost.named("failing")
 *               .step(Step.call("left", "a", "add", 1, 2))
 *               .step(Step.call("right", "b", "norm", -1).runsAfter("left"))
 *               .step(Step.call("both", "a", "add", 1, 2).runsAfter("left", "right"))
 *               .build();
 *       GhostResult result = seance.bind(failing).run();
 *       for (GhostResult.StepResult step : result.steps().values()) {
 *         System.out.println(step.step() + " " + step.state());
 *       }
 *       System.out.println(result.failure().get().code());
 *     }
 *   }
 * }
 * }</pre>
 */
package io.vudo.embedded;
