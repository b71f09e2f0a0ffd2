package io.vudo.tuplespace.benchmark;

/** One way to hand over jobs, to be compared with others. */
interface Side extends AutoCloseable {
  /** As the table calls it. */
  String name();

  /** Adds a job of this kind, 0 to {@link SpaceBenchmark#KINDS}. */
  void write(int kind, long number);

  /** Takes a job of this kind; there is one. */
  void take(int kind);

  @Override
  default void close() {}
}
