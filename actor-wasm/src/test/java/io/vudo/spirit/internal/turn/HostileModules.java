package io.vudo.spirit.internal.turn;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.dylibso.chicory.wabt.Wat2Wasm;
import io.vudo.protocol.SpiritLimits;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.SpiritAbi;
import io.vudo.spirit.ValueType;
import io.vudo.spirit.internal.turn.WasmBuilder.Code;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;

/**
 * Makes hostile modules: the same seed and index give the same module, whatever other modules are
 * made before.
 */
final class HostileModules {

  /** Fuel of a turn: enough to get far, little enough to be through soon. */
  private static final long FUEL = 2_000_000;

  /** Enough to get to the bottom of the deepest recursion. */
  private static final long FUEL_TO_DIVE = 20_000_000;

  private static final long MEMORY = 4L << 20;
  private static final int PAYLOAD = 64 << 10;
  private static final long TIMEOUT_MILLIS = 60_000;
  private static final int TABLE_ENTRIES = 10_000;

  /**
   * A module with the circumstances in which it is run.
   *
   * @param index its number among those of the seed
   * @param kind what it tries
   * @param module the binary
   * @param limits that it runs under
   * @param payloads of the messages that it gets
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Sample(int index, Kind kind, byte[] module, SpiritLimits limits, List<byte[]> payloads) {}

  /** What a module may try. The weight is how many of a hundred or so are of it. */
  @SuppressWarnings("ImmutableEnumChecker") // Method references without state.
  enum Kind {
    LOOP(7, HostileModules::loop),
    MEMORY_BOMB(6, HostileModules::memoryBomb),
    MEMORY_DECLARED(3, HostileModules::memoryDeclared),
    TABLE_BOMB(5, HostileModules::tableBomb),
    RECURSION(9, HostileModules::recursion),
    RECURSION_TO_HOST(6, HostileModules::recursionToHost),
    HUGE_FUNCTION(5, HostileModules::hugeFunction),
    DEEP_NESTING(3, HostileModules::deepNesting),
    BRANCH_TABLE(3, HostileModules::branchTable),
    MANY_OF_A_KIND(6, HostileModules::many),
    LYING_LENGTHS(8, HostileModules::lyingLengths),
    HOST_POINTERS(16, HostileModules::hostPointers),
    ALLOCATOR(9, HostileModules::allocator),
    REPLY(4, HostileModules::reply),
    TRAP(6, HostileModules::trap),
    FLOOD(6, HostileModules::flood),
    TUPLES(8, HostileModules::tuples),
    BULK(6, HostileModules::bulk),
    WRONG_EXPORTS(3, HostileModules::wrongExports),
    MUTATED(20, HostileModules::mutated),
    TRUNCATED(3, HostileModules::truncated);

    private final int weight;
    private final Maker maker;

    Kind(int weight, Maker maker) {
      this.weight = weight;
      this.maker = maker;
    }
  }

  @FunctionalInterface
  private interface Maker {
    byte[] make(Random random);
  }

  private static final String VOID = "";

  /** All functions of the host by name; no two of them share one. */
  private static final Map<String, FunctionType> HOST = new LinkedHashMap<>();

  static {
    HOST.putAll(SpiritAbi.functions());
    HOST.putAll(SpiritAbi.wasiFunctions());
  }

  private static final long[] BOUNDARIES = {
    0,
    1,
    4,
    0x1000,
    0xffff,
    0x1_0000,
    0x1_0001,
    0xfffc,
    0x7fff_ffffL,
    0x8000_0000L,
    0xffff_0000L,
    0xffff_fffcL,
    0xffff_ffffL
  };

  private final long seed;
  private final List<Kind> order;

  HostileModules(long seed) {
    this.seed = seed;
    this.order = new ArrayList<>();
    // Each kind comes early, then all according to their weights.
    for (Kind kind : Kind.values()) {
      order.addAll(Collections.nCopies(kind.weight - 1, kind));
    }
    Collections.shuffle(order, new Random(seed));
    order.addAll(0, List.of(Kind.values()));
  }

  Sample sample(int index) {
    Kind kind = order.get(index % order.size());
    Random random = new Random(seed * 1_000_003 + index);
    byte[] module = kind.maker.make(random);
    return new Sample(index, kind, module, limits(kind, random), payloads(random));
  }

  private static SpiritLimits limits(Kind kind, Random random) {
    boolean dives = kind == Kind.RECURSION || kind == Kind.RECURSION_TO_HOST;
    int depth = oneOf(random, dives ? new int[] {100, 10_000, 50_000} : new int[] {100, 10_000});
    return new SpiritLimits(
        dives ? FUEL_TO_DIVE : FUEL,
        MEMORY,
        TABLE_ENTRIES,
        depth,
        TIMEOUT_MILLIS,
        SpiritLimits.DEFAULTS.maxMailbox(),
        PAYLOAD);
  }

