package io.vudo.spirit.internal.wasm;

import io.vudo.protocol.SpiritLimits;
import io.vudo.spirit.internal.wasm.ParsedModule.Constant;
import io.vudo.spirit.internal.wasm.ParsedModule.ElementSegment;
import io.vudo.spirit.internal.wasm.ParsedModule.Mode;
import io.vudo.spirit.internal.wasm.ParsedModule.Signature;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Writes the module that an engine compiles. The rules stand in the package's documentation. */
final class ModuleRewriter {
  private static final byte[] NONE = {};
  private static final byte[] ONE_I32 = {Op.I32};
  private static final byte[] TWO_I32 = {Op.I32, Op.I32};
  private static final byte[] THREE_I32 = {Op.I32, Op.I32, Op.I32};

  /** Units that a call of the host costs. */
  private static final int HOST_CALL_UNITS = 100;

  /**
   * Units that are burnt between two looks at the clock: about a millisecond. More than a basic
   * block can have.
   */
  private static final long SLICE_UNITS = 1 << 21;

  /** Units that each page of grown memory costs. */
  private static final int PAGE_UNITS = 1_024;

  /** How many floats of a function wait in globals at most. */
  private static final int MOST_PARKED = 8;

  private static final long CANONICAL_F32 = 0x7fc0_0000L;
  private static final long CANONICAL_F64 = 0x7ff8_0000_0000_0000L;

  /** When a function that applies segments is long enough. */
  private static final int INITIALIZE_PART_BYTES = 8_000;

  private static final int BYTES_PER_UNIT_SHIFT = 6;
  private static final int ENTRIES_PER_UNIT_SHIFT = 3;

  /** What a buffer of Java can address: 2 GiB less one page. */
  private static final int MOST_PAGES = 32_767;

  private final ParsedModule module;
  private final SpiritLimits limits;
  private final FunctionScan scan;
  private final boolean changesTables;

  private static final int LOAD = 0;
  private static final int STORE = 1;
  private static final int HOST = 2;

  /** How far the rewritten module's own imports move the guest's functions. */
  private static final int SHIFT = Names.IMPORTS;

  private final int fuel;
  private final int reserve;
  private final int depth;
  private final int firstParked;
  private final Map<String, Integer> parkedFloats = new HashMap<>();
  private final List<Byte> parkedTypes = new ArrayList<>();
  private final Map<Integer, Integer> dataFlags = new LinkedHashMap<>();
  private final Map<Integer, Integer> elementFlags = new LinkedHashMap<>();

  private final List<Signature> addedTypes = new ArrayList<>();
  private final Map<ByteBuffer, Integer> addedTypeIndexes = new HashMap<>();

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Added(int type, byte[] locals, BinaryWriter code) {}

  private final List<Added> added = new ArrayList<>();
  private final Map<String, Integer> helpers = new HashMap<>();

  private record OwnExport(String name, int kind, int index) {}

  private final List<OwnExport> exports = new ArrayList<>();

  /** Functions whose reference can be taken, ascending; their identity is their place from 1. */
  private final int[] referenced;

  private final int functionsTable;
  private final int identitiesTable;
  private final List<Integer> chunkSizes = new ArrayList<>();

  // The function that is being rewritten.

  private int fuelLocal;

  /** A scratch local for the call depth; -1 in a function that calls nothing. */
  private int depthLocal;

  /** Whether it burns anything: an empty one does not. */
  private boolean metered;

  /** The local that holds a float while it is made canonical, by its shape's type. */
  private final Map<Byte, Integer> scratch = new HashMap<>();

  private ModuleRewriter(ParsedModule module, SpiritLimits limits) {
    this.module = module;
    this.limits = limits;
    this.scan = new FunctionScan(module);
    long squares = 0;
    for (int i = 0; i < module.bodies.size(); i++) {
      scan.scan(i);
      squares += (long) scan.basicBlocks * scan.basicBlocks;
    }
    if (squares > Bounds.SQUARED_BASIC_BLOCKS) {
      throw Refusal.tooMuch(
          "basic blocks of all functions, squared", squares, Bounds.SQUARED_BASIC_BLOCKS);
    }
    this.changesTables = scan.changesTables;
    int next = module.globals.size();
    this.fuel = next++;
    this.reserve = next++;
    this.depth = next++;
    for (int i = scan.initializedData.nextSetBit(0);
        i >= 0;
        i = scan.initializedData.nextSetBit(i + 1)) {
      dataFlags.put(i, next++);
    }
    for (int i = scan.initializedElements.nextSetBit(0);
        i >= 0;
        i = scan.initializedElements.nextSetBit(i + 1)) {
      elementFlags.put(i, next++);
    }
    this.firstParked = next;
    this.referenced = changesTables ? module.declaredReferences.stream().toArray() : new int[0];
    this.functionsTable = 2 * module.tables.size();
    this.identitiesTable = functionsTable + 1;
  }

