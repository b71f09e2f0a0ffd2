package io.vudo.spirit.internal.turn;

import io.vudo.journal.PageTracker;
import io.vudo.spirit.EngineInstance;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.function.Consumer;

/**
 * One number for the whole state of an instance, to compare states across engines and nodes.
 *
 * <p>It is SHA-256 over the following, all integers big-endian:
 *
 * <ol>
 *   <li>the bytes of linear memory: their number (8 bytes), then themselves
 *   <li>the entries of {@link EngineInstance#readGlobals()}: their number (4), then each (8)
 *   <li>the rows of {@link EngineInstance#readTables()}: their number (4), then for each row the
 *       number of its entries (4) and each entry (4)
 * </ol>
 */
final class StateHash {
  private StateHash() {}

  /** The hash of a live state, 32 bytes. */
  static byte[] of(EngineInstance instance) {
    return of(
        instance.memoryBytes(),
        digest -> instance.withMemory(memory -> digest.update(memory.duplicate())),
        instance.readGlobals(),
        instance.readTables());
  }

  /** The hash of an image, 32 bytes; the same as that of an instance in this state. */
  static byte[] of(PageTracker pages, long[] globals, int[][] tables) {
    return of(pages.sizeBytes(), digest -> pages.read(digest::update), globals, tables);
  }

  private static byte[] of(
      long memoryBytes, Consumer<MessageDigest> memory, long[] globals, int[][] tables) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256", e);
    }
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(memoryBytes).flip());
    memory.accept(digest);
    ByteBuffer numbers = ByteBuffer.allocate(Integer.BYTES + Long.BYTES * globals.length);
    numbers.putInt(globals.length);
    numbers.asLongBuffer().put(globals);
    digest.update(numbers.rewind());
    digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(tables.length).flip());
    for (int[] table : tables) {
      ByteBuffer row = ByteBuffer.allocate(Integer.BYTES * (1 + table.length));
      row.putInt(table.length);
      row.asIntBuffer().put(table);
      digest.update(row.rewind());
    }
    return digest.digest();
  }
}