  private static List<byte[]> payloads(Random random) {
    byte[] some = new byte[1 + random.nextInt(200)];
    random.nextBytes(some);
    byte[] most = new byte[oneOf(random, 4_096, PAYLOAD - 1, PAYLOAD)];
    List<byte[]> all = List.of("12".getBytes(UTF_8), new byte[0], some, most);
    return random.nextInt(4) == 0 ? all : all.subList(0, 3);
  }

  static int oneOf(Random random, int... values) {
    return values[random.nextInt(values.length)];
  }

  static long oneOf(Random random, long... values) {
    return values[random.nextInt(values.length)];
  }

  /** From 1 to {@code most}, small values as likely as large ones. */
  private static int magnitude(Random random, int most) {
    return (int) Math.max(1, Math.round(Math.exp(random.nextDouble() * Math.log(most))));
  }

  /** A bound, one less or one more; now and then much more. */
  private static int around(Random random, int bound) {
    return bound + oneOf(random, -1, 0, 1, 1, 1_000);
  }

  /** What most hostile modules have in common: all imports, memory, and the exports of a Spirit. */
  private static final class Spirit {
    final WasmBuilder wasm = new WasmBuilder();
    final Map<String, Integer> host = new LinkedHashMap<>();
    final int nothing;
    Code alloc = new Code().i32(0x1000);
    Code handle = new Code();
    Code init;
    Code start;
    Code initialize;
    String memory = "memory";
    long pages = 1;
    long maxPages = -1;

    Spirit() {
      HOST.forEach(
          (name, type) ->
              host.put(
                  name,
                  wasm.imported(
                      SpiritAbi.functions().containsKey(name) ? FlatAbi.MODULE : SpiritAbi.WASI,
                      name,
                      wasm.type(letters(type.parameters()), letters(type.results())))));
      nothing = wasm.type(VOID, VOID);
    }

    private static String letters(List<ValueType> types) {
      return types.stream()
          .map(type -> type == ValueType.I32 ? "i" : "l")
          .collect(Collectors.joining());
    }

    int function(Code body) {
      return wasm.function(nothing, body);
    }

    /** Does this somewhere. */
    Spirit misbehave(Random random, Code misdeed) {
      switch (random.nextInt(8)) {
        case 0 -> alloc = new Code().add(misdeed).i32(0x1000);
        case 1 -> init = misdeed;
        case 2 -> start = misdeed;
        case 3 -> initialize = misdeed;
        default -> handle = misdeed;
      }
      return this;
    }

    byte[] bytes() {
      wasm.memory(pages, maxPages);
      wasm.export(memory, 2, 0);
      wasm.exportFunction("spirit_abi_1", function(new Code()));
      wasm.exportFunction("spirit_alloc", wasm.function(wasm.type("i", "i"), alloc));
      // The misdeed, then a reply that tells what is in memory.
      wasm.exportFunction(
          "spirit_handle",
          wasm.function(wasm.type("ii", "l"), new Code().add(handle).i64(0x10_0000_0008L)));
      if (init != null) {
        wasm.exportFunction(
            "spirit_init", wasm.function(wasm.type("ii", "i"), new Code().add(init).i32(0)));
      }
      if (initialize != null) {
        wasm.exportFunction("_initialize", function(initialize));
      }
      if (start != null) {
        wasm.start(function(start));
      }
      return wasm.bytes();
    }
  }

  // Without end

  private static byte[] loop(Random random) {
    Spirit spirit = new Spirit();
    int count = spirit.wasm.global(0);
    int helper = spirit.function(new Code().getGlobal(count).i64(1).raw(0x7c).setGlobal(count));
    Code work =
        switch (random.nextInt(8)) {
          case 0 -> new Code();
          case 1 -> new Code().call(helper);
          case 2 -> new Code().i32(0).i32(0).load().i32(1).raw(0x6a).store();
          case 3 -> new Code().i32(0).i32(7).i32(0xffff).raw(0xfc, 11, 0);
          case 4 -> new Code().i32(64).i32(64).call(spirit.host.get("self")).drop();
          case 5 -> new Code().call(spirit.host.get("now")).drop();
          case 6 -> new Code().i32(4).i32(0).i32(8).call(spirit.host.get("log"));
          default -> new Code().add(new byte[0]).times(1_000, c -> c.i32(1).drop());
        };
    int depth = magnitude(random, 20);
    Code body = new Code();
    for (int i = 0; i < depth; i++) {
      body.loop();
    }
    body.add(work);
    switch (random.nextInt(3)) {
      case 0 -> body.br(random.nextInt(depth));
      case 1 -> body.i32(1).brIf(random.nextInt(depth));
      default -> {
        body.i32(random.nextInt(depth + 2)).raw(0x0e).u32(depth);
        for (int i = 0; i < depth; i++) {
          body.u32(i);
        }
        body.u32(0);
      }
    }
    for (int i = 0; i < depth; i++) {
      body.end();
    }
    return spirit.misbehave(random, body).bytes();
  }

