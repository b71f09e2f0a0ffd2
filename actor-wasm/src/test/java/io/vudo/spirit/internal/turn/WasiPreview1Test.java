package io.vudo.spirit.internal.turn;

import static io.vudo.spirit.internal.turn.WasiCaller.DATA;
import static io.vudo.spirit.internal.turn.WasiCaller.FREE;
import static io.vudo.spirit.internal.turn.WasiCaller.MEMORY;
import static io.vudo.spirit.internal.turn.WasiCaller.call;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dylibso.chicory.wabt.Wat2Wasm;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.spirit.Admission;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.SpiritAbi;
import io.vudo.spirit.ValueType;
import io.vudo.spirit.internal.turn.WasiCaller.Call;
import io.vudo.spirit.internal.turn.WasiCaller.Memory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The functions of WASI preview 1, called by a Spirit, with good arguments and all others. */
@ParameterizedClass
@MethodSource("io.vudo.spirit.Engines#names")
class WasiPreview1Test {
  private static final long OK = 0;
  private static final long BADF = 8;
  private static final long FAULT = 21;
  private static final long INVAL = 28;
  private static final long NOSYS = 52;
  private static final long SPIPE = 70;
  private static final long NOTCAPABLE = 76;

  private static final String[] ALL = {"sensor_time", "sensor_random", "actuator_log"};
  private static final byte[] MODULE = WasiCaller.module();

  @Parameter private String engine;

  /** One Spirit on one engine, asked over and over. */
  private final class Guest implements AutoCloseable {
    final MachineFixture spirit;
    private int messages;

    Guest(String... capabilities) {
      this.spirit = new MachineFixture(engine, MODULE, SpiritLimits.DEFAULTS, capabilities);
    }

    Attempt.Finished attempt(byte[] data, Call... calls) {
      return (Attempt.Finished)
          spirit.attempt(WasiCaller.message("call:" + messages++, data, calls), List.of());
    }

    Memory call(byte[] data, Call... calls) {
      return memory(attempt(data, calls).turn());
    }

    Memory call(Call... calls) {
      return call(new byte[0], calls);
    }

    long result(String function, long... arguments) {
      return call(WasiCaller.call(function, arguments)).results(1).get(0);
    }

    @Override
    public void close() {
      spirit.close();
    }
  }

  private static Memory memory(Turn turn) {
    assertFalse(turn.hasFailed(), () -> turn.getFailed().toString());
    return Memory.of(turn.getCompleted().getReply().toByteArray());
  }