  /** The result of rewriting. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Result(byte[] bytes, boolean changesTables, int maxPages) {}

  static Result rewrite(ParsedModule module, SpiritLimits limits) {
    return new ModuleRewriter(module, limits).rewrite();
  }

  private Result rewrite() {
    refuseWhatCannotBeKept();
    int pages = memoryPages();
    BinaryWriter code = new BinaryWriter();
    addThunks(code);
    for (int i = 0; i < module.bodies.size(); i++) {
      function(i, code, pages);
    }
    int identities = changesTables ? addIdentities() : 0;
    addCalls();
    addState();
    for (Added function : added) {
      body(code, function.locals, function.code);
    }

    BinaryWriter out = new BinaryWriter();
    out.write(new byte[] {0, 0x61, 0x73, 0x6d, 1, 0, 0, 0}, 0, 8);
    BinaryWriter section = new BinaryWriter();
    layout().writeTo(section);
    section(out, 0, section);
    writeTypes(section);
    section(out, 1, section);
    writeImports(section);
    section(out, 2, section);
    writeFunctions(section);
    section(out, 3, section);
    if (writeTables(section)) {
      section(out, 4, section);
    }
    // One without memory gets an empty one: an engine may keep its own state beside it.
    section.u32(1).write(1).u32(module.memory == null ? 0 : module.memory.initial()).u32(pages);
    section(out, 5, section);
    writeGlobals(section);
    section(out, 6, section);
    section.u32(exports.size());
    for (OwnExport export : exports) {
      section.name(export.name).write(export.kind).u32(export.index);
    }
    section(out, 7, section);
    if (writeElements(section, identities)) {
      section(out, 9, section);
    }
    if (!module.data.isEmpty()) {
      section.u32(module.data.size());
      section(out, 12, section);
    }
    section.u32(module.functionTypes.length + added.size()).append(code);
    section(out, 10, section);
    if (!module.data.isEmpty()) {
      section.u32(module.data.size());
      for (ParsedModule.DataSegment data : module.data) {
        section.write(1).u32(data.to() - data.from()).write(module.bytes, data.from(), data.to());
      }
      section(out, 11, section);
    }
    return new Result(out.toBytes(), changesTables, pages);
  }

  private static void section(BinaryWriter out, int id, BinaryWriter content) {
    out.write(id).sized(content);
    content.clear();
  }

  // Limits

  private void refuseWhatCannotBeKept() {
    long entries = module.tables.stream().mapToLong(ParsedModule.Size::initial).sum();
    if (entries > limits.maxTableEntries()) {
      throw Refusal.tooMuch("initial entries of the tables", entries, limits.maxTableEntries());
    }
    if (!changesTables) {
      return;
    }
    for (Signature type : module.types) {
      if (type.mentions(Op.FUNCREF)) {
        throw Refusal.unsupported(
            0, "functions that take or return funcref, in a module that changes tables");
      }
    }
    long references =
        module.globals.stream().filter(g -> g.mutable() && g.type() == Op.FUNCREF).count();
    if (references > Mailbox.CHUNK) {
      throw Refusal.tooMuch("mutable funcref globals", references, Mailbox.CHUNK);
    }
  }

  private int memoryPages() {
    if (module.memory == null) {
      return 0;
    }
    long most = Math.min(limits.maxMemoryPages(), MOST_PAGES);
    if (module.memory.initial() > most) {
      throw Refusal.tooMuch("initial pages of memory", module.memory.initial(), most);
    }
    long declared = module.memory.maximum();
    return (int) (declared < 0 ? most : Math.min(declared, most));
  }

  private Layout layout() {
    int references = 0;
    int[] functions = {-1};
    if (changesTables) {
      references =
          (int) module.globals.stream().filter(g -> g.mutable() && g.type() == Op.FUNCREF).count();
      functions = new int[referenced.length + 1];
      functions[0] = -1;
      System.arraycopy(referenced, 0, functions, 1, referenced.length);
    }
    return new Layout(
        chunkSizes.stream().mapToInt(Integer::intValue).toArray(),
        changesTables ? module.tables.size() : 0,
        references,
        functions);
  }

  // Types and functions

  private static byte[] join(byte[] parameters, byte[] results) {
    byte[] key = Arrays.copyOf(parameters, parameters.length + 1 + results.length);
    System.arraycopy(results, 0, key, parameters.length + 1, results.length);
    return key;
  }

  private int type(byte[] parameters, byte[] results) {
    return addedTypeIndexes.computeIfAbsent(
        ByteBuffer.wrap(join(parameters, results)),
        key -> {
          addedTypes.add(new Signature(parameters, results));
          return module.types.size() + addedTypes.size() - 1;
        });
  }

  private int add(byte[] parameters, byte[] results, byte[] locals, BinaryWriter code) {
    added.add(new Added(type(parameters, results), locals, code));
    return SHIFT + module.functionTypes.length + added.size() - 1;
  }

  private int helper(
      String name, byte[] parameters, byte[] results, byte[] locals, Consumer<BinaryWriter> code) {
    Integer known = helpers.get(name);
    if (known == null) {
      BinaryWriter out = new BinaryWriter();
      code.accept(out);
      known = add(parameters, results, locals, out);
      helpers.put(name, known);
    }
    return known;
  }

  private void export(String name, byte[] locals, BinaryWriter code) {
    exports.add(new OwnExport(name, ParsedModule.EXPORT_FUNCTION, add(NONE, NONE, locals, code)));
  }

  private byte kept(byte type) {
    return changesTables && type == Op.FUNCREF ? Op.I32 : type;
  }

  /** Appends a body: run lengths of its locals, its code, its end. */
  private static void body(BinaryWriter section, byte[] locals, BinaryWriter instructions) {
    BinaryWriter body = new BinaryWriter();
    int groups = 0;
    BinaryWriter declarations = new BinaryWriter();
    for (int i = 0; i < locals.length; ) {
      int from = i;
      while (i < locals.length && locals[i] == locals[from]) {
        i++;
      }
      declarations.u32(i - from).write(locals[from]);
      groups++;
    }
    body.u32(groups).append(declarations).append(instructions).write(Op.END);
    if (body.size() > Bounds.REWRITTEN_BODY_BYTES) {
      throw Refusal.tooMuch(
          "bytes of a function after rewriting", body.size(), Bounds.REWRITTEN_BODY_BYTES);
    }
    section.sized(body);
  }

  /** Takes as many units as stand on the stack, as an i64; the local is overwritten. */
  private void charge(BinaryWriter out, int local) {
    out.localSet(local).globalGet(fuel).localGet(local).write(Op.I64_SUB);
    refillIfNegative(out.localTee(local), local);
  }

  private void charge(BinaryWriter out, int units, int local) {
    out.globalGet(fuel).i64(units).write(Op.I64_SUB);
    refillIfNegative(out.localTee(local), local);
  }

  private void refillIfNegative(BinaryWriter out, int local) {
    out.globalSet(fuel).localGet(local).i64(0).write(Op.I64_LT_S);
    out.write(Op.IF, Op.EMPTY_BLOCK).call(refillDebt()).write(Op.END);
  }

  /**
   * Sees to it that the fuel is not less than the parameter, from the reserve, after the host has
   * looked at its clock; traps when there is not so much.
   */
  private int refill() {
    return helper(
        "refill",
        new byte[] {Op.I64},
        NONE,
        new byte[] {Op.I64},
        out -> {
          out.globalGet(fuel).globalGet(reserve).write(Op.I64_ADD).localTee(1);
          out.localGet(0).write(Op.I64_LT_S).write(Op.IF, Op.EMPTY_BLOCK);
          out.localGet(1).localGet(0).write(Op.I64_SUB).globalSet(fuel);
          out.i64(0).globalSet(reserve).write(Op.UNREACHABLE).write(Op.END);
          out.i32(Mailbox.IMPORT).i64(Mailbox.CLOCK).call(STORE);
          callHost(out);
          out.localGet(1);
          split(out);
        });
  }

  /** As {@link #refill} for 0; without an argument a call takes less from those around it. */
  private int refillDebt() {
    return helper("refill debt", NONE, NONE, NONE, out -> out.i64(0).call(refill()));
  }

  private static void callHost(BinaryWriter out) {
    out.call(HOST);
    load(out, Mailbox.FAILED);
    out.write(Op.I32_WRAP_I64).trapIf();
  }

  /**
   * The units on the stack become a slice to burn before the next look at the clock, and a rest.
   */
  private void split(BinaryWriter out) {
    out.globalSet(reserve);
    out.globalGet(reserve).i64(SLICE_UNITS).globalGet(reserve).i64(SLICE_UNITS);
    out.write(Op.I64_LT_S).write(Op.SELECT).globalSet(fuel);
    out.globalGet(reserve).globalGet(fuel).write(Op.I64_SUB).globalSet(reserve);
  }

  private void takeFuel(BinaryWriter out) {
    load(out, Mailbox.FUEL);
    split(out);
  }

  private void giveFuel(BinaryWriter out) {
    out.i32(Mailbox.FUEL).globalGet(fuel).globalGet(reserve).write(Op.I64_ADD).call(STORE);
  }