  // Bombs

  private static byte[] memoryBomb(Random random) {
    Spirit spirit = new Spirit();
    int step = oneOf(random, 1, 3, 16, 63, 64, 65, 32_767, 65_536, -1, Integer.MIN_VALUE);
    // Grows, writes the last word there is, and goes on until memory does not grow.
    Code body =
        new Code()
            .loop()
            .i32(step)
            .growMemory()
            .memorySize()
            .i32(0x10000)
            .raw(0x6c)
            .i32(4)
            .raw(0x6b)
            .i32(random.nextInt())
            .store()
            .i32(-1)
            .raw(0x47)
            .brIf(0)
            .end();
    if (random.nextBoolean()) {
      body.loop().i32(1).growMemory().drop().br(0).end();
    }
    spirit.pages = random.nextInt(4);
    return spirit.misbehave(random, body).bytes();
  }

  private static byte[] memoryDeclared(Random random) {
    Spirit spirit = new Spirit();
    spirit.pages = oneOf(random, 0, 63, 64, 65, 32_767, 32_768, 65_535, 65_536, 65_537, -1);
    spirit.maxPages = oneOf(random, -1, 0, 64, 65_536, 65_537);
    if (random.nextBoolean()) {
      int offset = oneOf(random, 0, -1, (int) MEMORY - 1, 0x10000, Integer.MAX_VALUE);
      spirit.wasm.data(offset, new byte[magnitude(random, 100_000)]);
    }
    spirit.handle.i32((int) MEMORY - 4).i32(1).store();
    return spirit.bytes();
  }

  private static byte[] tableBomb(Random random) {
    Spirit spirit = new Spirit();
    int initial = oneOf(random, 0, 1, TABLE_ENTRIES - 1, TABLE_ENTRIES, TABLE_ENTRIES + 1, -1);
    int tables = random.nextInt(3) == 0 ? around(random, 32) : 1 + random.nextInt(3);
    for (int i = 0; i < tables; i++) {
      spirit.wasm.table(i == 0 ? initial : 0, oneOf(random, -1, -1, 100_000));
    }
    int function = spirit.function(new Code());
    spirit.wasm.passiveElements(function);
    if (random.nextInt(3) == 0) {
      spirit.wasm.elements(oneOf(random, 0, -1, TABLE_ENTRIES, 1), function, function);
    }
    int step = oneOf(random, 1, 7, 1_000, TABLE_ENTRIES, Integer.MAX_VALUE, -1);
    int table = random.nextInt(tables);
    Code grow = new Code().raw(0xd2).u32(function).i32(step).raw(0xfc, 15).u32(table);
    Code body =
        random.nextBoolean()
            ? new Code().loop().add(grow).drop().br(0).end()
            : new Code().loop().add(grow).i32(-1).raw(0x47).brIf(0).end();
    body.i32(random.nextInt(TABLE_ENTRIES + 5)).callIndirect(spirit.nothing, table);
    return spirit.misbehave(random, body).bytes();
  }

  // Recursion

  private static byte[] recursion(Random random) {
    return recursion(random, false);
  }

  private static byte[] recursionToHost(Random random) {
    return recursion(random, true);
  }

  private static byte[] recursion(Random random, boolean host) {
    Spirit spirit = new Spirit();
    int parameters = oneOf(random, 0, 0, 1, 7, 14, 100, 200);
    String letters =
        random
            .ints(parameters, 0, 4)
            .mapToObj(i -> "ilfd".substring(i, i + 1))
            .collect(Collectors.joining());
    int type = spirit.wasm.type(letters, VOID);
    int locals = oneOf(random, 0, 1, 7, 14, 15, 16, 100, 2_000);
    int height = oneOf(random, 0, 0, 7, 14, 300);
    int partners = 1 + random.nextInt(3);
    boolean indirect = random.nextBoolean();
    // Now and then a function that is too long for a method of the JVM.
    int ballast = random.nextInt(6) == 0 ? 15_000 : 0;
    if (indirect) {
      spirit.wasm.table(partners, -1);
    }
    Code arguments = new Code();
    for (int i = 0; i < parameters; i++) {
      switch (letters.charAt(i)) {
        case 'i' -> arguments.i32(1);
        case 'l' -> arguments.i64(1);
        case 'f' -> arguments.raw(0x43, 0, 0, 0, 0);
        default -> arguments.raw(0x44, 0, 0, 0, 0, 0, 0, 0, 0);
      }
    }
    int first = spirit.wasm.next();
    for (int i = 0; i < partners; i++) {
      Code body = new Code();
      body.times(height, c -> c.i64(7));
      if (ballast > 0) {
        body.i32(0).iff().times(ballast, c -> c.i32(5).i32(6).store()).end();
      }
      if (host) {
        body.add(harmlessCall(random, spirit));
      }
      body.add(arguments);
      int next = (i + 1) % partners;
      if (indirect) {
        body.i32(next).callIndirect(type, 0);
      } else {
        body.call(first + next);
      }
      body.times(height, Code::drop);
      spirit.wasm.function(type, locals, "ild".charAt(random.nextInt(3)), body);
    }
    if (indirect) {
      int[] entries = new int[partners];
      Arrays.setAll(entries, i -> first + i);
      spirit.wasm.elements(0, entries);
    }
    return spirit.misbehave(random, new Code().add(arguments).call(first)).bytes();
  }