  private static byte[] words(int... words) {
    ByteBuffer bytes =
        ByteBuffer.allocate(words.length * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    Arrays.stream(words).forEach(bytes::putInt);
    return bytes.array();
  }

  /** One vector that names the text behind it. */
  private static byte[] vectorOf(String text) {
    byte[] bytes = text.getBytes(UTF_8);
    return ByteBuffer.allocate(8 + bytes.length)
        .put(words(DATA + 8, bytes.length))
        .put(bytes)
        .array();
  }

  // What is known

  @Test
  void all46FunctionsAreKnown() {
    assertEquals(46, SpiritAbi.wasiFunctions().size());
  }

  @ParameterizedTest
  @CsvSource({
    "wasi_snapshot_preview1, fd_write, '(param i32 i32 i64) (result i32)', MODULE_IMPORT_TYPE",
    "wasi_snapshot_preview1, fd_fly, '(param i32) (result i32)', MODULE_UNKNOWN_IMPORT",
    "wasi_unstable, fd_write, '(param i32 i32 i32 i32) (result i32)', MODULE_UNKNOWN_IMPORT",
    "wasi:cli/exit@0.2.0, exit, '(param i32)', MODULE_UNKNOWN_IMPORT",
  })
  void otherImportsAreRefused(String module, String name, String type, String code) {
    byte[] bytes =
        Wat2Wasm.parse("(module (import \"%s\" \"%s\" (func %s)))".formatted(module, name, type));
    VudoException refused =
        assertThrows(
            VudoException.class,
            () -> new Admission().admit(bytes, SpiritLimits.DEFAULTS, SpiritAbi::find));
    assertEquals(code, refused.code().name(), refused.detail());
    assertTrue(refused.detail().contains(module + "." + name), refused.detail());
  }

  // What works

  @Test
  void argumentsAndEnvironmentNameTheSpirit() {
    try (Guest guest = new Guest()) {
      Memory memory =
          guest.call(
              call("args_sizes_get", FREE, FREE + 4),
              call("args_get", FREE + 0x10, FREE + 0x20),
              call("environ_sizes_get", FREE + 0x100, FREE + 0x104),
              call("environ_get", FREE + 0x110, FREE + 0x120));
      assertEquals(List.of(OK, OK, OK, OK), memory.results(4));
      assertEquals(1, memory.i32(FREE));
      assertEquals("test/one".length() + 1, memory.i32(FREE + 4));
      assertEquals("test/one", memory.text(memory.i32(FREE + 0x10)));
      assertEquals(2, memory.i32(FREE + 0x100));
      String first = memory.text(memory.i32(FREE + 0x110));
      String second = memory.text(memory.i32(FREE + 0x114));
      assertEquals("VUDO_SPIRIT_ID=test/one", first);
      assertEquals("VUDO_SPIRIT_TYPE=test", second);
      assertEquals(first.length() + second.length() + 2, memory.i32(FREE + 0x104));
    }
  }

  @Test
  void clocksAndRandomBytesAreTheSameWhenTheTurnIsReplayed() {
    try (Guest guest = new Guest(ALL)) {
      long before = System.currentTimeMillis() * 1_000_000;
      Memory memory =
          guest.call(
              call("clock_time_get", 0, 1, FREE),
              call("clock_time_get", 1, 1, FREE + 8),
              call("clock_time_get", 1, 1, FREE + 16),
              call("random_get", FREE + 24, 32),
              call("clock_res_get", 0, FREE + 56),
              call("clock_res_get", 1, FREE + 64));
      assertEquals(Collections.nCopies(6, OK), memory.results(6));
      long now = memory.i64(FREE);
      assertTrue(before <= now && now <= (System.currentTimeMillis() + 1) * 1_000_000, "" + now);
      assertTrue(memory.i64(FREE + 8) <= memory.i64(FREE + 16));
      assertTrue(memory.i64(FREE + 56) > 0 && memory.i64(FREE + 64) > 0);
      byte[] all = memory.slice(FREE, 72);
      assertFalse(Arrays.equals(new byte[32], memory.slice(FREE + 24, 32)));

      // A turn that is replayed asks a clock that has gone on, and another source of randomness.
      guest.spirit.restart();
      assertArrayEquals(all, guest.call(call("sched_yield")).slice(FREE, 72));
      assertEquals(OK, guest.call(call("random_get", FREE + 100, 32)).results(1).get(0), "goes on");
      assertFalse(
          Arrays.equals(
              Arrays.copyOfRange(all, 24, 56),
              guest.call(call("sched_yield")).slice(FREE + 100, 32)));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {2, 3, 4, -1, 1L << 31})
  void otherClocksAreNotThere(long clock) {
    try (Guest guest = new Guest(ALL)) {
      assertEquals(INVAL, guest.result("clock_time_get", clock, 0, FREE));
      assertEquals(INVAL, guest.result("clock_res_get", clock, FREE));
    }
  }

  @Test
  void wholeLinesOfOutputAreLogLines() {
    try (Guest guest = new Guest(ALL)) {
      byte[] data =
          ByteBuffer.allocate(64)
              .put(words(DATA + 32, 3, DATA + 35, 0, DATA + 35, 8))
              .position(32)
              .put("Hel|lo\ntwö|".getBytes(UTF_8))
              .array();
      Attempt.Finished turn =
          guest.attempt(
              data,
              call("fd_write", 1, DATA, 3, FREE), // Hel|lo\ntwö
              call("fd_write", 2, DATA, 1, FREE + 4), // Hel
              call("fd_write", 1, DATA, 1, FREE + 8)); // Hel
      Memory memory = memory(turn.turn());
      assertEquals(List.of(OK, OK, OK), memory.results(3));
      assertEquals(
          List.of(11, 3, 3), List.of(memory.i32(FREE), memory.i32(FREE + 4), memory.i32(FREE + 8)));
      assertEquals(
          List.of(new TurnLog(2, "Hel|lo"), new TurnLog(2, "tw\u00f6Hel"), new TurnLog(3, "Hel")),
          turn.logs());
      // The next turn starts a line of its own.
      assertEquals(
          List.of(new TurnLog(2, ""), new TurnLog(2, "x")),
          guest.attempt(vectorOf("\nx\n"), call("fd_write", 1, DATA, 1, FREE)).logs());
    }
  }

  @Test
  void standardInputIsAtItsEnd() {
    try (Guest guest = new Guest()) {
      Memory memory = guest.call(words(FREE, 16, -1, -1), call("fd_read", 0, DATA, 1, FREE + 32));
      assertEquals(List.of(OK), memory.results(1));
      assertEquals(0, memory.i32(FREE + 32));
      assertEquals(
          List.of(FAULT, BADF, BADF),
          guest
              .call(
                  words(FREE, 16, -1, -1),
                  call("fd_read", 0, DATA, 2, FREE),
                  call("fd_read", 1, DATA, 1, FREE),
                  call("fd_read", 3, DATA, 1, FREE))
              .results(3));
    }
  }

  @Test
  void theStandardStreamsAreATerminalAndNothingElseIsOpen() {
    try (Guest guest = new Guest(ALL)) {
      for (int descriptor : new int[] {0, 1, 2}) {
        Memory memory =
            guest.call(
                call("fd_fdstat_get", descriptor, FREE),
                call("fd_seek", descriptor, 0, 1, FREE + 24),
                call("fd_tell", descriptor, FREE + 24),
                call("fd_prestat_get", descriptor, FREE + 24),
                call("fd_close", descriptor));
        assertEquals(List.of(OK, SPIPE, SPIPE, BADF, OK), memory.results(5));
        assertEquals(2, memory.slice(FREE, 1)[0], "a character device");
        assertEquals(descriptor == 0 ? 1L << 1 : 1L << 6, memory.i64(FREE + 8), "its rights");
      }
      for (long descriptor : new long[] {3, 4, -1, 0x7fff_ffffL}) {
        for (String function : WasiCaller.NAMES) {
          if (function.startsWith("fd_")) {
            assertEquals(BADF, guest.result(function, descriptor, DATA, 0, FREE), function);
          }
        }
      }
      assertEquals(BADF, guest.result("fd_write", 0, DATA, 0, FREE));
    }
  }

  @Test
  void whatIsNotOfferedSaysSo() {
    try (Guest guest = new Guest("unrestricted")) {
      for (String function : WasiCaller.NAMES) {
        if (function.startsWith("path_") || function.startsWith("sock_")) {
          assertEquals(NOTCAPABLE, guest.result(function), function);
        }
      }
      for (String function :
          List.of("poll_oneoff", "proc_raise", "fd_filestat_get", "fd_sync", "fd_readdir")) {
        assertEquals(NOSYS, guest.result(function), function);
      }
    }
  }

  // What is denied

  @Test
  void withoutItsCapabilityAFunctionIsDenied() {
    try (Guest guest = new Guest()) {
      byte[] vector = vectorOf("secret\n");
      Attempt.Finished turn =
          guest.attempt(
              vector,
              call("clock_time_get", 0, 1, FREE),
              call("clock_time_get", 1, 1, FREE),
              call("clock_res_get", 0, FREE),
              call("random_get", FREE, 8),
              call("fd_write", 1, DATA, 1, FREE),
              call("fd_write", 2, DATA, 1, FREE));
      Memory memory = memory(turn.turn());
      assertEquals(Collections.nCopies(6, NOTCAPABLE), memory.results(6));
      assertEquals(0, memory.i64(FREE), "nothing was written");
      assertEquals(List.of(), turn.logs());
      assertEquals(0, turn.turn().getAnswersCount());
    }
  }

  @ParameterizedTest
  @CsvSource({"sensor_time, clock_time_get", "sensor_random, random_get", "actuator_log, fd_write"})
  void eachCapabilityOpensItsOwnFunctionsOnly(String capability, String function) {
    try (Guest guest = new Guest(capability)) {
      Call[] calls = {
        call("clock_time_get", 0, 1, FREE),
        call("random_get", FREE, 8),
        call("fd_write", 1, DATA, 1, FREE)
      };
      List<Long> expected =
          Stream.of(calls).map(c -> c.function().equals(function) ? OK : NOTCAPABLE).toList();
      assertEquals(expected, guest.call(vectorOf("x\n"), calls).results(3));
    }
  }

  // The end

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "-1, 4294967295"})
  void exitFailsTheTurnAndLeavesNoTrace(long code, String told) {
    try (Guest guest = new Guest(ALL)) {
      assertEquals(1, guest.call(call("sched_yield")).turns());
      Attempt.Finished turn =
          guest.attempt(
              vectorOf("last words"),
              call("fd_write", 2, DATA, 1, FREE),
              call("proc_exit", code),
              call("sched_yield"));
      assertEquals(ErrorCode.GUEST_EXITED.name(), turn.turn().getFailed().getCode());
      assertEquals("Exit code " + told + ".", turn.turn().getFailed().getDetail());
      assertEquals(List.of(new TurnLog(3, "last words")), turn.logs());
      assertEquals(2, guest.call(call("sched_yield")).turns());
      guest.spirit.restart();
      assertEquals(3, guest.call(call("sched_yield")).turns());
    }
  }