  private static void toBits(BinaryWriter out, byte type) {
    switch (type) {
      case Op.I32 -> out.write(Op.I64_EXTEND_I32_S);
      case Op.F32 -> out.write(Op.I32_REINTERPRET_F32).write(Op.I64_EXTEND_I32_S);
      case Op.F64 -> out.write(Op.I64_REINTERPRET_F64);
      default -> {}
    }
  }

  private static void fromBits(BinaryWriter out, byte type) {
    switch (type) {
      case Op.I32 -> out.write(Op.I32_WRAP_I64);
      case Op.F32 -> out.write(Op.I32_WRAP_I64).write(Op.F32_REINTERPRET_I32);
      case Op.F64 -> out.write(Op.F64_REINTERPRET_I64);
      default -> {}
    }
  }

  private static void load(BinaryWriter out, int slot) {
    out.i32(slot).call(LOAD);
  }

  /** Each import becomes a function of the module, so that its index and its price stay its own. */
  private void addThunks(BinaryWriter code) {
    for (int i = 0; i < module.imports.size(); i++) {
      Signature signature = module.signatureOf(i);
      byte[] parameters = signature.parameters();
      BinaryWriter out = new BinaryWriter();
      charge(out, HOST_CALL_UNITS, parameters.length);
      giveFuel(out);
      out.i32(Mailbox.IMPORT).i64(i).call(STORE);
      for (int j = 0; j < parameters.length; j++) {
        out.i32(Mailbox.VALUES + j).localGet(j);
        toBits(out, parameters[j]);
        out.call(STORE);
      }
      callHost(out);
      takeFuel(out);
      if (signature.results().length == 1) {
        load(out, Mailbox.VALUES);
        fromBits(out, signature.results()[0]);
      }
      body(code, new byte[] {Op.I64}, out);
    }
  }

  private void function(int defined, BinaryWriter code, int pages) {
    scan.scan(defined);
    Signature signature = module.signatureOf(module.imports.size() + defined);
    byte[] locals = Arrays.copyOfRange(scan.locals, scan.parameters, scan.locals.length + 2);
    for (int i = 0; i < locals.length - 2; i++) {
      locals[i] = kept(locals[i]);
    }
    fuelLocal = scan.locals.length;
    locals[locals.length - 2] = Op.I64;
    locals[locals.length - 1] = Op.I32;
    metered = scan.chargeOffsets.size() > 0;
    depthLocal = -1;
    boolean deep = metered && scan.calls;
    boolean deepFromStart = deep && scan.deepFromStart;
    if (!deep) {
      locals = Arrays.copyOf(locals, locals.length - 1);
    }
    locals = addScratch(locals);
    BinaryWriter out = new BinaryWriter();
    if (deep) {
      depthLocal = fuelLocal + 1;
    }
    if (deepFromStart) {
      takeDepth(out);
      out.localGet(depthLocal).i32(0).write(Op.I32_LT_S).trapIf();
    }
    if (metered) {
      out.globalGet(fuel).localSet(fuelLocal).write(Op.BLOCK);
      byte[] results = signature.results();
      if (results.length == 0) {
        out.write(Op.EMPTY_BLOCK);
      } else if (results.length == 1) {
        out.write(results[0]);
      } else {
        out.signed(type(NONE, results));
      }
    }
    instructions(out, pages);
    if (metered) {
      out.write(Op.END);
      saveFuel(out);
    }
    if (deepFromStart) {
      giveDepth(out);
    }
    body(code, locals, out);
  }

  private void takeDepth(BinaryWriter out) {
    out.globalGet(depth).i32(scan.weight).write(Op.I32_SUB).localTee(depthLocal);
    out.globalSet(depth);
  }

  /** Takes the call depth and checks it and the fuel, in one. */
  private void startCalls(BinaryWriter out) {
    takeDepth(out);
    out.localGet(depthLocal).write(Op.I64_EXTEND_I32_S).localGet(fuelLocal).write(Op.I64_OR);
    out.i64(0).write(Op.I64_LT_S).write(Op.IF, Op.EMPTY_BLOCK);
    saveFuel(out);
    out.call(checkLimits());
    restoreFuel(out);
    out.write(Op.END);
  }

  /** Traps when the call depth is used up; sees to it that the fuel is not less than 0. */
  private int checkLimits() {
    return helper(
        "limits",
        NONE,
        NONE,
        NONE,
        out -> {
          out.globalGet(depth).i32(0).write(Op.I32_LT_S).trapIf();
          out.i64(0).call(refill());
        });
  }

  private void giveDepth(BinaryWriter out) {
    out.globalGet(depth).i32(scan.weight).write(Op.I32_ADD).globalSet(depth);
  }

  private byte[] addScratch(byte[] locals) {
    FloatFlow floats = scan.floats;
    scratch.clear();
    byte[] result = locals;
    for (int i = floats.next(0); i < floats.size() && scratch.size() < 3; i = floats.next(i + 1)) {
      byte type = scratchType(floats.shape(i));
      if (!scratch.containsKey(type)) {
        scratch.put(type, scan.parameters + result.length);
        result = Arrays.copyOf(result, result.length + 1);
        result[result.length - 1] = type;
      }
    }
    return result;
  }

  private static byte scratchType(byte shape) {
    return shape == Op.F32X4 || shape == Op.F64X2 ? Op.V128 : shape;
  }

  /** The float on the stack becomes the canonical NaN if it is a NaN; in vectors, each of them. */
  private void canonical(BinaryWriter out, byte shape) {
    int local = scratch.get(scratchType(shape));
    if (shape == Op.F32 || shape == Op.F64) {
      // A branch that is never taken is cheaper than a choice between two values.
      out.localTee(local).localGet(local).write(shape == Op.F32 ? Op.F32_NE : Op.F64_NE);
      out.write(Op.IF, Op.EMPTY_BLOCK);
      if (shape == Op.F32) {
        littleEndian(out.write(Op.F32_CONST), CANONICAL_F32, 4);
      } else {
        littleEndian(out.write(Op.F64_CONST), CANONICAL_F64, 8);
      }
      out.localSet(local).write(Op.END).localGet(local);
      return;
    }
    long half = shape == Op.F32X4 ? CANONICAL_F32 << 32 | CANONICAL_F32 : CANONICAL_F64;
    out.localTee(local).write(Op.PREFIX_SIMD).u32(Op.V128_CONST);
    littleEndian(out, half, 8);
    littleEndian(out, half, 8);
    out.localGet(local).localGet(local);
    out.write(Op.PREFIX_SIMD).u32(shape == Op.F32X4 ? Op.F32X4_EQ : Op.F64X2_EQ);
    out.write(Op.PREFIX_SIMD).u32(Op.V128_BITSELECT);
  }

  // Inside of a function the fuel is in a local: loops run in registers, calls synchronise.

  private void saveFuel(BinaryWriter out) {
    if (metered) {
      out.localGet(fuelLocal).globalSet(fuel);
    }
  }

  private void restoreFuel(BinaryWriter out) {
    if (metered) {
      out.globalGet(fuel).localSet(fuelLocal);
    }
  }

