package io.vudo.journal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class PageTrackerTest {
  private static final int PAGE = StateSnapshot.PAGE_BYTES;

  /** Against a model that copies everything always. */
  @Test
  void behavesAsAPlainCopy() {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("PageTrackerTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    for (int run = 0; run < 40; run++) {
      PageTracker tracker = new PageTracker();
      byte[] memory = new byte[PAGE * random.nextInt(200)];
      byte[] seen = new byte[0];
      byte[] taken = new byte[0];
      IdentityHashMap<SortedMap<Integer, byte[]>, byte[]> shared = new IdentityHashMap<>();
      for (int step = 0; step < 60; step++) {
        switch (random.nextInt(10)) {
          case 0 -> memory = Arrays.copyOf(memory, PAGE * random.nextInt(200));
          case 1 -> Arrays.fill(memory, 0, memory.length, (byte) 0);
          default -> {
            for (int i = random.nextInt(6); i > 0 && memory.length > 0; i--) {
              memory[random.nextInt(memory.length)] = (byte) random.nextInt(3);
            }
          }
        }
        ByteBuffer live = live(random, memory);
        if (random.nextInt(4) == 0 && memory.length >= seen.length) {
          tracker.restoreInto(live);
          byte[] expected = Arrays.copyOf(seen, memory.length);
          assertArrayEquals(expected, bytes(live));
          memory = expected;
          continue;
        }
        int differing = 0;
        byte[] before = Arrays.copyOf(seen, memory.length);
        for (int at = 0; at < memory.length; at += PAGE) {
          if (!Arrays.equals(before, at, at + PAGE, memory, at, at + PAGE)) {
            differing++;
          }
        }
        assertEquals(differing, tracker.update(live));
        assertEquals(memory.length, tracker.sizeBytes());
        seen = memory.clone();
        if (random.nextInt(3) == 0) {
          byte[] expected = seen;
          if (random.nextInt(3) == 0) {
            taken = apply(new byte[expected.length], tracker.takeAll());
          } else {
            taken = apply(Arrays.copyOf(taken, expected.length), tracker.takeDirty());
          }
          assertArrayEquals(expected, taken);
          assertEquals(0, tracker.dirtyPages());
        }
        if (random.nextInt(4) == 0) {
          int dirty = tracker.dirtyPages();
          SortedMap<Integer, byte[]> pages = tracker.shareAll();
          assertEquals(dirty, tracker.dirtyPages());
          shared.put(pages, seen);
        }
        if (random.nextInt(10) == 0) {
          SortedMap<Integer, byte[]> pages = tracker.takeAll();
          tracker = new PageTracker();
          tracker.loadFrom(StateSnapshot.full(ByteString.EMPTY, seen.length, pages));
          taken = seen.clone();
          assertEquals(0, tracker.dirtyPages());
        }
      }
      shared.forEach(
          (pages, expected) ->
              assertArrayEquals(expected, apply(new byte[expected.length], pages)));
    }
  }

  @Test
  void sharedPagesAreNeverWrittenAgainAndStayDirty() {
    PageTracker tracker = new PageTracker();
    byte[] memory = new byte[4 * PAGE];
    memory[PAGE] = 1;
    memory[2 * PAGE] = 1;
    tracker.update(ByteBuffer.wrap(memory));
    SortedMap<Integer, byte[]> first = tracker.shareAll();
    assertEquals(2, tracker.dirtyPages());
    memory[PAGE] = 2;
    tracker.update(ByteBuffer.wrap(memory));
    SortedMap<Integer, byte[]> second = tracker.shareAll();
    memory[PAGE] = 3;
    tracker.update(ByteBuffer.wrap(memory));
    assertEquals(1, first.get(1)[0]);
    assertEquals(2, second.get(1)[0]);
    assertNotSame(first.get(1), second.get(1));
    assertSame(first.get(2), second.get(2), "a page that did not change is the same array");
    SortedMap<Integer, byte[]> delta = tracker.takeDirty();
    assertEquals(Set.of(1, 2), delta.keySet());
    assertEquals(3, delta.get(1)[0]);
  }

  @Test
  void pagesHandedOutAreNeverWrittenAgain() {
    PageTracker tracker = new PageTracker();
    byte[] memory = new byte[4 * PAGE];
    memory[PAGE] = 1;
    tracker.update(ByteBuffer.wrap(memory));
    SortedMap<Integer, byte[]> first = tracker.takeDirty();
    memory[PAGE] = 2;
    tracker.update(ByteBuffer.wrap(memory));
    SortedMap<Integer, byte[]> second = tracker.takeAll();
    memory[PAGE] = 3;
    tracker.update(ByteBuffer.wrap(memory));
    assertEquals(1, first.get(1)[0]);
    assertEquals(2, second.get(1)[0]);
  }

  @Test
  void untouchedMemoryTakesNoSpace() {
    PageTracker tracker = new PageTracker();
    ByteBuffer memory = ByteBuffer.allocateDirect(64 << 20);
    memory.put(32 << 20, (byte) 1);
    assertEquals(1, tracker.update(memory));
    assertEquals(1, tracker.presentPages());
    memory.put(32 << 20, (byte) 0);
    assertEquals(1, tracker.update(memory));
    assertEquals(0, tracker.presentPages());
    assertEquals(0, tracker.takeDirty().get((32 << 20) / PAGE).length);
  }

  @Test
  void sizesThatDoNotFitAreRefused() {
    PageTracker tracker = new PageTracker();
    assertInvalid(() -> tracker.update(ByteBuffer.allocate(100)));
    tracker.update(ByteBuffer.allocate(2 * PAGE));
    assertInvalid(() -> tracker.restoreInto(ByteBuffer.allocate(PAGE)));
    assertInvalid(
        () -> tracker.loadFrom(StateSnapshot.delta(ByteString.EMPTY, PAGE, 1, new TreeMap<>())));
  }

  private static void assertInvalid(org.junit.jupiter.api.function.Executable executable) {
    assertEquals(ErrorCode.ARGUMENT_INVALID, assertThrows(VudoException.class, executable).code());
  }

  @Test
  void chainChoosesFullAndDelta() {
    SnapshotChain chain = new SnapshotChain(3);
    PageTracker tracker = new PageTracker();
    byte[] memory = new byte[16 * PAGE];
    Arrays.fill(memory, (byte) 1);
    StringBuilder kinds = new StringBuilder();
    for (int number = 1; number <= 8; number++) {
      memory[number] = (byte) (number + 1);
      tracker.update(ByteBuffer.wrap(memory));
      StateSnapshot snapshot = chain.take(number, ByteString.EMPTY, tracker);
      kinds.append(snapshot.isFull() ? 'F' : 'd');
      assertTrue(snapshot.isFull() || snapshot.baseSequenceNumber() == number - 1);
    }
    assertEquals("FdddFddd", kinds.toString());
    chain.failed();
    assertTrue(chain.take(9, ByteString.EMPTY, tracker).isFull());
    // Deltas larger than the full one in sum: two, then full again.
    SnapshotChain large = new SnapshotChain(100);
    kinds.setLength(0);
    for (int number = 1; number <= 6; number++) {
      Arrays.fill(memory, (byte) (number + 10));
      tracker.update(ByteBuffer.wrap(memory));
      kinds.append(large.take(number, ByteString.EMPTY, tracker).isFull() ? 'F' : 'd');
    }
    assertEquals("FddFdd", kinds.toString());
  }

  private static ByteBuffer live(Random random, byte[] memory) {
    ByteBuffer live =
        random.nextBoolean()
            ? ByteBuffer.allocate(memory.length)
            : ByteBuffer.allocateDirect(memory.length);
    return live.put(0, memory);
  }

  private static byte[] bytes(ByteBuffer live) {
    byte[] bytes = new byte[live.capacity()];
    live.get(0, bytes);
    return bytes;
  }

  private static byte[] apply(byte[] memory, SortedMap<Integer, byte[]> pages) {
    for (Map.Entry<Integer, byte[]> page : pages.entrySet()) {
      int at = page.getKey() * PAGE;
      Arrays.fill(memory, at, at + PAGE, (byte) 0);
      System.arraycopy(page.getValue(), 0, memory, at, page.getValue().length);
    }
    return memory;
  }
}
