package io.vudo.embedded;

import static io.vudo.embedded.Guests.fails;
import static io.vudo.embedded.Guests.on;
import static io.vudo.embedded.Guests.wasm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Blocks, texts and genes in a Spirit's memory. */
class MemoryManagerTest extends EmbeddedContract {
  private static final int PAGE = 65_536;

  private static final String PLAIN =
      """
      (module (memory (export "memory") 1)
        (func (export "load64") (param i32) (result i64) (i64.load (local.get 0)))
        (func (export "sum") (param i32) (result i64)
          (i64.add (i64.load (local.get 0)) (i64.load offset=8 (local.get 0))))
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "pages") (result i32) (memory.size)))
      """;

  record Point(long x, long y) {}

  private static final GeneLayout POINT =
      GeneLayout.named("Point")
          .size(16)
          .alignment(8)
          .field("x", GeneLayout.Type.I64, 0)
          .field("y", GeneLayout.Type.I64, 8)
          .build();

  // Blocks of the bump allocator

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void blocksLieBehindWhatIsTheGuests(String engine) {
    try (Spirit spirit = Guests.load(engine, PLAIN)) {
      MemoryManager memory = spirit.memory();
      assertEquals(PAGE, memory.size());
      assertEquals(PAGE, memory.alloc(5));
      assertEquals(PAGE + 8, memory.alloc(1), "blocks are aligned to 8");
      assertEquals(PAGE + 16, memory.alloc(0), "an empty block has an address, too");
      assertEquals(PAGE + 256, memory.alloc(8, 256));
      assertEquals(PAGE + 264, memory.alloc(1, 1));
      assertEquals(PAGE + 265, memory.alloc(1, 1));
      assertEquals(2, spirit.call("pages"));
      memory.reset();
      assertEquals(PAGE, memory.alloc(5), "reset frees all");
      assertEquals(2, spirit.call("pages"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void theRegionGrowsAndTheGuestsOwnPagesAreLeftAlone(String engine) {
    try (Spirit spirit = Guests.load(engine, PLAIN)) {
      MemoryManager memory = spirit.memory();
      int first = memory.alloc(PAGE - 8);
      int second = memory.alloc(3 * PAGE);
      assertEquals(PAGE, first);
      assertEquals(2 * PAGE - 8, second, "pages in a row are one region");
      assertEquals(5, spirit.call("pages"));
      assertEquals(5, spirit.call("grow", 1), "page 5 is the guest's now");
      memory.write(5 * PAGE, new byte[] {1, 2, 3});
      int third = memory.alloc(PAGE);
      assertEquals(6 * PAGE, third);
      memory.write(third, new byte[PAGE]);
      memory.write(second, new byte[3 * PAGE]);
      assertArrayEquals(new byte[] {1, 2, 3}, memory.read(5 * PAGE, 3));
      memory.free(third);
      memory.free(second);
      assertEquals(second, memory.alloc(8), "the first region is used before the second");
      assertEquals(6 * PAGE, memory.alloc(4 * PAGE), "the last one grows");
      assertEquals(10, spirit.call("pages"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void whereThereIsNoRoomThereIsAnError(String engine) {
    try (Spirit spirit = Spirit.load(wasm(PLAIN), on(engine).memory(1, 3))) {
      MemoryManager memory = spirit.memory();
      fails(ErrorCode.GUEST_OUT_OF_MEMORY, () -> memory.alloc(2 * PAGE + 1));
      fails(ErrorCode.GUEST_OUT_OF_MEMORY, () -> memory.alloc(Integer.MAX_VALUE));
      int all = memory.alloc(2 * PAGE);
      fails(ErrorCode.GUEST_OUT_OF_MEMORY, () -> memory.alloc(1));
      memory.free(all);
      assertEquals(all, memory.alloc(1));
      fails(ErrorCode.ARGUMENT_INVALID, () -> memory.alloc(-1));
      fails(ErrorCode.ARGUMENT_INVALID, () -> memory.alloc(8, 3));
      fails(ErrorCode.ARGUMENT_INVALID, () -> memory.alloc(8, 0));
      fails(ErrorCode.ARGUMENT_INVALID, () -> memory.alloc(8, Integer.MIN_VALUE));
    }
    try (Spirit spirit = Guests.load(engine, "(module (func (export \"f\")))")) {
      fails(ErrorCode.GUEST_OUT_OF_MEMORY, () -> spirit.memory().alloc(1));
      fails(ErrorCode.POINTER_INVALID, () -> spirit.memory().read(0, 1));
      assertEquals(0, spirit.memory().size());
      assertNull(spirit.call("f"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void whatIsFreedIsUsedAgainOnceNothingLiesBehindIt(String engine) {
    try (Spirit spirit = Guests.load(engine, PLAIN)) {
      MemoryManager memory = spirit.memory();
      int a = memory.alloc(16);
      int b = memory.alloc(16);
      int c = memory.alloc(16);
      memory.free(b);
      assertEquals(c + 16, memory.alloc(16));
      memory.free(c + 16);
      memory.free(c);
      assertEquals(b, memory.alloc(16));
      memory.free(a);
      fails(ErrorCode.POINTER_INVALID, () -> memory.free(a));
      fails(ErrorCode.POINTER_INVALID, () -> memory.free(b + 8));
      fails(ErrorCode.POINTER_INVALID, () -> memory.free(0));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void blocksNeverOverlap(String engine) {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("MemoryManagerTest -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    try (Spirit spirit = Guests.load(engine, PLAIN)) {
      MemoryManager memory = spirit.memory();
      TreeMap<Integer, byte[]> live = new TreeMap<>();
      for (int step = 0; step < 3_000; step++) {
        if (live.size() > 40 || (!live.isEmpty() && random.nextInt(3) == 0)) {
          List<Integer> pointers = new ArrayList<>(live.keySet());
          int pointer = pointers.get(random.nextInt(pointers.size()));
          byte[] bytes = live.remove(pointer);
          assertArrayEquals(bytes, memory.read(pointer, bytes.length), "at step " + step);
          memory.free(pointer);
        } else if (random.nextInt(200) == 0) {
          spirit.call("grow", 1);
        } else {
          byte[] bytes = new byte[random.nextInt(2_000)];
          random.nextBytes(bytes);
          int alignment = 1 << random.nextInt(8);
          int pointer = memory.alloc(bytes.length, alignment);
          assertEquals(0, pointer % alignment);
          memory.write(pointer, bytes);
          live.put(pointer, bytes);
        }
      }
      live.forEach(
          (pointer, bytes) -> assertArrayEquals(bytes, memory.read(pointer, bytes.length)));
    }
  }

  // Blocks of the guest's own allocator

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void theGuestsAllocatorIsUsedWhenItExportsOne(String engine) {
    try (Spirit spirit = Spirit.load(Guests.texts(Guests.ALLOC), on(engine))) {
      MemoryManager memory = spirit.memory();
      assertEquals(4096, memory.alloc(8));
      assertEquals(4104, memory.alloc(3));
      int aligned = memory.alloc(8, 64);
      assertEquals(0, aligned % 64);
      assertEquals(PAGE, memory.size(), "nothing is added");
      int before = (Integer) spirit.call("freed");
      memory.free(4096);
      assertEquals(before + 8, spirit.call("freed"));
      fails(ErrorCode.POINTER_INVALID, () -> memory.free(4096));
      memory.reset();
      assertEquals(0, memory.blocks());
      fails(ErrorCode.GUEST_OUT_OF_MEMORY, () -> memory.alloc(PAGE));
      assertEquals(5, spirit.call("length", "still"), "an allocator that is full is no failure");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"malloc/1/free/1", "spirit_alloc/1", "alloc/2/dealloc/3", "alloc/2/free/2"})
  void allocatorsOfOtherNamesAndShapesAreFound(String shape) {
    String[] parts = shape.split("/", -1);
    String allocator =
        """
        (global $asked (mut i32) (i32.const 0))
        (global $freed (mut i32) (i32.const 0))
        (func (export "%s") (param %s) (result i32)
          (global.set $asked (local.get 0)) (i32.const 8192))
        (func (export "asked") (result i32) (global.get $asked))
        (func (export "freed") (result i32) (global.get $freed))
        """
            .formatted(parts[0], "i32 ".repeat(Integer.parseInt(parts[1])));
    if (parts.length > 2) {
      allocator +=
          """
          (func (export "%s") (param %s) (global.set $freed (local.get 0)))
          """
              .formatted(parts[2], "i32 ".repeat(Integer.parseInt(parts[3])));
    }
    try (Spirit spirit = Spirit.load(Guests.texts(allocator), on(JVM))) {
      int pointer = spirit.memory().alloc(24);
      assertEquals(8192, pointer);
      assertEquals(24, spirit.call("asked"));
      spirit.memory().free(pointer);
      assertEquals(parts.length > 2 ? 8192 : 0, spirit.call("freed"));
    }
  }

  @Test
  void whatIsNoAllocatorByItsTypeIsNoneByItsName() {
    String other = "(func (export \"alloc\") (param i64) (result i64) (local.get 0))";
    try (Spirit spirit = Spirit.load(Guests.texts(other), on(JVM))) {
      assertEquals(PAGE, spirit.memory().alloc(8));
    }
  }

  @Test
  void anAllocatorWithOneBufferIsFoundOut() {
    String one = "(func (export \"spirit_alloc\") (param i32) (result i32) (i32.const 8192))";
    try (Spirit spirit = Spirit.load(Guests.texts(one), on(JVM))) {
      MemoryManager memory = spirit.memory();
      assertEquals(8192, memory.alloc(16));
      VudoException failure = fails(ErrorCode.GUEST_OUT_OF_MEMORY, () -> memory.alloc(16));
      assertTrue(failure.detail().contains("one buffer"), failure.detail());
      assertEquals(3, spirit.call("length", "abc"), "each call may use it");
      assertEquals(3, spirit.call("length", "def"));
      fails(ErrorCode.GUEST_OUT_OF_MEMORY, () -> spirit.call("distance", "abc", "def"));
    }
  }

  @Test
  void anAllocatorThatAnswersNonsenseIsFoundOut() {
    for (String answer : List.of("0", "-8", "65530")) {
      String bad = "(func (export \"alloc\") (param i32) (result i32) (i32.const " + answer + "))";
      try (Spirit spirit = Spirit.load(Guests.texts(bad), on(JVM))) {
        fails(ErrorCode.GUEST_OUT_OF_MEMORY, () -> spirit.memory().alloc(8));
        fails(ErrorCode.GUEST_OUT_OF_MEMORY, () -> spirit.call("length", "12345678"));
        assertEquals(0, spirit.call("length", ""));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void anAllocatorThatTrapsEndsTheSpirit(String engine) {
    String trap = "(func (export \"alloc\") (param i32) (result i32) (unreachable))";
    try (Spirit spirit = Spirit.load(Guests.texts(trap), on(engine))) {
      fails(ErrorCode.TRAP_UNREACHABLE, () -> spirit.memory().alloc(8));
      fails(ErrorCode.SPIRIT_FAILED, () -> spirit.call("none"));
    }
  }

  // Bytes and texts

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void everyAddressIsChecked(String engine) {
    try (Spirit spirit = Guests.load(engine, PLAIN)) {
      MemoryManager memory = spirit.memory();
      assertEquals(0, memory.read(PAGE, 0).length);
      memory.write(PAGE - 1, new byte[] {7});
      assertArrayEquals(new byte[] {7}, memory.read(PAGE - 1, 1));
      fails(ErrorCode.POINTER_INVALID, () -> memory.read(PAGE, 1));
      fails(ErrorCode.POINTER_INVALID, () -> memory.read(-1, 1));
      fails(ErrorCode.POINTER_INVALID, () -> memory.read(0, -1));
      fails(ErrorCode.POINTER_INVALID, () -> memory.read(0, Integer.MAX_VALUE));
      fails(ErrorCode.POINTER_INVALID, () -> memory.write(PAGE - 1, new byte[2]));
      fails(ErrorCode.POINTER_INVALID, () -> memory.readString(PAGE - 1, 2));
      fails(ErrorCode.POINTER_INVALID, () -> memory.readPrefixedString(PAGE - 3));
      fails(ErrorCode.POINTER_INVALID, () -> memory.readPacked(-1));
      fails(ErrorCode.POINTER_INVALID, () -> memory.readGene(PAGE - 15, POINT));
      fails(ErrorCode.POINTER_INVALID, () -> memory.writeGene(PAGE - 15, new Point(1, 2)));
      memory.write(0, new byte[] {-1, -1, -1, -1});
      fails(ErrorCode.POINTER_INVALID, () -> memory.readPrefixedString(0));
      assertEquals(1, spirit.call("pages"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void textsAreUtf8(String engine) {
    try (Spirit spirit = Guests.load(engine, PLAIN)) {
      MemoryManager memory = spirit.memory();
      String text = "a ä € 𝄞";
      MemoryManager.Range range = memory.writeString(text);
      assertEquals(13, range.length());
      assertEquals(text, memory.readString(range.pointer(), range.length()));
      assertEquals(text, memory.readPackedString(range.packed()));
      memory.free(range.pointer());
      int prefixed = memory.writePrefixedString(text);
      assertArrayEquals(new byte[] {13, 0, 0, 0, 'a'}, memory.read(prefixed, 5));
      assertEquals(text, memory.readPrefixedString(prefixed));
      assertEquals("", memory.readPrefixedString(memory.writePrefixedString("")));
      MemoryManager.Range bytes = memory.writeBytes(new byte[] {-1, 0, 1});
      assertArrayEquals(new byte[] {-1, 0, 1}, memory.readPacked(bytes.packed()));
      fails(ErrorCode.ARGUMENT_INVALID, () -> memory.readString(bytes.pointer(), bytes.length()));
      fails(ErrorCode.ARGUMENT_INVALID, () -> memory.writeString("\udc00"));
      assertNull(memory.readPacked(0));
    }
  }

  // Genes

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void aGeneIsWrittenForTheGuestAndReadBack(String engine) {
    try (Spirit spirit = Guests.load(engine, PLAIN)) {
      MemoryManager memory = spirit.memory();
      int pointer = memory.alloc(POINT);
      memory.writeGene(pointer, Map.of("x", 10L, "y", 20), POINT);
      assertEquals(30L, spirit.call("sum", pointer));
      assertEquals(10L, spirit.call("load64", pointer));
      assertEquals(Map.of("x", 10L, "y", 20L), memory.readGene(pointer, POINT));
      assertEquals(new Point(10, 20), memory.readGene(pointer, Point.class));
      memory.writeGene(pointer, new Point(-1, 1L << 50));
      assertEquals((1L << 50) - 1, spirit.call("sum", pointer));
      memory.free(pointer);
    }
  }

  record Inner(float weight, boolean open) {}

  record Everything(int i, long l, Inner inner, double d, String text, boolean flag) {}

  @ParameterizedTest
  @ValueSource(strings = {WASMTIME, JVM})
  void everyTypeOfFieldCrosses(String engine) {
    for (String allocator : List.of("", Guests.ALLOC)) {
      try (Spirit spirit = Spirit.load(Guests.texts(allocator), on(engine))) {
        MemoryManager memory = spirit.memory();
        GeneLayout layout = GeneLayout.of(Everything.class);
        int pointer = memory.alloc(layout);
        Everything gene = new Everything(-7, 1L << 40, new Inner(0.5f, true), -2.25, "grün", false);
        memory.writeGene(pointer, gene);
        assertEquals(gene, memory.readGene(pointer, Everything.class));
        Map<String, Object> values = memory.readGene(pointer, layout);
        assertEquals(List.of("i", "l", "inner", "d", "text", "flag"), List.copyOf(values.keySet()));
        assertEquals(Map.of("weight", 0.5f, "open", true), values.get("inner"));
        memory.writeGene(pointer, values, layout);
        assertEquals(gene, memory.readGene(pointer, Everything.class));
        Everything other = new Everything(0, 0, new Inner(0, false), 0, null, true);
        memory.writeGene(pointer, other);
        assertEquals(other, memory.readGene(pointer, Everything.class));
        assertEquals(3, memory.blocks(), "the gene, and the two texts that were written");
        memory.free(pointer);
        assertEquals(0, memory.blocks(), "the texts go with the gene");
      }
    }
  }

  @Test
  void bytesBetweenFieldsStay() {
    GeneLayout sparse =
        GeneLayout.named("Sparse")
            .size(12)
            .field("a", GeneLayout.Type.I32, 0)
            .field("b", GeneLayout.Type.I32, 8)
            .build();
    try (Spirit spirit = Guests.load(JVM, PLAIN)) {
      MemoryManager memory = spirit.memory();
      memory.write(0, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13});
      memory.writeGene(0, Map.of("a", 0, "b", -1), sparse);
      assertArrayEquals(
          new byte[] {0, 0, 0, 0, 5, 6, 7, 8, -1, -1, -1, -1, 13}, memory.read(0, 13));
    }
  }

  @Test
  void valuesThatDoNotFitAreNotWritten() {
    GeneLayout layout =
        GeneLayout.named("Person")
            .field("name", GeneLayout.Type.STRING)
            .field("age", GeneLayout.Type.I32)
            .build();
    try (Spirit spirit = Guests.load(JVM, PLAIN)) {
      MemoryManager memory = spirit.memory();
      Map<String, Object> none = new HashMap<>();
      none.put("name", "Ada");
      none.put("age", null);
      for (Map<String, Object> values :
          List.of(
              Map.<String, Object>of("name", "Ada"),
              Map.<String, Object>of("name", "Ada", "age", 1L),
              Map.<String, Object>of("name", "Ada", "age", "36"),
              Map.<String, Object>of("name", "Ada", "age", true),
              Map.<String, Object>of("name", 7, "age", 36),
              Map.<String, Object>of("name", "Ada", "age", 36, "title", "Lady"),
              none)) {
        VudoException failure =
            fails(ErrorCode.GENE_INVALID, () -> memory.writeGene(8, values, layout));
        assertTrue(failure.detail().startsWith("Person: "), failure.detail());
        assertArrayEquals(new byte[8], memory.read(8, 8));
        assertEquals(0, memory.blocks());
      }
      // Half of a surrogate pair is found when the text is written: what was there stays.
      fails(
          ErrorCode.ARGUMENT_INVALID,
          () -> memory.writeGene(8, Map.of("name", "\ud800", "age", 1), layout));
      assertArrayEquals(new byte[8], memory.read(8, 8));
      fails(ErrorCode.GENE_INVALID, () -> memory.readGene(8, layout, Point.class));
      record Wrong(String name, short age) {}
      fails(ErrorCode.GENE_INVALID, () -> memory.readGene(8, layout, Wrong.class));
    }
  }
}