  private void synchronizedCall(BinaryWriter out, int function) {
    saveFuel(out);
    out.call(function);
    restoreFuel(out);
  }

  private void pay(BinaryWriter out, int units) {
    out.localGet(fuelLocal).i64(units).write(Op.I64_SUB).localSet(fuelLocal);
  }

  private BinaryWriter ifLessThan(BinaryWriter out, int units) {
    return out.localGet(fuelLocal).i64(units).write(Op.I64_LT_S);
  }

  private void refillIfLessThan(BinaryWriter out, int units) {
    ifLessThan(out, units).write(Op.IF, Op.EMPTY_BLOCK);
    saveFuel(out);
    if (units == 0) {
      out.call(refillDebt());
    } else {
      out.i64(units).call(refill());
    }
    restoreFuel(out);
    out.write(Op.END);
  }

  private void chargeBlock(BinaryWriter out, int units, int place) {
    // A function that calls nothing cannot recur; whoever called it checks what it burnt.
    pay(out, units);
    if (place == FunctionScan.AT_ENTRY && scan.calls && scan.deepFromStart) {
      refillIfLessThan(out, 0);
    }
  }

  /**
   * A loop becomes two: the inner one is the guest's; when the fuel does not suffice for its next
   * round it starts the outer one again, which refills. So the guest's own loop has no call in it
   * and its values can stay in registers.
   */
  private void doubleLoop(BinaryWriter out, int from, int to, boolean reference, int units) {
    loop(out, from, to, reference);
    ifLessThan(out, units).write(Op.IF, Op.EMPTY_BLOCK);
    saveFuel(out);
    int floats = floatLocals();
    moveFloats(floats, (local, parked) -> out.localGet(local).globalSet(parked));
    out.i64(units).call(refill());
    moveFloats(floats, (local, parked) -> out.globalGet(parked).localSet(local));
    restoreFuel(out);
    out.write(Op.END);
    loop(out, from, to, reference);
    ifLessThan(out, units).write(Op.BR_IF).u32(1);
    if (units > 0) {
      pay(out, units);
    }
  }

  /**
   * How many locals of the function are floats or vectors; 0 when there are too many to move. They
   * wait in globals while the loop's fuel is refilled: a code generator gives no register to a
   * float that lives across a call, however seldom the call is reached.
   */
  private int floatLocals() {
    int count = 0;
    for (byte type : scan.locals) {
      if (isFloat(type)) {
        count++;
      }
    }
    return count > MOST_PARKED ? 0 : count;
  }

  private static boolean isFloat(byte type) {
    return type == Op.F32 || type == Op.F64 || type == Op.V128;
  }

  private interface Move {
    void between(int local, int global);
  }

  private void moveFloats(int count, Move move) {
    Map<Byte, Integer> used = new HashMap<>();
    for (int i = 0; count > 0 && i < scan.locals.length; i++) {
      byte type = scan.locals[i];
      if (isFloat(type)) {
        move.between(i, parked(type, used.merge(type, 1, Integer::sum)));
      }
    }
  }

  private int parked(byte type, int number) {
    return parkedFloats.computeIfAbsent(
        type + " " + number,
        key -> {
          parkedTypes.add(type);
          return firstParked + parkedTypes.size() - 1;
        });
  }

  private void loop(BinaryWriter out, int from, int to, boolean reference) {
    if (reference && changesTables) {
      out.write(Op.LOOP, Op.I32);
    } else {
      out.write(module.bytes, from, to);
    }
  }

  /**
   * Everything up to the function's own end, with charges inserted, instructions replaced and NaN
   * made canonical.
   */
  private void instructions(BinaryWriter out, int pages) {
    int position = scan.codeFrom;
    int charge = 0;
    int edit = 0;
    int number = scan.floats.next(0);
    int depths = depthLocal < 0 || scan.deepFromStart ? scan.callRuns.size() : 0;
    int last = scan.codeTo - 1;
    while (true) {
      int chargeAt = charge < scan.chargeOffsets.size() ? scan.chargeOffsets.get(charge) : last;
      int editAt = edit < scan.edits.size() ? scan.edits.get(edit) : last;
      int numberAt = number < scan.floats.size() ? scan.floats.offset(number) : last;
      int depthAt = depths < scan.callRuns.size() ? scan.callRuns.get(depths) : last;
      int next = Math.min(Math.min(numberAt, depthAt), Math.min(chargeAt, editAt));
      out.write(module.bytes, position, next);
      position = next;
      if (numberAt == next && number < scan.floats.size()) {
        canonical(out, scan.floats.shape(number));
        number = scan.floats.next(number + 1);
      } else if (depthAt == next && depths < scan.callRuns.size()) {
        if (depths % 2 == 0) {
          startCalls(out);
        } else {
          giveDepth(out);
        }
        depths++;
      } else if (next == last) {
        return;
      } else if (chargeAt == next) {
        chargeBlock(out, scan.chargeUnits.get(charge), scan.chargePlaces.get(charge));
        charge++;
      } else {
        int to = scan.edits.get(edit + 1);
        int opcode = scan.edits.get(edit + 2);
        int first = scan.edits.get(edit + 3);
        int second = scan.edits.get(edit + 4);
        if (opcode == Op.LOOP && second == 1) {
          int units = 0;
          if (charge < scan.chargeOffsets.size() && scan.chargeOffsets.get(charge) == to) {
            units = scan.chargeUnits.get(charge++);
          }
          doubleLoop(out, position, to, first == 1, units);
        } else if (!replace(out, position, to, opcode, first, second, pages)) {
          out.write(module.bytes, position, to);
        }
        position = to;
        edit += FunctionScan.EDIT_INTS;
      }
    }
  }

  /** Writes what stands for an instruction; false when it stays as it is. */
  private boolean replace(
      BinaryWriter out, int from, int to, int opcode, int first, int second, int pages) {
    switch (opcode) {
      case Op.RETURN -> {
        if (!metered) {
          return false;
        }
        out.write(Op.BR).u32(first);
      }
      case Op.BR, Op.BR_IF -> out.write(opcode).u32(first);
      case Op.BR_TABLE -> {
        out.write(Op.BR_TABLE).u32(second);
        for (int i = 0; i <= second; i++) {
          out.u32(scan.labels.get(first + i));
        }
      }
      case Op.END -> out.write(Op.END, Op.END);
      case Op.UNREACHABLE -> {
        saveFuel(out);
        return false;
      }
      case Op.CALL -> synchronizedCall(out, SHIFT + first);
      case Op.CALL_INDIRECT -> {
        saveFuel(out);
        out.write(module.bytes, from, to);
        restoreFuel(out);
      }
      case Op.F32_ABS ->
          out.write(Op.I32_REINTERPRET_F32)
              .i32(Integer.MAX_VALUE)
              .write(Op.I32_AND)
              .write(Op.F32_REINTERPRET_I32);
      case Op.F64_ABS ->
          out.write(Op.I64_REINTERPRET_F64)
              .i64(Long.MAX_VALUE)
              .write(Op.I64_AND)
              .write(Op.F64_REINTERPRET_I64);
      case Op.MEMORY_GROW -> synchronizedCall(out, growMemory(pages));
      case FunctionScan.MISC + Op.MEMORY_COPY -> synchronizedCall(out, bulkMemory(Op.MEMORY_COPY));
      case FunctionScan.MISC + Op.MEMORY_FILL -> synchronizedCall(out, bulkMemory(Op.MEMORY_FILL));
      case FunctionScan.MISC + Op.MEMORY_INIT -> synchronizedCall(out, initializeMemory(first));
      case FunctionScan.MISC + Op.DATA_DROP -> drop(out, dataFlags.get(first));
      case Op.REF_FUNC -> {
        if (changesTables) {
          out.i32(identity(first));
        } else {
          out.write(Op.REF_FUNC).u32(SHIFT + first);
        }
      }
      default -> {
        return changesTables && replaceReferences(out, opcode, first, second);
      }
    }
    return true;
  }

