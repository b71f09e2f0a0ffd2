package io.vudo.spirit.internal.wasm;

/**
 * What a rewritten module imports and exports. Engines and the rewriter meet here; see the
 * package's own page for the meaning.
 */
public final class Names {
  /** Exports of a guest must not start with it. */
  public static final String RESERVED_PREFIX = "__vudo_";

  /** How many functions a rewritten module imports; the guest's own come after them. */
  public static final int IMPORTS = 3;

  /** The module name of all imports. */
  public static final String IMPORT_MODULE = "vudo";

  /** Import {@code (slot i32) -> i64}: reads a slot of the mailbox. */
  public static final String LOAD = "load";

  /** Import {@code (slot i32, value i64)}: writes a slot of the mailbox. */
  public static final String STORE = "store";

  /** Import {@code ()}: calls the host. */
  public static final String HOST = "host";

  /** The guest's memory. */
  public static final String MEMORY = RESERVED_PREFIX + "memory";

  /** Applies the active segments. */
  public static final String INITIALIZE = RESERVED_PREFIX + "initialize";

  /** Runs the start function. */
  public static final String START = RESERVED_PREFIX + "start";

  /** Followed by the position among the exported functions: calls it. */
  public static final String CALL = RESERVED_PREFIX + "call_";

  /** Stores fuel and call depth after a trap. */
  public static final String STATUS = RESERVED_PREFIX + "status";

  /** Followed by a number from 0: stores that chunk of the globals. */
  public static final String READ_GLOBALS = RESERVED_PREFIX + "read_globals_";

  /** The counterpart of {@link #READ_GLOBALS}. */
  public static final String WRITE_GLOBALS = RESERVED_PREFIX + "write_globals_";

  /** Stores the mutable funcref globals. */
  public static final String READ_REFERENCES = RESERVED_PREFIX + "read_references";

  /** The counterpart of {@link #READ_REFERENCES}. */
  public static final String WRITE_REFERENCES = RESERVED_PREFIX + "write_references";

  /** Followed by a table's index: stores its size. */
  public static final String TABLE_SIZE = RESERVED_PREFIX + "table_size_";

  /** Followed by a table's index: grows it. */
  public static final String TABLE_GROW = RESERVED_PREFIX + "table_grow_";

  /** Followed by a table's index: stores a range of its entries. */
  public static final String TABLE_READ = RESERVED_PREFIX + "table_read_";

  /** The counterpart of {@link #TABLE_READ}. */
  public static final String TABLE_WRITE = RESERVED_PREFIX + "table_write_";

  /** The custom section that holds the {@link Layout}. */
  static final String LAYOUT_SECTION = "vudo.layout";

  private Names() {}
}