  // Pointers

  /**
   * Good arguments of each function that reads or writes memory, and which of them are pointers.
   */
  static Stream<Object[]> pointers() {
    return Stream.of(
        new Object[] {"args_sizes_get", new long[] {FREE, FREE}, 0, 4},
        new Object[] {"args_sizes_get", new long[] {FREE, FREE}, 1, 4},
        new Object[] {"args_get", new long[] {FREE, FREE}, 0, 4},
        new Object[] {"args_get", new long[] {FREE, FREE}, 1, 9},
        new Object[] {"environ_sizes_get", new long[] {FREE, FREE}, 0, 4},
        new Object[] {"environ_sizes_get", new long[] {FREE, FREE}, 1, 4},
        new Object[] {"environ_get", new long[] {FREE, FREE}, 0, 8},
        new Object[] {"environ_get", new long[] {FREE, FREE}, 1, 46},
        new Object[] {"clock_res_get", new long[] {0, FREE}, 1, 8},
        new Object[] {"clock_time_get", new long[] {0, 0, FREE}, 2, 8},
        new Object[] {"clock_time_get", new long[] {1, 0, FREE}, 2, 8},
        new Object[] {"random_get", new long[] {FREE, 16}, 0, 16},
        new Object[] {"fd_fdstat_get", new long[] {1, FREE}, 1, 24},
        new Object[] {"fd_read", new long[] {0, FREE, 2, FREE}, 1, 16},
        new Object[] {"fd_read", new long[] {0, FREE, 0, FREE}, 3, 4},
        new Object[] {"fd_write", new long[] {1, FREE, 2, FREE}, 1, 16},
        new Object[] {"fd_write", new long[] {1, FREE, 0, FREE}, 3, 4});
  }