  /** In a module that changes tables a funcref is the i32 identity of its function. */
  private boolean replaceReferences(BinaryWriter out, int opcode, int first, int second) {
    switch (opcode) {
      case Op.BLOCK, Op.LOOP, Op.IF -> out.write(opcode).write(Op.I32);
      case Op.SELECT_TYPED -> out.write(Op.SELECT_TYPED).u32(1).write(Op.I32);
      case Op.REF_NULL -> out.i32(0);
      case Op.REF_IS_NULL -> out.write(Op.I32_EQZ);
      case Op.TABLE_GET -> readIdentity(out, first);
      case Op.TABLE_SET -> out.call(setTable(first));
      case FunctionScan.MISC + Op.TABLE_INIT ->
          synchronizedCall(out, initializeTable(first, second));
      case FunctionScan.MISC + Op.ELEM_DROP -> drop(out, elementFlags.get(first));
      case FunctionScan.MISC + Op.TABLE_COPY -> synchronizedCall(out, copyTable(first, second));
      case FunctionScan.MISC + Op.TABLE_GROW -> synchronizedCall(out, growTable(first));
      case FunctionScan.MISC + Op.TABLE_FILL -> synchronizedCall(out, fillTable(first));
      default -> throw new AssertionError("no rule for opcode " + opcode);
    }
    return true;
  }

  private int identity(int function) {
    return function < 0 ? 0 : Arrays.binarySearch(referenced, function) + 1;
  }

  private int shadow(int table) {
    return module.tables.size() + table;
  }

  /** From the index of an entry to its identity; traps as table.get does. */
  private void readIdentity(BinaryWriter out, int table) {
    out.write(Op.CALL_INDIRECT).u32(type(NONE, ONE_I32)).u32(shadow(table));
  }

  private static void drop(BinaryWriter out, Integer flag) {
    if (flag != null) {
      out.i32(1).globalSet(flag);
    }
  }

  private static BinaryWriter misc(BinaryWriter out, int opcode) {
    return out.write(Op.PREFIX_MISC).u32(opcode);
  }

  private static void chargeBy(BinaryWriter out, int local, int bitShift) {
    out.localGet(local).write(Op.I64_EXTEND_I32_U).i64(bitShift).write(Op.I64_SHR_U);
  }

  // Helpers that the guest's code calls

  private int growMemory(int pages) {
    return helper(
        "memory.grow",
        ONE_I32,
        ONE_I32,
        new byte[] {Op.I64, Op.I32},
        out -> {
          out.localGet(0).i32(pages).write(Op.MEMORY_SIZE, 0).write(Op.I32_SUB).write(Op.I32_GT_U);
          out.write(Op.IF, Op.EMPTY_BLOCK).i32(-1).write(Op.RETURN).write(Op.END);
          out.localGet(0).write(Op.I64_EXTEND_I32_U).i64(PAGE_UNITS).write(Op.I64_MUL);
          charge(out, 1);
          out.localGet(0).write(Op.MEMORY_GROW, 0).localTee(2).i32(-1).write(Op.I32_EQ);
          // The answer must not depend on the machine: a grow that the limits allow succeeds.
          out.write(Op.IF, Op.EMPTY_BLOCK).i32(Mailbox.DEPTH_NO_MEMORY).globalSet(depth);
          out.write(Op.UNREACHABLE).write(Op.END);
          out.i32(Mailbox.GROWN).i64(1).call(STORE).localGet(2);
        });
  }

  private int bulkMemory(int opcode) {
    return helper(
        "memory bulk " + opcode,
        THREE_I32,
        NONE,
        new byte[] {Op.I64},
        out -> {
          chargeBy(out, 2, BYTES_PER_UNIT_SHIFT);
          charge(out, 3);
          out.localGet(0).localGet(1).localGet(2);
          misc(out, opcode).write(0);
          if (opcode == Op.MEMORY_COPY) {
            out.write(0);
          }
        });
  }

  /** A dropped segment has no bytes: only an empty range from its start is inside of it. */
  private static void ifDropped(BinaryWriter out, int flag) {
    out.globalGet(flag).write(Op.IF, Op.EMPTY_BLOCK);
    out.localGet(1).localGet(2).write(Op.I32_OR).write(Op.IF, Op.EMPTY_BLOCK);
  }

  private int initializeMemory(int segment) {
    return helper(
        "memory.init " + segment,
        THREE_I32,
        NONE,
        new byte[] {Op.I64},
        out -> {
          chargeBy(out, 2, BYTES_PER_UNIT_SHIFT);
          charge(out, 3);
          ifDropped(out, dataFlags.get(segment));
          out.i32(-1).write(Op.I32_LOAD8_U, 0).u32(0xffff_ffffL).write(Op.DROP);
          out.write(Op.END, Op.END);
          out.localGet(0).localGet(1).localGet(2);
          misc(out, Op.MEMORY_INIT).u32(segment).write(0);
        });
  }

  private int setTable(int table) {
    return helper(
        "table.set " + table,
        TWO_I32,
        NONE,
        NONE,
        out -> {
          out.localGet(0).localGet(1).tableGet(functionsTable).tableSet(table);
          out.localGet(0).localGet(1).tableGet(identitiesTable).tableSet(shadow(table));
        });
  }

  private int growTable(int table) {
    return helper(
        "table.grow " + table,
        TWO_I32,
        ONE_I32,
        new byte[] {Op.I64, Op.I32},
        out -> {
          out.localGet(1).write(Op.I64_EXTEND_I32_U);
          for (int t = 0; t < module.tables.size(); t++) {
            misc(out, Op.TABLE_SIZE).u32(t).write(Op.I64_EXTEND_I32_U).write(Op.I64_ADD);
          }
          out.i64(limits.maxTableEntries()).write(Op.I64_GT_U);
          out.write(Op.IF, Op.EMPTY_BLOCK).i32(-1).write(Op.RETURN).write(Op.END);
          chargeBy(out, 1, ENTRIES_PER_UNIT_SHIFT);
          charge(out, 2);
          out.localGet(0).tableGet(functionsTable).localGet(1);
          misc(out, Op.TABLE_GROW).u32(table).localTee(3).i32(-1).write(Op.I32_EQ);
          out.write(Op.IF, Op.EMPTY_BLOCK).i32(-1).write(Op.RETURN).write(Op.END);
          out.localGet(0).tableGet(identitiesTable).localGet(1);
          misc(out, Op.TABLE_GROW).u32(shadow(table)).write(Op.DROP).localGet(3);
        });
  }