  /** A call of the host with arguments that are in order, so that it goes deep. */
  private static Code harmlessCall(Random random, Spirit spirit) {
    if (random.nextInt(8) == 0) {
      spirit.wasm.data(0x200, "a/bspace".getBytes(UTF_8));
    }
    Code code = new Code();
    List<String> names = List.copyOf(spirit.host.keySet());
    String name = names.get(random.nextInt(names.size()));
    if (ends(name)) {
      name = "log";
    }
    FunctionType type = HOST.get(name);
    boolean pointer = true;
    for (ValueType parameter : type.parameters()) {
      if (parameter == ValueType.I64) {
        code.i64(0);
      } else {
        code.i32(pointer ? 0x200 : oneOf(random, 0, 1, 3, 5));
        pointer = !pointer;
      }
    }
    code.call(spirit.host.get(name));
    return type.results().isEmpty() ? code : code.drop();
  }

  /** Whether a call of this function is the end of a turn. */
  private static boolean ends(String name) {
    return name.equals("fail") || name.equals("proc_exit");
  }

  // Large

  private static byte[] hugeFunction(Random random) {
    Spirit spirit = new Spirit();
    int size = random.nextInt(4) == 0 ? around(random, 1 << 20) : magnitude(random, 300_000);
    int locals = random.nextInt(4) == 0 ? around(random, 49_000) : magnitude(random, 2_000);
    int count = spirit.wasm.global(0);
    Code body = new Code();
    int form = random.nextInt(8);
    if (form == 3 || form == 4) {
      // Compiling takes more than its share where there is much control flow.
      size = Math.min(size, 60_000);
    }
    Code piece = new Code();
    switch (form) {
      case 0 -> piece.get(0).i32(3).raw(0x6c).i32(1).raw(0x6a).set(0);
      case 1 -> piece.i32(8).i32(0).load().store();
      case 2 -> piece.getGlobal(count).i64(1).raw(0x7c).setGlobal(count);
      case 3 -> piece.get(0).iff().i32(1).set(0).end();
      case 4 -> piece.block().get(0).brIf(0).end();
      case 5 -> piece.raw(0x01);
      case 6 -> piece.i32(0).i32(0).call(spirit.host.get("self")).drop();
      default -> piece.get(0);
    }
    int times = Math.max(1, size / piece.size() - 4);
    body.add(new Code().times(times, c -> c.add(piece)));
    if (form == 7) {
      // As many values at once as fit, and away with them.
      body = new Code().times(times / 2, c -> c.get(0)).times(times / 2, Code::drop);
    }
    int function = spirit.wasm.function(spirit.nothing, locals, 'i', body);
    return spirit.misbehave(random, new Code().call(function)).bytes();
  }

  private static byte[] deepNesting(Random random) {
    Spirit spirit = new Spirit();
    int form = random.nextInt(4);
    int bound = form == 1 ? 200 : 10_000;
    int depth = random.nextInt(3) == 0 ? around(random, bound) : magnitude(random, bound);
    Code body = new Code();
    for (int i = 0; i < depth; i++) {
      switch (form) {
        case 0 -> body.block();
        case 1 -> body.loop();
        case 2 -> body.i32(1).iff();
        default -> body.block().i32(0).brIf(random.nextInt(i + 1));
      }
    }
    for (int i = 0; i < depth; i++) {
      body.end();
    }
    int function = spirit.wasm.function(spirit.nothing, magnitude(random, 500), 'l', body);
    return spirit.misbehave(random, new Code().call(function)).bytes();
  }

  private static byte[] branchTable(Random random) {
    Spirit spirit = new Spirit();
    int targets = random.nextInt(3) == 0 ? around(random, 50_000) : magnitude(random, 20_000);
    int depth = magnitude(random, 300);
    int tables = random.nextInt(4) == 0 ? 1 + random.nextInt(5) : 1;
    Code body = new Code();
    for (int i = 0; i < depth; i++) {
      body.block();
    }
    for (int table = 0; table < tables; table++) {
      body.i32(oneOf(random, 0, 1, targets - 1, targets, -1, Integer.MIN_VALUE)).raw(0x0e);
      body.u32(targets);
      for (int i = 0; i <= targets; i++) {
        body.u32(random.nextInt(depth));
      }
    }
    for (int i = 0; i < depth; i++) {
      body.end();
    }
    int function = spirit.wasm.function(spirit.nothing, 3, 'i', body);
    return spirit.misbehave(random, new Code().call(function)).bytes();
  }

