package io.vudo.spirit.internal.wasm;

import java.util.BitSet;

/**
 * Where the floats of a function come from and go to, to find the places where a NaN must be made
 * canonical, and no others.
 *
 * <p>The bits of a NaN that arithmetic makes may differ between machines, engines, and even between
 * two places in one function. They matter only once something looks at them: a store, a call, a
 * reinterpretation. So the result of arithmetic stays as it is while nothing but arithmetic,
 * comparisons and conversions use it.
 *
 * <p>A local that holds nothing but results of arithmetic may hold them as they are; then they are
 * made canonical where it is read, which keeps accumulators of loops cheap. Any other local, which
 * may hold a NaN whose bits must be kept, has them made canonical before it is set.
 *
 * <p>An origin is an int: {@link #EXACT}, {@link #NUMBER}, or a node, which is the result of an
 * arithmetic instruction or the value of a local that is read.
 */
final class FloatFlow {
  /** Its bits are determined. */
  static final int EXACT = 0;

  /** It is a number, never a NaN. */
  static final int NUMBER = 1;

  private static final int FIRST = 2;

  /** How often facts are carried over locals before it is assumed that all of them matter. */
  private static final int PASSES = 12;

  /** Up to how many loops count when costs are estimated, and what each multiplies them by. */
  private static final int COUNTED_LOOPS = 10;

  private static final int LOOP_SHIFT = 3;

  private static final int RESULT = -1;

  // The nodes, in the order of their places
  private final IntList offsets = new IntList();
  private final IntList shapes = new IntList();

  /** The local that is read, or {@link #RESULT}. */
  private final IntList sources = new IntList();

  private final IntList sourceLoops = new IntList();
  private final BitSet needed = new BitSet();
  private boolean results;

  // The flows of origins into locals
  private final IntList flowOrigins = new IntList();
  private final IntList flowLocals = new IntList();
  private final IntList flowLoops = new IntList();

  /** For each local that is set: what making it canonical early costs more than doing so late. */
  private long[] balance = {};

  private byte[] locals;
  private int parameters;

  /** Begins a function. */
  void start(byte[] localTypes, int parameterCount) {
    locals = localTypes;
    parameters = parameterCount;
    offsets.clear();
    shapes.clear();
    sources.clear();
    sourceLoops.clear();
    needed.clear();
    results = false;
    flowOrigins.clear();
    flowLocals.clear();
    flowLoops.clear();
  }

  static int constant(double value) {
    return Double.isNaN(value) ? EXACT : NUMBER;
  }

  /** The origin of what has another sign than this: behind it nothing can be made canonical. */
  static int signed(int origin) {
    return origin < FIRST ? origin : origin | 1;
  }

  private static boolean isSigned(int origin) {
    return (origin & 1) != 0;
  }

  private static int node(int origin) {
    return (origin - FIRST) >> 1;
  }

  private int add(int offset, byte shape, int source, int loops) {
    offsets.add(offset);
    shapes.add(shape);
    sources.add(source);
    sourceLoops.add(loops);
    return FIRST + 2 * (offsets.size() - 1);
  }

  /** The origin of an arithmetic result; the instruction ends at this place. */
  int result(int offset, byte shape) {
    results = true;
    return add(offset, shape, RESULT, 0);
  }

  /** The origin of the value of a local; the instruction ends at this place. */
  int get(int offset, int local, int loops) {
    return add(offset, locals[local], local, loops);
  }

  /** A local is set. */
  void set(int origin, int local, int loops) {
    flowOrigins.add(origin);
    flowLocals.add(local);
    flowLoops.add(loops);
  }

  /** The bits matter to whatever takes this. */
  void need(int origin) {
    if (origin >= FIRST) {
      needed.set(node(origin));
    }
  }

  /** The bits matter unless they are those of floats of this shape. */
  void takeAs(int origin, byte shape) {
    if (origin >= FIRST && shapes.get(node(origin)) != shape) {
      need(origin);
    }
  }