  /**
   * Traps as the specification says when entries lie beyond the end of a table. Engines do it too,
   * but not all of them when the sum of both numbers overflows or the range is empty.
   */
  private static void checkEntries(
      BinaryWriter out, int table, Consumer<BinaryWriter> from, Consumer<BinaryWriter> count) {
    sum(out, from, count);
    misc(out, Op.TABLE_SIZE).u32(table).write(Op.I64_EXTEND_I32_U);
    trapIfGreater(out, table);
  }

  private void checkElements(
      BinaryWriter out,
      int segment,
      int table,
      Consumer<BinaryWriter> from,
      Consumer<BinaryWriter> count) {
    sum(out, from, count);
    out.i64(module.elements.get(segment).functions().length);
    trapIfGreater(out, table);
  }

  private static void sum(
      BinaryWriter out, Consumer<BinaryWriter> from, Consumer<BinaryWriter> count) {
    from.accept(out);
    out.write(Op.I64_EXTEND_I32_U);
    count.accept(out);
    out.write(Op.I64_EXTEND_I32_U).write(Op.I64_ADD);
  }

  private static void trapIfGreater(BinaryWriter out, int table) {
    out.write(Op.I64_GT_U).write(Op.IF, Op.EMPTY_BLOCK);
    out.i32(-1).tableGet(table).write(Op.DROP).write(Op.END);
  }

  private int fillTable(int table) {
    return helper(
        "table.fill " + table,
        THREE_I32,
        NONE,
        new byte[] {Op.I64},
        out -> {
          chargeBy(out, 2, ENTRIES_PER_UNIT_SHIFT);
          charge(out, 3);
          checkEntries(out, table, w -> w.localGet(0), w -> w.localGet(2));
          out.localGet(0).localGet(1).tableGet(functionsTable).localGet(2);
          misc(out, Op.TABLE_FILL).u32(table);
          out.localGet(0).localGet(1).tableGet(identitiesTable).localGet(2);
          misc(out, Op.TABLE_FILL).u32(shadow(table));
        });
  }

  private int copyTable(int to, int from) {
    return helper(
        "table.copy " + to + " " + from,
        THREE_I32,
        NONE,
        new byte[] {Op.I64},
        out -> {
          chargeBy(out, 2, ENTRIES_PER_UNIT_SHIFT);
          charge(out, 3);
          checkEntries(out, to, w -> w.localGet(0), w -> w.localGet(2));
          checkEntries(out, from, w -> w.localGet(1), w -> w.localGet(2));
          out.localGet(0).localGet(1).localGet(2);
          misc(out, Op.TABLE_COPY).u32(to).u32(from);
          out.localGet(0).localGet(1).localGet(2);
          misc(out, Op.TABLE_COPY).u32(shadow(to)).u32(shadow(from));
        });
  }

  private int initializeTable(int segment, int table) {
    return helper(
        "table.init " + segment + " " + table,
        THREE_I32,
        NONE,
        new byte[] {Op.I64},
        out -> {
          chargeBy(out, 2, ENTRIES_PER_UNIT_SHIFT);
          charge(out, 3);
          ifDropped(out, elementFlags.get(segment));
          out.i32(-1).tableGet(table).write(Op.DROP);
          out.write(Op.END, Op.END);
          checkEntries(out, table, w -> w.localGet(0), w -> w.localGet(2));
          checkElements(out, segment, table, w -> w.localGet(1), w -> w.localGet(2));
          out.localGet(0).localGet(1).localGet(2);
          misc(out, Op.TABLE_INIT).u32(2L * segment).u32(table);
          out.localGet(0).localGet(1).localGet(2);
          misc(out, Op.TABLE_INIT).u32(2L * segment + 1).u32(shadow(table));
        });
  }

  /** One function for each identity, null first, that answers it; the first one's index. */
  private int addIdentities() {
    int first = SHIFT + module.functionTypes.length + added.size();
    for (int i = 0; i <= referenced.length; i++) {
      add(NONE, ONE_I32, NONE, new BinaryWriter().i32(i));
    }
    return first;
  }

  // Exports for the host

  private void addCalls() {
    int position = 0;
    for (ParsedModule.Export export : module.exports) {
      if (export.kind() == ParsedModule.EXPORT_FUNCTION) {
        addCall(Names.CALL + position, export.index(), module.signatureOf(export.index()));
        position++;
      }
    }
    if (module.start >= 0) {
      addCall(Names.START, module.start, module.signatureOf(module.start));
    }
  }

  private void addCall(String name, int function, Signature signature) {
    BinaryWriter out = new BinaryWriter();
    takeFuel(out);
    int slot = Mailbox.VALUES;
    for (byte type : signature.parameters()) {
      slot = loadValue(out, slot, type);
    }
    out.call(SHIFT + function);
    byte[] locals = signature.results().clone();
    for (int i = locals.length - 1; i >= 0; i--) {
      out.localSet(i);
    }
    slot = Mailbox.VALUES;
    for (int i = 0; i < locals.length; i++) {
      int local = i;
      slot = storeValue(out, slot, locals[i], () -> out.localGet(local));
    }
    out.globalGet(fuel).globalGet(reserve).write(Op.I64_ADD).i64(0).write(Op.I64_LT_S).trapIf();
    giveFuel(out);
    export(name, locals, out);
  }

  /** Puts the value that starts in this slot on the stack; the slot behind it. */
  private static int loadValue(BinaryWriter out, int slot, byte type) {
    load(out, slot);
    if (type != Op.V128) {
      fromBits(out, type);
      return slot + 1;
    }
    out.write(Op.PREFIX_SIMD).u32(Op.I64X2_SPLAT);
    load(out, slot + 1);
    out.write(Op.PREFIX_SIMD).u32(Op.I64X2_REPLACE_LANE).write(1);
    return slot + 2;
  }

  /** Stores what {@code push} puts on the stack, from this slot on; the slot behind it. */
  private static int storeValue(BinaryWriter out, int slot, byte type, Runnable push) {
    if (type != Op.V128) {
      out.i32(slot);
      push.run();
      toBits(out, type);
      out.call(STORE);
      return slot + 1;
    }
    for (int half = 0; half < 2; half++) {
      out.i32(slot + half);
      push.run();
      out.write(Op.PREFIX_SIMD).u32(Op.I64X2_EXTRACT_LANE).write(half).call(STORE);
    }
    return slot + 2;
  }

  private void addState() {
    if (module.memory != null) {
      exports.add(new OwnExport(Names.MEMORY, ParsedModule.EXPORT_MEMORY, 0));
    }
    BinaryWriter status = new BinaryWriter();
    giveFuel(status);
    status.i32(Mailbox.DEPTH).globalGet(depth).write(Op.I64_EXTEND_I32_S).call(STORE);
    export(Names.STATUS, NONE, status);
    addInitialize();
    addGlobals();
    if (changesTables) {
      addReferences();
      for (int t = 0; t < module.tables.size(); t++) {
        addTable(t);
      }
    }
  }