  /** At a bound of admission, or one over. */
  private static byte[] many(Random random) {
    Spirit spirit = new Spirit();
    WasmBuilder wasm = spirit.wasm;
    switch (random.nextInt(11)) {
      case 0 -> {
        for (int i = around(random, 50_000) - 30; i > 0; i--) {
          wasm.type("i", VOID);
        }
      }
      case 1 -> {
        for (int i = around(random, 10_000); i > 0; i--) {
          wasm.global(i);
        }
        spirit.handle.getGlobal(1).i64(5).raw(0x7c).setGlobal(0);
      }
      case 2 -> {
        for (int i = around(random, 10_000) - 4; i > 0; i--) {
          wasm.exportFunction("e" + i, 0);
        }
      }
      case 3 -> {
        for (int i = around(random, 100_000); i > 0; i--) {
          wasm.data(i % 1_000, new byte[] {(byte) i});
        }
      }
      case 4 -> {
        wasm.table(10, -1);
        for (int i = around(random, 10_000); i > 0; i--) {
          wasm.elements(i % 10, i % 7);
        }
      }
      case 5 -> {
        int some = random.nextInt(5) == 0 ? around(random, 100_000) : 1_000;
        for (int i = some - 4; i > 0; i--) {
          spirit.function(new Code());
        }
      }
      case 6 -> wasm.exportFunction("n".repeat(around(random, 10_000)), 0);
      case 7 -> {
        int type = wasm.type("l".repeat(around(random, 200)), "d".repeat(around(random, 100)));
        Code body = new Code().times(100, c -> c.raw(0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f));
        int function = wasm.function(type, body);
        Code call = new Code().times(200, c -> c.i64(9)).call(function).times(100, Code::drop);
        spirit.handle = call;
      }
      case 8 -> {
        wasm.table(0, -1);
        int[] entries = new int[oneOf(random, 9_999, 10_000, 10_001, 200_000)];
        wasm.elements(0, entries);
      }
      case 9 -> wasm.data(0, new byte[oneOf(random, 0xffff, 0x10000, 0x10001, 1 << 20)]);
      default -> {
        WasmBuilder imports = new WasmBuilder();
        int type = imports.type("ii", "i");
        for (int i = around(random, 1_000); i > 0; i--) {
          imports.imported(FlatAbi.MODULE, "self", type);
        }
        return imports.bytes();
      }
    }
    return spirit.bytes();
  }

  // Lies about lengths

  private static byte[] lyingLengths(Random random) {
    byte[] good = goodModule(random);
    long lie =
        oneOf(
            random,
            0,
            1,
            0x7f,
            0x80,
            0xffff,
            0x7fff_ffffL,
            0x8000_0000L,
            0xffff_fffeL,
            0xffff_ffffL,
            random.nextInt() & 0xffff_ffffL);
    byte[] bad = new Code().u32(lie).bytes();
    if (random.nextInt(5) == 0) {
      bad = new Code().raw(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, random.nextInt(256)).bytes();
    }
    // In front of a section: its length; behind that: its count; or anywhere.
    List<Integer> places = new ArrayList<>();
    int at = 8;
    while (at < good.length) {
      int place = at + 1;
      places.add(place);
      int length = 0;
      int shift = 0;
      do {
        length |= (good[place] & 0x7f) << shift;
        shift += 7;
      } while ((good[place++] & 0x80) != 0);
      places.add(place);
      places.add(place + 1);
      at = place + length;
    }
    int place = Math.min(places.get(random.nextInt(places.size())), good.length - 1);
    if (random.nextInt(4) == 0) {
      place = 8 + random.nextInt(good.length - 8);
    }
    Code out = new Code().add(Arrays.copyOf(good, place)).add(bad);
    return out.add(Arrays.copyOfRange(good, place + 1, good.length)).bytes();
  }

  // The host's functions