  private static long cost(int loops) {
    return 1L << (LOOP_SHIFT * Math.min(COUNTED_LOOPS, loops));
  }

  /** Ends a function: now {@link #next} tells the places. */
  void finish() {
    if (!results) {
      needed.clear();
      return;
    }
    BitSet late = locals();
    if (!carry(late)) {
      late.clear();
      needed.set(0, offsets.size());
    }
    for (int i = 0; i < offsets.size(); i++) {
      if (sources.get(i) != RESULT && !late.get(sources.get(i))) {
        needed.clear(i);
      }
    }
  }

  /** The locals whose NaN are made canonical when they are read, not before they are set. */
  private BitSet locals() {
    BitSet late = new BitSet();
    if (balance.length < locals.length) {
      balance = new long[locals.length];
    }
    for (int i = 0; i < flowLocals.size(); i++) {
      balance[flowLocals.get(i)] = 0;
      if (flowLocals.get(i) >= parameters) {
        late.set(flowLocals.get(i));
      }
    }
    for (int i = 0; i < flowOrigins.size(); i++) {
      int origin = flowOrigins.get(i);
      int local = flowLocals.get(i);
      if (origin == EXACT || (origin >= FIRST && isSigned(origin))) {
        late.clear(local);
      } else if (origin >= FIRST && sources.get(node(origin)) == RESULT) {
        balance[local] += cost(flowLoops.get(i));
      }
    }
    boolean changed = true;
    for (int pass = 0; changed; pass++) {
      if (pass == PASSES) {
        late.clear();
        return late;
      }
      changed = false;
      for (int i = 0; i < flowOrigins.size(); i++) {
        int origin = flowOrigins.get(i);
        int source = origin >= FIRST ? sources.get(node(origin)) : RESULT;
        if (source != RESULT && !late.get(source) && late.get(flowLocals.get(i))) {
          late.clear(flowLocals.get(i));
          changed = true;
        }
      }
    }
    for (int i = needed.nextSetBit(0); i >= 0; i = needed.nextSetBit(i + 1)) {
      if (sources.get(i) != RESULT) {
        balance[sources.get(i)] -= cost(sourceLoops.get(i));
      }
    }
    for (int i = late.nextSetBit(0); i >= 0; i = late.nextSetBit(i + 1)) {
      if (balance[i] <= 0) {
        late.clear(i);
      }
    }
    return late;
  }

  /** What a local must hold canonical must be so before it is set; false: gave up. */
  private boolean carry(BitSet late) {
    BitSet exact = new BitSet();
    for (int i = needed.nextSetBit(0); i >= 0; i = needed.nextSetBit(i + 1)) {
      exact(exact, late, i);
    }
    boolean changed = true;
    for (int pass = 0; changed; pass++) {
      if (pass == PASSES) {
        return false;
      }
      changed = false;
      for (int i = 0; i < flowOrigins.size(); i++) {
        int origin = flowOrigins.get(i);
        if (origin >= FIRST && exact.get(flowLocals.get(i)) && !needed.get(node(origin))) {
          needed.set(node(origin));
          exact(exact, late, node(origin));
          changed = true;
        }
      }
    }
    return true;
  }

  private void exact(BitSet exact, BitSet late, int node) {
    int source = sources.get(node);
    if (source != RESULT && !late.get(source)) {
      exact.set(source);
    }
  }

  /** How many nodes there are. */
  int size() {
    return offsets.size();
  }

  /** The first node from this one on that must be made canonical, or {@link #size()}. */
  int next(int node) {
    int next = needed.nextSetBit(node);
    return next < 0 ? size() : next;
  }

  /** Where it must be. */
  int offset(int node) {
    return offsets.get(node);
  }

  /** What shape it has. */
  byte shape(int node) {
    return (byte) shapes.get(node);
  }
}