  private void addInitialize() {
    List<BinaryWriter> parts = new ArrayList<>();
    BinaryWriter out = part(parts);
    if (changesTables) {
      for (int t = 0; t < module.tables.size(); t++) {
        out.i32(0).i32(0).tableGet(identitiesTable);
        misc(out, Op.TABLE_SIZE).u32(shadow(t));
        misc(out, Op.TABLE_FILL).u32(shadow(t));
      }
      for (int i = 0; i < module.elements.size(); i++) {
        ElementSegment segment = module.elements.get(i);
        if (segment.mode() == Mode.ACTIVE) {
          int offset = (int) segment.offset().bits();
          int count = segment.functions().length;
          out = part(parts);
          checkEntries(out, segment.table(), w -> w.i32(offset), w -> w.i32(count));
          out.i32(offset).i32(0).i32(count);
          misc(out, Op.TABLE_INIT).u32(2L * i).u32(segment.table());
          out.i32(offset).i32(0).i32(count);
          misc(out, Op.TABLE_INIT).u32(2L * i + 1).u32(shadow(segment.table()));
        }
      }
    }
    for (int i = 0; i < module.data.size(); i++) {
      ParsedModule.DataSegment segment = module.data.get(i);
      if (segment.mode() == Mode.ACTIVE) {
        out = part(parts);
        out.i32((int) segment.offset().bits()).i32(0).i32(segment.to() - segment.from());
        misc(out, Op.MEMORY_INIT).u32(i).write(0);
      }
    }
    if (parts.size() == 1) {
      if (out.size() > 0) {
        export(Names.INITIALIZE, NONE, out);
      }
      return;
    }
    BinaryWriter all = new BinaryWriter();
    for (BinaryWriter one : parts) {
      all.write(Op.CALL).u32(add(NONE, NONE, NONE, one));
    }
    export(Names.INITIALIZE, NONE, all);
  }

  /** The last of the parts, or a new one: compiling takes more than its share for a long one. */
  private static BinaryWriter part(List<BinaryWriter> parts) {
    if (parts.isEmpty() || parts.get(parts.size() - 1).size() > INITIALIZE_PART_BYTES) {
      parts.add(new BinaryWriter());
    }
    return parts.get(parts.size() - 1);
  }

  private void addGlobals() {
    List<Integer> indexes = new ArrayList<>();
    List<Byte> types = new ArrayList<>();
    for (int i = 0; i < module.globals.size(); i++) {
      ParsedModule.Global global = module.globals.get(i);
      if (global.mutable() && global.type() != Op.FUNCREF) {
        indexes.add(i);
        types.add(global.type());
      }
    }
    for (Map<Integer, Integer> flags : List.of(dataFlags, elementFlags)) {
      for (int flag : flags.values()) {
        indexes.add(flag);
        types.add(Op.I32);
      }
    }
    BinaryWriter read = new BinaryWriter();
    BinaryWriter write = new BinaryWriter();
    int slots = 0;
    for (int i = 0; i < indexes.size(); i++) {
      int index = indexes.get(i);
      byte type = types.get(i);
      int slot = Mailbox.VALUES + slots;
      BinaryWriter reader = read;
      storeValue(read, slot, type, () -> reader.globalGet(index));
      slots = loadValue(write, slot, type) - Mailbox.VALUES;
      write.globalSet(index);
      if (slots >= Mailbox.CHUNK - 1 || i == indexes.size() - 1) {
        export(Names.READ_GLOBALS + chunkSizes.size(), NONE, read);
        export(Names.WRITE_GLOBALS + chunkSizes.size(), NONE, write);
        chunkSizes.add(slots);
        read = new BinaryWriter();
        write = new BinaryWriter();
        slots = 0;
      }
    }
  }

  private void addReferences() {
    BinaryWriter read = new BinaryWriter();
    BinaryWriter write = new BinaryWriter();
    int slot = Mailbox.VALUES;
    for (int i = 0; i < module.globals.size(); i++) {
      ParsedModule.Global global = module.globals.get(i);
      if (global.mutable() && global.type() == Op.FUNCREF) {
        read.i32(slot).globalGet(i).write(Op.I64_EXTEND_I32_U).call(STORE);
        load(write, slot);
        write.write(Op.I32_WRAP_I64).globalSet(i);
        slot++;
      }
    }
    if (slot > Mailbox.VALUES) {
      export(Names.READ_REFERENCES, NONE, read);
      export(Names.WRITE_REFERENCES, NONE, write);
    }
  }

  private void addTable(int table) {
    BinaryWriter size = new BinaryWriter();
    size.i32(Mailbox.FROM);
    misc(size, Op.TABLE_SIZE).u32(table).write(Op.I64_EXTEND_I32_U).call(STORE);
    export(Names.TABLE_SIZE + table, NONE, size);

    BinaryWriter grow = new BinaryWriter();
    grow.write(Op.REF_NULL).write(Op.FUNCREF);
    load(grow, Mailbox.FROM);
    grow.write(Op.I32_WRAP_I64);
    misc(grow, Op.TABLE_GROW).u32(table).localTee(0).i32(-1).write(Op.I32_EQ);
    grow.write(Op.IF, Op.EMPTY_BLOCK).write(Op.ELSE).i32(0).tableGet(identitiesTable);
    load(grow, Mailbox.FROM);
    grow.write(Op.I32_WRAP_I64);
    misc(grow, Op.TABLE_GROW).u32(shadow(table)).write(Op.DROP).write(Op.END);
    grow.i32(Mailbox.FROM).localGet(0).write(Op.I64_EXTEND_I32_S).call(STORE);
    export(Names.TABLE_GROW + table, ONE_I32, grow);

    // Local 0 runs from 0 to the count, local 1; local 2 is the first entry, local 3 an identity.
    BinaryWriter read = new BinaryWriter();
    range(
        read,
        out -> {
          out.localGet(0).i32(Mailbox.VALUES).write(Op.I32_ADD);
          out.localGet(0).localGet(2).write(Op.I32_ADD);
          readIdentity(out, table);
          out.write(Op.I64_EXTEND_I32_U).call(STORE);
        });
    export(Names.TABLE_READ + table, new byte[] {Op.I32, Op.I32, Op.I32, Op.I32}, read);

    BinaryWriter write = new BinaryWriter();
    range(
        write,
        out -> {
          out.localGet(0).i32(Mailbox.VALUES).write(Op.I32_ADD).call(LOAD);
          out.write(Op.I32_WRAP_I64).localSet(3);
          out.localGet(0).localGet(2).write(Op.I32_ADD).localGet(3).call(setTable(table));
        });
    export(Names.TABLE_WRITE + table, new byte[] {Op.I32, Op.I32, Op.I32, Op.I32}, write);
  }

