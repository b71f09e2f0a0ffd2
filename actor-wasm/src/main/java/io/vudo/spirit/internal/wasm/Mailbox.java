package io.vudo.spirit.internal.wasm;

/**
 * The slots of 8 bytes through which a rewritten module and its host pass values. Crossing between
 * guest and host with values in registers is dear on some engines; a slot costs next to nothing.
 */
public final class Mailbox {
  /** The fuel, whenever the host is in control. */
  public static final int FUEL = 0;

  /** Not 0: the host function failed and the guest must trap. */
  public static final int FAILED = 1;

  /** Which import is called, or {@link #CLOCK}. */
  public static final int IMPORT = 2;

  /** Instead of an import: the host shall look at its clock, and fail when the time is up. */
  public static final int CLOCK = -1;

  /** What is left of the call depth, after {@link Names#STATUS}. */
  public static final int DEPTH = 3;

  /** The first entry of a table's range; how much a table grows; the size of a table. */
  public static final int FROM = 4;

  /** The entries of a table's range. */
  public static final int COUNT = 5;

  /** Not 0: memory has grown since the host set it to 0, and what it holds of it is stale. */
  public static final int GROWN = 6;

  /** The first argument or result. */
  public static final int VALUES = 8;

  /** How many slots there are: one page of memory. */
  public static final int SLOTS = 8_192;

  /** How many globals or table entries are moved at once. */
  public static final int CHUNK = 8_000;

  /** What {@link #DEPTH} is when the machine, not the guest, had no memory left. */
  public static final int DEPTH_NO_MEMORY = Integer.MIN_VALUE;

  private Mailbox() {}
}