  private static byte[] hostPointers(Random random) {
    Spirit spirit = new Spirit();
    spirit.wasm.data(0x200, "a/bspace".getBytes(UTF_8));
    spirit.wasm.data(0x240, new byte[] {(byte) 0x91, (byte) 0xc0});
    int statuses = spirit.wasm.global(0);
    Code body = new Code();
    List<String> names = List.copyOf(spirit.host.keySet());
    int calls = 1 + random.nextInt(30);
    for (int i = 0; i < calls; i++) {
      String name = names.get(random.nextInt(names.size()));
      if (ends(name) && random.nextInt(8) > 0) {
        continue;
      }
      int sane = random.nextInt(3);
      boolean pointer = true;
      FunctionType type = HOST.get(name);
      for (ValueType parameter : type.parameters()) {
        if (parameter == ValueType.I64) {
          body.i64(oneOf(random, 0L, 1L, -1L, Long.MIN_VALUE, Long.MAX_VALUE));
        } else if (random.nextInt(3) < sane) {
          body.i32(pointer ? oneOf(random, 0x200, 0x203, 0x240) : oneOf(random, 1, 3, 5));
        } else {
          body.i32(oneOf(random, BOUNDARIES));
        }
        pointer = !pointer;
      }
      body.call(spirit.host.get(name));
      if (!type.results().isEmpty()) {
        // The statuses are part of the state that both engines must agree about.
        if (type.results().get(0) == ValueType.I32) {
          body.raw(0xad);
        }
        body.getGlobal(statuses).i64(31).raw(0x7e).raw(0x7c).setGlobal(statuses);
      }
    }
    if (random.nextInt(4) == 0) {
      spirit.alloc = new Code().i32(oneOf(random, BOUNDARIES));
    }
    return spirit.misbehave(random, body).bytes();
  }

  private static byte[] allocator(Random random) {
    Spirit spirit = new Spirit();
    spirit.wasm.data(0x200, "a/bspace".getBytes(UTF_8));
    spirit.wasm.data(0x240, new byte[] {(byte) 0x91, (byte) 0xc0});
    // Reading a tuple calls the allocator inside of a host call, from wherever that is.
    Code read =
        new Code()
            .i32(0x203)
            .i32(5)
            .i32(0x240)
            .i32(2)
            .i64(0)
            .i32(oneOf(random, 0x300L, 0x1000L, 0xfffcL, 0xfffdL, 0x1_0000L, 0xffff_ffffL))
            .i32(oneOf(random, 0x300L, 0x304L, 0x1000L, 0xfffcL, 0x1_fffcL))
            .call(spirit.host.get(random.nextBoolean() ? "tuplespace_read" : "tuplespace_take"));
    int itself = spirit.wasm.next();
    Code alloc = new Code();
    switch (random.nextInt(12)) {
      case 0 -> alloc.i32(oneOf(random, BOUNDARIES));
      case 1 -> alloc.unreachable().i32(0);
      case 2 -> alloc.loop().br(0).end().i32(0);
      case 3 -> alloc.get(0).call(itself);
      case 4 -> alloc.i32(oneOf(random, 1, 7, 64, 65_536)).growMemory().i32(16).raw(0x74);
      case 5 -> alloc.add(read).drop().i32(0x1000);
      case 6 -> alloc.add(harmlessCall(random, spirit)).i32(0x1000);
      case 7 -> alloc.memorySize().i32(16).raw(0x74).get(0).raw(0x6b);
      case 8 -> alloc.memorySize().i32(16).raw(0x74).get(0).raw(0x6b).i32(1).raw(0x6a);
      case 9 -> alloc.i32(1).growMemory().drop().i32(0).i32(0).load().raw(0x6d);
      case 10 -> alloc.i32(7).i32(0).i32(0).call(spirit.host.get("fail")).i32(0x1000);
      default -> alloc.i32(oneOf(random, 0x1ff, 0x23f, 0x240, 0x2ff, 0x0, 0x3));
    }
    int function = spirit.wasm.function(spirit.wasm.type("i", "i"), alloc);
    spirit.alloc = new Code().get(0).call(function);
    Code body = random.nextInt(3) == 0 ? new Code() : new Code().times(1, c -> c.add(read).drop());
    if (random.nextInt(3) == 0) {
      body.times(random.nextInt(20), c -> c.add(read).drop());
    }
    spirit.maxPages = oneOf(random, -1, 1, 3);
    switch (random.nextInt(4)) {
      case 0 -> spirit.init = body;
      case 1 -> spirit.start = body;
      default -> spirit.handle = body;
    }
    return spirit.bytes();
  }

  private static byte[] reply(Random random) {
    Spirit spirit = new Spirit();
    spirit.pages = oneOf(random, 0, 1, 2);
    long packed = oneOf(random, BOUNDARIES) << 32 | oneOf(random, BOUNDARIES);
    spirit.handle.i64(packed).raw(0x0f);
    return spirit.bytes();
  }

