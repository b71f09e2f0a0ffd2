package io.vudo.spirit.internal.turn;

import com.dylibso.chicory.wabt.Wat2Wasm;
import io.vudo.journal.StateSnapshot;
import io.vudo.journal.internal.StateSnapshotSerializer;
import io.vudo.protocol.SpiritLimits;
import io.vudo.spirit.Engines;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Locale;

/**
 * Not a test: what a snapshot of a memory of 1 MiB costs of which a turn wrote to four pages of 4
 * KiB, beside one plain copy of 1 MiB. docs/benchmarks.md has the command and what it printed.
 *
 * <p>Snapshot and copy take turns. The copy is from where the engine has its memory (native for
 * wasmtime, the heap for jvm) to an array that is there already.
 */
public final class SnapshotBenchmark {
  private static final int MEMORY_BYTES = 1 << 20;
  private static final int DIRTY_BYTES = 4 * StateSnapshot.PAGE_BYTES;

  /** Fills its memory at the first message; writes to pages 0, 64, 128 and 192 at each. */
  private static final String GUEST =
      """
      (module
        (memory (export "memory") 16)
        (global $n (mut i64) (i64.const 0))
        (global $i (mut i32) (i32.const 0))
        (func (export "spirit_abi_1"))
        (func (export "spirit_alloc") (param i32) (result i32) (i32.const 8192))
        (func (export "spirit_handle") (param i32 i32) (result i64)
          (if (i64.eqz (global.get $n)) (then
            (loop $fill
              (i64.store (global.get $i)
                (i64.mul (i64.extend_i32_u (i32.add (global.get $i) (i32.const 8)))
                         (i64.const 0x9E3779B97F4A7C15)))
              (global.set $i (i32.add (global.get $i) (i32.const 8)))
              (br_if $fill (i32.lt_u (global.get $i) (i32.const 0x100000))))))
          (global.set $n (i64.add (global.get $n) (i64.const 1)))
          (i64.store (i32.const 0) (global.get $n))
          (i64.store (i32.const 0x40010) (global.get $n))
          (i64.store (i32.const 0x80020) (global.get $n))
          (i64.store (i32.const 0xC0030) (global.get $n))
          (i64.const 8)))
      """;

  private SnapshotBenchmark() {}

  /**
   * Runs it on each engine.
   *
   * @param arguments rounds (2000)
   */
  public static void main(String[] arguments) {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 2000;
    System.out.printf(
        Locale.ROOT,
        "%-10s %12s %14s %9s %16s %9s %12s %8s %12s%n",
        "engine",
        "copy, us",
        "snapshot, us",
        "x copy",
        "and encoded, us",
        "x copy",
        "bytes",
        "x dirty",
        "on disk, B");
    for (String engine : Engines.names()) {
      // The first pass does not count: compilers.
      run(engine, rounds, false);
      run(engine, rounds, true);
    }
  }

  private static void run(String engine, int rounds, boolean print) {
    StateSnapshotSerializer serializer = new StateSnapshotSerializer();
    double[] copies = new double[rounds];
    double[] snapshots = new double[rounds];
    double[] encoded = new double[rounds];
    double[] ratios = new double[rounds];
    double[] encodedRatios = new double[rounds];
    double[] bytes = new double[rounds];
    double[] stored = new double[rounds];
    ByteBuffer source =
        engine.equals("wasmtime")
            ? ByteBuffer.allocateDirect(MEMORY_BYTES)
            : ByteBuffer.allocate(MEMORY_BYTES);
    byte[] target = new byte[MEMORY_BYTES];
    try (MachineFixture spirit =
        new MachineFixture(engine, Wat2Wasm.parse(GUEST), SpiritLimits.DEFAULTS)) {
      long sequenceNumber = 1;
      spirit.send("fill", MachineFixture.nothing());
      spirit.machine().snapshot(sequenceNumber);
      for (int i = 0; i < rounds; ) {
        spirit.send("write", MachineFixture.nothing());
        long start = System.nanoTime();
        StateSnapshot snapshot = spirit.machine().snapshot(++sequenceNumber);
        long taken = System.nanoTime();
        byte[] written = serializer.toBinary(snapshot);
        long done = System.nanoTime();
        source.get(0, target);
        long copied = System.nanoTime();
        spirit.journal.clear();
        // Every so often one is full: what a delta builds on.
        if (!snapshot.isFull()) {
          copies[i] = (copied - done) / 1e3;
          snapshots[i] = (taken - start) / 1e3;
          encoded[i] = (done - start) / 1e3;
          ratios[i] = snapshots[i] / copies[i];
          encodedRatios[i] = encoded[i] / copies[i];
          bytes[i] = snapshot.pageBytes() + snapshot.header().size();
          stored[i] = written.length;
          i++;
        }
      }
    }
    if (print) {
      System.out.printf(
          Locale.ROOT,
          "%-10s %,12.1f %,14.1f %9.2f %,16.1f %9.2f %,12.0f %8.2f %,12.0f%n",
          engine,
          median(copies),
          median(snapshots),
          median(ratios),
          median(encoded),
          median(encodedRatios),
          median(bytes),
          median(bytes) / DIRTY_BYTES,
          median(stored));
    }
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