  @ParameterizedTest
  @MethodSource("pointers")
  void aPointerOutsideOfMemoryIsAFault(String function, long[] good, int pointer, int bytes) {
    try (Guest guest = new Guest(ALL)) {
      assertEquals(OK, guest.result(function, good));
      for (long bad : new long[] {MEMORY - bytes + 1L, MEMORY, -1, -bytes, Integer.MIN_VALUE}) {
        long[] arguments = good.clone();
        arguments[pointer] = bad;
        Attempt.Finished turn = guest.attempt(new byte[0], call(function, arguments));
        assertEquals(FAULT, memory(turn.turn()).results(1).get(0), function + " " + bad);
        assertEquals(0, turn.turn().getAnswersCount(), "an answer that nobody got");
      }
      long[] last = good.clone();
      last[pointer] = (long) MEMORY - bytes;
      assertEquals(OK, guest.result(function, last), "the last place that is one");
    }
  }

  @Test
  void buffersMayOverlap() {
    try (Guest guest = new Guest(ALL)) {
      // The count goes where the vector and the text lie.
      Attempt.Finished turn =
          guest.attempt(vectorOf("text\n"), call("fd_write", 1, DATA, 1, DATA + 6));
      assertEquals(List.of(new TurnLog(2, "text")), turn.logs());
      assertEquals(5, memory(turn.turn()).i32(DATA + 6));
      // A vector that names itself, twice.
      turn = guest.attempt(words(DATA, 16, DATA, 16), call("fd_write", 1, DATA, 2, DATA));
      assertEquals(32, memory(turn.turn()).i32(DATA));
      // Addresses lie over the texts.
      Memory memory =
          guest.call(call("args_get", FREE, FREE), call("environ_get", FREE + 64, FREE + 66));
      assertEquals(List.of(OK, OK), memory.results(2));
      assertEquals(FREE, memory.i32(FREE));
      assertEquals(FREE + 66, memory.i32(FREE + 64));
      memory = guest.call(call("args_sizes_get", FREE, FREE));
      assertEquals(List.of(OK), memory.results(1));
    }
  }