  private static byte[] trap(Random random) {
    Spirit spirit = new Spirit();
    spirit.wasm.table(3, -1);
    spirit.wasm.elements(0, 0);
    int before = spirit.wasm.global(0);
    Code trap = new Code().getGlobal(before).i64(1).raw(0x7c).setGlobal(before);
    switch (random.nextInt(12)) {
      case 0 -> trap.unreachable();
      case 1 -> trap.i32(1).i32(0).raw(oneOf(random, 0x6d, 0x6e, 0x6f, 0x70)).drop();
      case 2 -> trap.i64(1).i64(0).raw(oneOf(random, 0x7f, 0x80, 0x81, 0x82)).drop();
      case 3 -> trap.i32(Integer.MIN_VALUE).i32(-1).raw(0x6d).drop();
      case 4 -> trap.i64(Long.MIN_VALUE).i64(-1).raw(0x7f).drop();
      case 5 -> trap.raw(0x43, 0, 0, 0xc0, 0x7f).raw(0xa8 + random.nextInt(2)).drop();
      case 6 -> trap.raw(0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f).raw(0xaa + random.nextInt(2)).drop();
      case 7 -> trap.i32(oneOf(random, 1, 2)).callIndirect(spirit.nothing, 0);
      case 8 -> trap.i32(0).callIndirect(spirit.nothing, 0);
      case 9 -> trap.i32(oneOf(random, 3, -1)).callIndirect(spirit.nothing, 0);
      case 10 -> trap.i32(oneOf(random, BOUNDARIES)).load().drop();
      default ->
          trap.i32(oneOf(random, BOUNDARIES)).raw(0x29, 3).u32(oneOf(random, BOUNDARIES)).drop();
    }
    return spirit.misbehave(random, trap).bytes();
  }

  private static byte[] flood(Random random) {
    Spirit spirit = new Spirit();
    spirit.wasm.data(0x200, "a/bspace".getBytes(UTF_8));
    spirit.wasm.data(0x240, new byte[] {(byte) 0x91, (byte) 0xc0});
    int size = oneOf(random, 0, 1, 1_000, 60_000, PAYLOAD);
    Code body = new Code().loop();
    switch (random.nextInt(7)) {
      case 0 ->
          body.i32(0x200)
              .i32(3)
              .i32(0x200)
              .i32(1)
              .i32(0)
              .i32(size)
              .call(spirit.host.get("send_message"));
      case 1 ->
          body.i32(0x200).i32(1).i32(0x202).i32(1).i32(0).i32(size).call(spirit.host.get("spawn"));
      case 2 -> body.i32(0x200).i32(3).call(spirit.host.get("stop"));
      case 3 ->
          body.i32(0x203).i32(5).i32(0x240).i32(2).i64(0).call(spirit.host.get("tuplespace_write"));
      case 4 -> body.i32(4).i32(0).i32(size).call(spirit.host.get("log")).i32(0);
      case 5 -> body.call(spirit.host.get("now")).raw(0xa7);
      default -> body.i32(0x1000).i32(size / 2).call(spirit.host.get("random"));
    }
    body.drop().br(0).end();
    return spirit.misbehave(random, body).bytes();
  }

  private static byte[] tuples(Random random) {
    Spirit spirit = new Spirit();
    spirit.wasm.data(0x200, "a/bspace".getBytes(UTF_8));
    spirit.pages = 4;
    Code body = new Code();
    for (int i = random.nextInt(4); i >= 0; i--) {
      byte[] tuple = tuple(random);
      int at = 0x4000 + 0x1000 * i;
      boolean inside = tuple.length < 0x1000;
      if (inside) {
        spirit.wasm.data(at, tuple);
      }
      body.i32(0x203).i32(5).i32(inside ? at : 0x10000);
      body.i32(random.nextInt(5) == 0 ? 0x1000 : tuple.length).i64(0);
      if (!inside) {
        spirit.wasm.data(0x10000, tuple);
      }
      if (random.nextBoolean()) {
        body.call(spirit.host.get("tuplespace_write")).drop();
      } else {
        body.i32(0x300).i32(0x304);
        body.call(spirit.host.get(random.nextBoolean() ? "tuplespace_read" : "tuplespace_take"));
        body.drop();
      }
    }
    return spirit.misbehave(random, body).bytes();
  }

  /** MessagePack that lies: about counts, lengths, nesting, or just bytes. */
  private static byte[] tuple(Random random) {
    Code code = new Code();
    switch (random.nextInt(10)) {
      case 0 -> code.raw(0xdd, 0xff, 0xff, 0xff, 0xff);
      case 1 -> code.raw(0x91, 0xdd, 0x7f, 0xff, 0xff, 0xff).raw(0xc0);
      case 2 -> code.raw(0x91, 0xdf, 0xff, 0xff, 0xff, 0xff).raw(0xc0);
      case 3 -> code.raw(0x91, oneOf(random, 0xc6, 0xdb), 0xff, 0xff, 0xff, 0xff).raw(1);
      case 4 -> code.raw(0x91, oneOf(random, 0xc6, 0xdb), 0x7f, 0xff, 0xff, 0xff).raw(1);
      case 5 -> code.times(oneOf(random, 31, 32, 33, 2_000, 150_000), c -> c.raw(0x91)).raw(0xc0);
      case 6 -> code.times(oneOf(random, 31, 33, 2_000), c -> c.raw(0x81, 0xa1, 0x61)).raw(0xc0);
      case 7 -> code.raw(0xdc, 0x03, oneOf(random, 0xe7, 0xe8, 0xe9)).times(1_000, c -> c.raw(1));
      case 8 -> code.raw(0x91, oneOf(random, 0xc1, 0xc7, 0xc9, 0xd4, 0xcb, 0xcf, 0xd9, 0xa5), 0xff);
      default -> {
        byte[] noise = new byte[1 + random.nextInt(60)];
        random.nextBytes(noise);
        code.raw(0x90 + random.nextInt(16)).add(noise);
      }
    }
    return code.bytes();
  }

