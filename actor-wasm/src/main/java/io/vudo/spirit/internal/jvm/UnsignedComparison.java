package io.vudo.spirit.internal.jvm;

/**
 * Compares i32 as unsigned numbers, for compiled guests.
 *
 * <p>HotSpot's optimising compiler of JDK 17, at least, is known to miscompile {@link
 * Integer#compareUnsigned} where WebAssembly's loops are inlined around it (the library's issue
 * 843): guests then read beyond what they meant to. Widening to long first has no such pattern.
 */
public final class UnsignedComparison {
  private static final long MASK = 0xffff_ffffL;

  private UnsignedComparison() {}

  /** 1 or 0. */
  public static int lessThan(int a, int b) {
    return (a & MASK) < (b & MASK) ? 1 : 0;
  }

  /** 1 or 0. */
  public static int lessOrEqual(int a, int b) {
    return (a & MASK) <= (b & MASK) ? 1 : 0;
  }

  /** 1 or 0. */
  public static int greaterThan(int a, int b) {
    return (a & MASK) > (b & MASK) ? 1 : 0;
  }

  /** 1 or 0. */
  public static int greaterOrEqual(int a, int b) {
    return (a & MASK) >= (b & MASK) ? 1 : 0;
  }
}