  @Test
  void noArgumentsEndATurn() {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("WasiPreview1Test: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    long[] edges = {
      0, 1, 2, 3, -1, 8, MEMORY - 1, MEMORY, MEMORY + 1, 0x7fff_ffffL, 1L << 31, FREE
    };
    Set<Long> errnos = Set.of(OK, BADF, FAULT, INVAL, NOSYS, SPIPE, NOTCAPABLE);
    try (Guest guest = new Guest("unrestricted")) {
      for (String function : WasiCaller.NAMES) {
        if (function.equals("proc_exit")) {
          continue;
        }
        FunctionType type = SpiritAbi.wasiFunctions().get(function);
        for (int i = 0; i < 60; i++) {
          long[] arguments =
              type.parameters().stream()
                  .mapToLong(
                      parameter ->
                          parameter == ValueType.I64
                              ? random.nextLong()
                              : edges[random.nextInt(edges.length)])
                  .toArray();
          Attempt.Finished turn = guest.attempt(new byte[0], call(function, arguments));
          assertFalse(
              turn.turn().hasFailed(),
              () -> function + Arrays.toString(arguments) + turn.turn().getFailed());
          if (Arrays.stream(arguments).noneMatch(a -> a >= 0 && a < 0x2000)) {
            long errno = memory(turn.turn()).results(1).get(0);
            assertTrue(errnos.contains(errno), function + Arrays.toString(arguments) + errno);
          }
        }
      }
      guest.spirit.restart();
      guest.call(call("sched_yield"));
    }
  }

  // Bounds: what a guest claims must not cost the host more than what it has

  @ParameterizedTest
  @ValueSource(longs = {1_025, 0x1000_0000L, 0x2000_0000L, 0x7fff_ffffL, 0x8000_0000L, -1})
  void countsOfVectorsAreBounded(long count) {
    try (Guest guest = new Guest(ALL)) {
      assertEquals(INVAL, guest.result("fd_write", 1, 0, count, FREE));
      assertEquals(INVAL, guest.result("fd_read", 0, 0, count, FREE));
    }
  }