  /** Copies, fills and initialisations with ranges at every boundary. */
  private static byte[] bulk(Random random) {
    Spirit spirit = new Spirit();
    spirit.wasm.table(20, 30);
    int function = spirit.function(new Code());
    int segment = spirit.wasm.passiveElements(function, function, function);
    int data = spirit.wasm.passiveData("hello".getBytes(UTF_8));
    Code body = new Code();
    for (int i = random.nextInt(6); i >= 0; i--) {
      boolean sane = random.nextInt(3) > 0;
      long most = sane ? 20 : 0x1_0000_0000L;
      long[] a = new long[3];
      Arrays.setAll(
          a,
          j ->
              sane
                  ? random.nextInt(j == 2 ? 4 : 10)
                  : Math.min(most, oneOf(random, BOUNDARIES) + random.nextInt(2)));
      switch (random.nextInt(9)) {
        case 0 -> body.i32(a[0]).i32(a[1]).i32(a[2]).raw(0xfc, 8).u32(data).raw(0);
        case 1 -> body.raw(0xfc, 9).u32(data);
        case 2 -> body.i32(a[0]).i32(a[1]).i32(a[2]).raw(0xfc, 10, 0, 0);
        case 3 -> body.i32(a[0]).i32(a[1]).i32(a[2]).raw(0xfc, 11, 0);
        case 4 -> body.i32(a[0]).i32(a[1]).i32(a[2]).raw(0xfc, 12).u32(segment).raw(0);
        case 5 -> body.raw(0xfc, 13).u32(segment);
        case 6 -> body.i32(a[0]).i32(a[1]).i32(a[2]).raw(0xfc, 14, 0, 0);
        case 7 -> body.i32(a[0]).raw(0xd2).u32(function).i32(a[2]).raw(0xfc, 17, 0);
        default -> body.i32(a[0]).raw(0xd0, 0x70).raw(0x26, 0);
      }
    }
    return spirit.misbehave(random, body).bytes();
  }

  /** Almost a Spirit. */
  private static byte[] wrongExports(Random random) {
    Spirit spirit = new Spirit();
    int wrong =
        spirit.wasm.function(
            spirit.wasm.type(
                List.of(VOID, "ii", "lfd").get(random.nextInt(3)),
                List.of(VOID, "l", "i", "iii").get(random.nextInt(4))),
            new Code().unreachable());
    switch (random.nextInt(5)) {
      case 0 -> spirit.memory = "memory2";
      case 1 -> spirit.wasm.exportFunction("spirit_init", wrong);
      case 2 -> spirit.wasm.exportFunction("_initialize", wrong);
      case 3 -> spirit.wasm.exportFunction("spirit_alloc", wrong);
      default -> spirit.wasm.start(wrong);
    }
    return spirit.bytes();
  }

  // Damaged

  private static byte[] mutated(Random random) {
    byte[] module = goodModule(random);
    for (int i = random.nextInt(oneOf(random, 1, 3, 20)); i >= 0; i--) {
      int at = 8 + random.nextInt(module.length - 8);
      switch (random.nextInt(4)) {
        case 0 -> module[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> module[at] = (byte) random.nextInt(256);
        case 2 -> module[at] = (byte) oneOf(random, 0, 0x7f, 0x80, 0xff, 0x0b, 0x40, 0x20, 0x10);
        default -> {
          int from = 8 + random.nextInt(module.length - 8);
          int length = Math.min(1 + random.nextInt(8), module.length - Math.max(from, at));
          System.arraycopy(module, from, module, at, length);
        }
      }
    }
    return module;
  }

  private static byte[] truncated(Random random) {
    byte[] module = goodModule(random);
    return Arrays.copyOf(module, random.nextInt(module.length));
  }

  private static List<byte[]> good;

  /** A fresh copy of an example. */
  private static synchronized byte[] goodModule(Random random) {
    if (good == null) {
      good = new ArrayList<>();
      Path examples = Path.of("../examples").toAbsolutePath();
      try {
        for (String name : List.of("kv", "wc-collector", "wc-splitter", "wc-worker")) {
          good.add(Files.readAllBytes(examples.resolve("prebuilt/" + name + ".wasm")));
        }
        for (String name : List.of("counter", "dispatch", "grower")) {
          Path text = examples.resolve(name + "/" + name + ".wat");
          good.add(Wat2Wasm.parse(Files.readString(text, UTF_8)));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return good.get(random.nextInt(good.size())).clone();
  }
}
