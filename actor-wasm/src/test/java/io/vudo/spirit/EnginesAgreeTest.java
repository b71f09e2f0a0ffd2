package io.vudo.spirit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The same calls on every engine: the same results, traps, fuel and state, also after the state
 * went from one engine to the other.
 */
class EnginesAgreeTest {
  private static final int PROGRAMS = Integer.getInteger("vudo.test.programs", 20);
  private static final int CALLS = 25;
  private static final SpiritLimits LIMITS =
      SpiritLimits.DEFAULTS.withMaxMemoryBytes(3L << 16).withFuelPerTurn(200_000);

  private static Engines engines;

  @BeforeAll
  static void start() {
    engines = Engines.withDefaults();
  }

  @AfterAll
  static void stop() {
    engines.close();
  }

  /** Everything that a snapshot holds. */
  @SuppressWarnings("ArrayRecordComponent") // compared by its text
  private record State(byte[] memory, long[] globals, int[][] tables) {
    static State of(EngineInstance instance) {
      return new State(
          instance.readMemory(0, (int) instance.memoryBytes()),
          instance.readGlobals(),
          instance.readTables());
    }

    void restoreInto(EngineInstance instance) {
      instance.growMemoryTo(memory.length);
      instance.writeMemory(0, memory);
      instance.writeGlobals(globals);
      instance.writeTables(tables);
    }

    @Override
    public String toString() {
      return "memory "
          + memory.length
          + " "
          + Arrays.hashCode(memory)
          + ", globals "
          + Arrays.toString(globals)
          + ", tables "
          + Arrays.deepToString(tables);
    }
  }

  /** One engine's side of a program. */
  private static final class Side implements AutoCloseable {
    final CompiledModule compiled;
    EngineInstance instance;

    Side(String engine, AdmittedModule module) {
      compiled = engines.engine(engine).compile(module);
      instance = compiled.instantiate(Modules.noHost());
    }

    /** Calls, and says in words what came of it. */
    String call(String function, long fuel, long[] arguments) {
      instance.setFuel(fuel);
      String outcome;
      try {
        long[] results = instance.call(function, Modules.in(60), arguments);
        outcome = "results " + Arrays.toString(results);
      } catch (VudoException e) {
        assertTrue(e.code() != ErrorCode.INTERNAL_ERROR, e::toString);
        outcome = e.code().name();
      }
      return outcome + ", fuel left " + instance.fuel();
    }

    void replace(State state) {
      instance.close();
      instance = compiled.instantiate(Modules.noHost());
      state.restoreInto(instance);
    }

    @Override
    public void close() {
      instance.close();
      compiled.close();
    }
  }

  @Test
  void randomProgramsDoTheSameEverywhere() {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    Map<String, Integer> outcomes = new TreeMap<>();
    for (int i = 0; i < PROGRAMS; i++) {
      String place = "-Dvudo.test.seed=" + seed + ", program " + i;
      run(new Random(seed + i), place, outcomes);
    }
    System.out.println("EnginesAgreeTest: -Dvudo.test.seed=" + seed + " " + outcomes);
    assertTrue(outcomes.getOrDefault("results", 0) > PROGRAMS, outcomes::toString);
    assertTrue(outcomes.size() >= 4, outcomes::toString);
  }

  private static String run(Random random, String place, Map<String, Integer> outcomes) {
    String text = RandomProgram.text(random);
    AdmittedModule module = Modules.admit(Modules.wasm(text), LIMITS);
    List<Side> sides = new ArrayList<>();
    StringBuilder history = new StringBuilder();
    try {
      for (String engine : Engines.names()) {
        sides.add(new Side(engine, module));
      }
      State state = State.of(sides.get(0).instance);
      List<String> functions = List.copyOf(module.exportedFunctions().keySet());
      for (int call = 0; call < CALLS; call++) {
        String function = functions.get(random.nextInt(functions.size()));
        long[] arguments = arguments(random, module.exportedFunctions().get(function));
        long fuel = random.nextInt(4) == 0 ? random.nextInt(2_000) : LIMITS.fuelPerTurn();
        String asked =
            place + ", " + function + Arrays.toString(arguments) + " with " + fuel + " of\n" + text;
        String expected = null;
        for (Side side : sides) {
          String outcome = side.call(function, fuel, arguments);
          if (expected == null) {
            expected = outcome;
          }
          assertEquals(expected, outcome, asked);
        }
        history
            .append(expected.startsWith("results") ? expected : expected.replaceAll(",.*", ""))
            .append('\n');
        outcomes.merge(expected.replaceAll("[ ,].*", ""), 1, Integer::sum);
        if (expected.startsWith("results")) {
          state = State.of(sides.get(0).instance);
          for (Side side : sides) {
            assertEquals(state.toString(), State.of(side.instance).toString(), asked);
          }
          history.append(state).append('\n');
        }
        if (!expected.startsWith("results") || random.nextInt(3) == 0) {
          for (Side side : sides) {
            side.replace(state);
          }
        }
      }
      return history.toString();
    } finally {
      sides.forEach(Side::close);
    }
  }

  private static long[] arguments(Random random, FunctionType type) {
    long[] arguments = new long[type.parameters().size()];
    for (int i = 0; i < arguments.length; i++) {
      long bits = random.nextBoolean() ? random.nextInt(200) - 50 : random.nextLong();
      arguments[i] =
          switch (type.parameters().get(i)) {
            case I32, F32 -> (int) bits;
            default -> bits;
          };
    }
    return arguments;
  }

  /**
   * What these programs do was written down once: another JDK, another processor and every later
   * version of this rewriter must repeat it, or recorded turns would not.
   */
  @Test
  void programsDoWhatTheyDidWhenTheyWereRecorded() throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (int i = 0; i < 20; i++) {
      String history = run(new Random(1_000 + i), "recorded program " + i, new TreeMap<>());
      digest.update(history.getBytes(StandardCharsets.UTF_8));
    }
    assertEquals(
        RECORDED, Admission.REWRITER_VERSION + " " + HexFormat.of().formatHex(digest.digest()));
  }

  private static final String RECORDED =
      "2 c13e470579bc6b182c66f9e451c9a1945652e7953db4e06b9c4c4be2f06f75e2";
}