  @Test
  void aWriteTakesABoundedPartAndSaysSo() {
    try (Guest guest = new Guest(ALL)) {
      // 1,024 times all of memory: 64 MiB that exist only once.
      int[] vectors = new int[2 * 1_024];
      for (int i = 0; i < vectors.length; i += 2) {
        vectors[i + 1] = MEMORY;
      }
      Attempt.Finished turn = guest.attempt(words(vectors), call("fd_write", 1, DATA, 1_024, FREE));
      assertEquals(WasiPreview1.MAX_WRITE_BYTES, memory(turn.turn()).i32(FREE));
      assertTrue(turn.logs().stream().mapToInt(line -> line.text().length()).sum() <= 64 << 10);
      // Lengths that add up to more than 32 bits, and one that lies.
      Memory memory =
          guest.call(
              words(0, -1, 0, -1, 0, 2),
              call("fd_write", 1, DATA, 3, FREE),
              call("fd_write", 1, DATA + 16, 1, FREE));
      assertEquals(List.of(FAULT, OK), memory.results(2));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {65_537, 0x7fff_ffffL, 0x8000_0000L, -1})
  void lengthsOfRandomBytesAreBounded(long length) {
    try (Guest guest = new Guest(ALL)) {
      assertEquals(FAULT, guest.result("random_get", 0, length), "there is not as much memory");
    }
    byte[] large =
        TestGuests.spirit(
            WasiCaller.imported("random_get", SpiritAbi.wasiFunctions().get("random_get")),
            "",
            """
            (drop (memory.grow (i32.const 99)))
            (call $reply (i64.extend_i32_u (call $random_get (i32.const 4096) (i32.const %d))))
            """
                .formatted(Math.min(length & 0xffff_ffffL, 98 * 65_536)));
    try (MachineFixture spirit = new MachineFixture(engine, large, SpiritLimits.DEFAULTS, ALL)) {
      Turn turn = spirit.send("x", new byte[0]);
      assertEquals(INVAL, MachineFixture.number(turn));
      assertEquals(0, turn.getAnswersCount());
    }
  }

  @Test
  void aFloodOfOutputIsCut() {
    try (Guest guest = new Guest(ALL)) {
      int most = TurnLimits.DEFAULTS.maxLogLines();
      Attempt.Finished turn =
          guest.attempt(vectorOf("a\nb\n"), new Call("fd_write", 5_000, 1, DATA, 1, FREE));
      assertEquals(List.of(OK), memory(turn.turn()).results(1), "the guest goes on");
      assertEquals(most + 1, turn.logs().size());
      assertEquals(3, turn.logs().get(most).level());

      // One line without an end.
      byte[] endless = words(FREE, 0x3000);
      turn = guest.attempt(endless, new Call("fd_write", 2_000, 2, DATA, 1, FREE));
      assertEquals(1, turn.logs().stream().filter(line -> line.level() == 3).count());
      int longest = turn.logs().stream().mapToInt(line -> line.text().length()).max().orElse(0);
      assertTrue(longest <= TurnLimits.DEFAULTS.maxLogLineBytes() + 1, "" + longest);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"clock_time_get", "random_get"})
  void aFloodOfAnswersEndsTheTurn(String function) {
    try (Guest guest = new Guest(ALL)) {
      long[] arguments =
          function.equals("random_get") ? new long[] {FREE, 8192} : new long[] {0, 0, FREE};
      Attempt.Finished turn = guest.attempt(new byte[0], new Call(function, 200_000, arguments));
      assertEquals(ErrorCode.EFFECT_LIMIT_EXCEEDED.name(), turn.turn().getFailed().getCode());
      assertEquals(1, guest.call(call("sched_yield")).turns());
    }
  }
}
