package io.vudo.tuplespace.benchmark;

/** Counts of durations, by sixteenths of powers of two. */
final class Latencies {
  private static final int PARTS = 16;

  private final long[] counts = new long[64 * PARTS];
  private long total;

  void add(long nanos) {
    counts[bucket(Math.max(1, nanos))]++;
    total++;
  }

  void add(Latencies others) {
    for (int i = 0; i < counts.length; i++) {
      counts[i] += others.counts[i];
    }
    total += others.total;
  }

  long total() {
    return total;
  }

  /** The duration that this share of all does not exceed, in nanoseconds. */
  double quantile(double share) {
    long left = (long) Math.ceil(share * total);
    int bucket = 0;
    while (left > counts[bucket]) {
      left -= counts[bucket++];
    }
    double base = Math.scalb(1.0, bucket / PARTS);
    return base + base * (bucket % PARTS + 0.5) / PARTS;
  }

  private static int bucket(long nanos) {
    int power = 63 - Long.numberOfLeadingZeros(nanos);
    long part = power < 4 ? (nanos << (4 - power)) & 15 : (nanos >>> (power - 4)) & 15;
    return power * PARTS + (int) part;
  }
}