  private static void range(BinaryWriter out, Consumer<BinaryWriter> step) {
    load(out, Mailbox.COUNT);
    out.write(Op.I32_WRAP_I64).localSet(1);
    load(out, Mailbox.FROM);
    out.write(Op.I32_WRAP_I64).localSet(2);
    out.write(Op.BLOCK, Op.EMPTY_BLOCK).write(Op.LOOP, Op.EMPTY_BLOCK);
    out.localGet(0).localGet(1).write(Op.I32_GE_U).write(Op.BR_IF).u32(1);
    step.accept(out);
    out.localGet(0).i32(1).write(Op.I32_ADD).localSet(0).write(Op.BR).u32(0);
    out.write(Op.END, Op.END);
  }

  // Sections

  private void writeTypes(BinaryWriter out) {
    // Types of the imports are the last to be added, so that everything else is known by now.
    type(ONE_I32, new byte[] {Op.I64});
    type(new byte[] {Op.I32, Op.I64}, NONE);
    type(NONE, NONE);
    out.u32(module.types.size() + addedTypes.size());
    for (List<Signature> types : List.of(module.types, addedTypes)) {
      for (Signature type : types) {
        out.write(0x60);
        out.u32(type.parameters().length).write(type.parameters(), 0, type.parameters().length);
        out.u32(type.results().length).write(type.results(), 0, type.results().length);
      }
    }
  }

  private void writeImports(BinaryWriter out) {
    out.u32(SHIFT);
    out.name(Names.IMPORT_MODULE).name(Names.LOAD).write(0).u32(type(ONE_I32, new byte[] {Op.I64}));
    out.name(Names.IMPORT_MODULE).name(Names.STORE).write(0);
    out.u32(type(new byte[] {Op.I32, Op.I64}, NONE));
    out.name(Names.IMPORT_MODULE).name(Names.HOST).write(0).u32(type(NONE, NONE));
  }

  private void writeFunctions(BinaryWriter out) {
    out.u32(module.functionTypes.length + added.size());
    for (int type : module.functionTypes) {
      out.u32(type);
    }
    for (Added function : added) {
      out.u32(function.type);
    }
  }

  private boolean writeTables(BinaryWriter out) {
    int guests = module.tables.size();
    int count = changesTables ? 2 * guests + 2 : guests;
    if (count == 0) {
      return false;
    }
    out.u32(count);
    for (int i = 0; i < (changesTables ? 2 * guests : guests); i++) {
      ParsedModule.Size size = module.tables.get(i % guests);
      long most = Math.max(size.initial(), limits.maxTableEntries());
      long maximum = size.maximum() < 0 ? most : Math.min(size.maximum(), most);
      out.write(Op.FUNCREF).write(1).u32(size.initial()).u32(maximum);
    }
    if (changesTables) {
      int identities = referenced.length + 1;
      for (int i = 0; i < 2; i++) {
        out.write(Op.FUNCREF).write(1).u32(identities).u32(identities);
      }
    }
    return true;
  }

  private void writeGlobals(BinaryWriter out) {
    out.u32(
        module.globals.size() + 3L + parkedTypes.size() + dataFlags.size() + elementFlags.size());
    for (ParsedModule.Global global : module.globals) {
      out.write(kept(global.type())).write(global.mutable() ? 1 : 0);
      constant(out, global.value());
      out.write(Op.END);
    }
    out.write(Op.I64).write(1).i64(0).write(Op.END);
    out.write(Op.I64).write(1).i64(0).write(Op.END);
    out.write(Op.I32).write(1).i32(limits.maxCallDepth()).write(Op.END);
    for (int segment : dataFlags.keySet()) {
      flag(out, module.data.get(segment).mode());
    }
    for (int segment : elementFlags.keySet()) {
      flag(out, module.elements.get(segment).mode());
    }
    for (byte type : parkedTypes) {
      out.write(type).write(1);
      constant(out, new Constant(type, 0, 0));
      out.write(Op.END);
    }
  }

  private static void flag(BinaryWriter out, Mode mode) {
    out.write(Op.I32).write(1).i32(mode == Mode.PASSIVE ? 0 : 1).write(Op.END);
  }

  private void constant(BinaryWriter out, Constant constant) {
    switch (constant.type()) {
      case Op.I32 -> out.i32((int) constant.bits());
      case Op.I64 -> out.i64(constant.bits());
      case Op.F32 -> littleEndian(out.write(Op.F32_CONST), constant.bits(), 4);
      case Op.F64 -> littleEndian(out.write(Op.F64_CONST), constant.bits(), 8);
      case Op.V128 -> {
        out.write(Op.PREFIX_SIMD).u32(Op.V128_CONST);
        littleEndian(out, constant.bits(), 8);
        littleEndian(out, constant.highBits(), 8);
      }
      default -> {
        if (changesTables) {
          out.i32(identity((int) constant.bits()));
        } else {
          reference(out, (int) constant.bits());
        }
      }
    }
  }

  private static void littleEndian(BinaryWriter out, long bits, int bytes) {
    for (int i = 0; i < bytes; i++) {
      out.write((int) (bits >>> (8 * i)));
    }
  }

  private void reference(BinaryWriter out, int function) {
    if (function < 0) {
      out.write(Op.REF_NULL).write(Op.FUNCREF);
    } else {
      out.write(Op.REF_FUNC).u32(SHIFT + function);
    }
  }

  private boolean writeElements(BinaryWriter out, int identities) {
    if (changesTables) {
      out.u32(2L * module.elements.size() + 2);
      for (ElementSegment segment : module.elements) {
        passive(out, segment.functions());
        out.write(1).write(0).u32(segment.functions().length);
        for (int function : segment.functions()) {
          out.u32(identities + identity(function));
        }
      }
      out.write(2).u32(functionsTable).i32(1).write(Op.END).write(0).u32(referenced.length);
      for (int function : referenced) {
        out.u32(SHIFT + function);
      }
      out.write(2).u32(identitiesTable).i32(0).write(Op.END).write(0).u32(referenced.length + 1);
      for (int i = 0; i <= referenced.length; i++) {
        out.u32(identities + i);
      }
      return true;
    }
    boolean declares = !scan.references.isEmpty();
    int count = module.elements.size() + (declares ? 1 : 0);
    if (count == 0) {
      return false;
    }
    out.u32(count);
    for (ElementSegment segment : module.elements) {
      if (segment.mode() == Mode.ACTIVE) {
        out.write(6).u32(segment.table());
        constant(out, segment.offset());
        out.write(Op.END).write(Op.FUNCREF);
        expressions(out, segment.functions());
      } else {
        passive(out, segment.functions());
      }
    }
    if (declares) {
      out.write(3).write(0).u32(scan.references.cardinality());
      scan.references.stream().forEach(function -> out.u32(SHIFT + function));
    }
    return true;
  }

  private void passive(BinaryWriter out, int[] functions) {
    out.write(5).write(Op.FUNCREF);
    expressions(out, functions);
  }

  private void expressions(BinaryWriter out, int[] functions) {
    out.u32(functions.length);
    for (int function : functions) {
      reference(out, function);
      out.write(Op.END);
    }
  }
}
