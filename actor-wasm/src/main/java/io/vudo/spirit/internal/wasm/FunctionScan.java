package io.vudo.spirit.internal.wasm;

import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.wasm.ParsedModule.Signature;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Validates one function after another, by the algorithm of the specification's appendix, and notes
 * what the rewriter needs: where fuel is charged and how much, which instructions are replaced, and
 * how heavy a call is. One object serves all functions of a module.
 */
final class FunctionScan {
  private static final byte UNKNOWN = 0;

  /** Up to how many basic blocks with calls take the call depth themselves. */
  private static final int CALLING_BLOCKS = 2;

  private static final byte[] NONE = {};

  private final ParsedModule module;

  /** Whether code changes a table or a mutable funcref global. */
  boolean changesTables;

  /** The segments that memory.init and table.init name. */
  final BitSet initializedData = new BitSet();

  final BitSet initializedElements = new BitSet();

  /** The functions that ref.func names in code. */
  final BitSet references = new BitSet();

  // What was found out about the last function.

  byte[] locals = NONE;
  int parameters;

  /** The bytes of the local declarations, their count excluded. */
  int declarationsFrom;

  int declarationGroups;

  /** Where the instructions start and end; the last is the function's own {@code end}. */
  int codeFrom;

  int codeTo;

  /** Whether the function calls anything. */
  boolean calls;

  /**
   * Where a run of calls in one basic block starts and ends, two numbers each, ascending: there the
   * call depth is taken and given back, unless {@link #deepFromStart}.
   */
  final IntList callRuns = new IntList();

  /** Whether the call depth is taken once, where the function starts. */
  boolean deepFromStart;

  /** What a call of the function adds to the call depth, if it calls anything itself. */
  int weight;

  /** Where the function can be entered, or goes on from more than one place. */
  int basicBlocks;

  /** Where fuel is charged, ascending, and how much. */
  final IntList chargeOffsets = new IntList();

  final IntList chargeUnits = new IntList();

  /** One of the constants below. */
  final IntList chargePlaces = new IntList();

  /** The charge stands at the start of the function. */
  static final int AT_ENTRY = 1;

  /** The charge stands at the start of a loop. */
  static final int AT_LOOP = 2;

  static final int ELSEWHERE = 0;

  /** The labels of all br_table that are replaced. */
  final IntList labels = new IntList();

  /** Instructions to replace, five numbers each: from, to, opcode, two immediates. */
  final IntList edits = new IntList();

  static final int EDIT_INTS = 5;

  /** Added to an edit's opcode when it stands behind {@link Op#PREFIX_MISC}. */
  static final int MISC = 0x100;

  /** The floats whose NaN must be made canonical right where they are. */
  final FloatFlow floats = new FloatFlow();

  // The operands
  private byte[] stack = new byte[256];

  /** Where each operand comes from, as {@link FloatFlow} says. */
  private int[] origins = new int[256];

  /** The origin of the operand that was taken last. */
  private int taken;

  private int height;
  private int highest;

  // The control frames
  private int frames;
  private int[] frameOpcode = new int[64];
  private int[] frameHeight = new int[64];
  private byte[][] frameStart = new byte[64][];
  private byte[][] frameEnd = new byte[64][];
  private boolean[] frameUnreachable = new boolean[64];
  private boolean[] frameEntered = new boolean[64];
  private boolean[] frameThenEnds = new boolean[64];
  private boolean[] frameTargeted = new boolean[64];

  /** How many loops up to this frame can be reached: each becomes two. */
  private int[] frameLoops = new int[64];

  private int blocks;

  // The basic block
  private boolean live;
  private int blockOffset;
  private int blockUnits;
  private int blockPlace;
  private int firstCall;
  private int callsEnd;
  private boolean callsInLoop;

  private BinaryReader in;
  private int offset;

  FunctionScan(ParsedModule module) {
    this.module = module;
  }

  /** Scans the function at this place among those that have a body. */
  void scan(int defined) {
    int function = module.imports.size() + defined;
    ParsedModule.Body body = module.bodies.get(defined);
    Signature signature = module.signatureOf(function);
    in = new BinaryReader(module.bytes, body.from(), body.to());
    offset = body.from();
    readLocals(signature);
    chargeOffsets.clear();
    chargeUnits.clear();
    chargePlaces.clear();
    labels.clear();
    edits.clear();
    callRuns.clear();
    firstCall = -1;
    callsInLoop = false;
    calls = false;
    height = 0;
    highest = 0;
    frames = 0;
    blocks = 0;
    basicBlocks = 0;
    live = true;
    codeFrom = in.position();
    codeTo = body.to();
    floats.start(locals, parameters);
    startBasicBlock(AT_ENTRY);
    push(Op.BLOCK, NONE, signature.results());
    while (frames > 0) {
      instruction();
    }
    if (!in.atEnd()) {
      throw Refusal.malformed(in.position(), "instructions behind the end of a function");
    }
    floats.finish();
    if (basicBlocks > Bounds.BASIC_BLOCKS) {
      throw Refusal.tooMuch(
          "basic blocks of function " + function, basicBlocks, Bounds.BASIC_BLOCKS);
    }
    long joins = (long) (locals.length + 1) * (blocks + 1);
    if (joins > Bounds.LOCALS_TIMES_BLOCKS) {
      throw Refusal.tooMuch(
          "locals times blocks of function " + function, joins, Bounds.LOCALS_TIMES_BLOCKS);
    }
    deepFromStart = callsInLoop || callRuns.size() > 2 * CALLING_BLOCKS;
    weight = 1 + (slots(locals, locals.length) + highest) / 16;
  }

  private static int slots(byte[] types, int count) {
    int slots = count;
    for (int i = 0; i < count; i++) {
      if (types[i] == Op.V128) {
        slots++;
      }
    }
    return slots;
  }

  private void readLocals(Signature signature) {
    parameters = signature.parameters().length;
    int start = in.position();
    declarationGroups = in.count("groups of locals", Bounds.LOCALS);
    declarationsFrom = in.position();
    locals = Arrays.copyOf(signature.parameters(), Math.max(16, parameters));
    int count = parameters;
    for (int i = 0; i < declarationGroups; i++) {
      long more = in.u32();
      byte type = ModuleParser.valueType(in);
      if (count + more > Bounds.LOCALS) {
        throw Refusal.tooMuch(
            "locals of the function at byte " + start, count + more, Bounds.LOCALS);
      }
      int to = count + (int) more;
      if (to > locals.length) {
        locals = Arrays.copyOf(locals, Math.max(to, Math.min(Bounds.LOCALS, to * 2)));
      }
      Arrays.fill(locals, count, to, type);
      count = to;
    }
    locals = Arrays.copyOf(locals, count);
  }

  // Basic blocks

  private void startBasicBlock(int place) {
    basicBlocks++;
    blockOffset = in.position();
    blockPlace = place;
    blockUnits = 0;
  }

  private void endBasicBlock() {
    if (blockUnits > 0) {
      chargeOffsets.add(blockOffset);
      chargeUnits.add(blockUnits);
      chargePlaces.add(blockPlace);
    }
    blockUnits = 0;
    if (firstCall >= 0) {
      callRuns.add(firstCall);
      callRuns.add(callsEnd);
      firstCall = -1;
    }
  }

  /** The instruction that comes next can be reached from more than the one before it. */
  private void leader() {
    leader(ELSEWHERE);
  }

  private void leader(int place) {
    endBasicBlock();
    startBasicBlock(place);
  }

  private void count() {
    if (live) {
      blockUnits++;
    }
  }

  // The operand stack

  private VudoException invalid(String what) {
    return Refusal.invalid(offset, what);
  }

  private void push(byte type) {
    if (height == stack.length) {
      stack = Arrays.copyOf(stack, height * 2);
      origins = Arrays.copyOf(origins, height * 2);
    }
    origins[height] = FloatFlow.EXACT;
    stack[height++] = type;
    if (height > highest) {
      highest = height;
    }
  }

  private void push(byte[] types) {
    for (byte type : types) {
      push(type);
    }
  }

  private void push(byte type, int origin) {
    push(type);
    origins[height - 1] = origin;
  }

  /** Takes an operand for whose consumer the bits of a NaN do not matter. */
  private byte take() {
    taken = FloatFlow.EXACT;
    int frame = frames - 1;
    if (height == frameHeight[frame]) {
      if (frameUnreachable[frame]) {
        return UNKNOWN;
      }
      throw invalid("an operand is missing");
    }
    height--;
    taken = origins[height];
    return stack[height];
  }

  private byte take(byte expected) {
    byte actual = take();
    if (actual != expected && actual != UNKNOWN && expected != UNKNOWN) {
      throw invalid("the operand is " + Op.nameOf(actual) + ", expected " + Op.nameOf(expected));
    }
    return actual;
  }

  private byte pop() {
    byte type = take();
    floats.need(taken);
    return type;
  }

  private byte pop(byte expected) {
    byte type = take(expected);
    floats.need(taken);
    return type;
  }

  private void pop(byte[] types) {
    for (int i = types.length - 1; i >= 0; i--) {
      pop(types[i]);
    }
  }

  private void apply(String signature) {
    int colon = signature.indexOf(':');
    for (int i = colon - 1; i >= 0; i--) {
      pop(Op.typeOf(signature.charAt(i)));
    }
    for (int i = colon + 1; i < signature.length(); i++) {
      push(Op.typeOf(signature.charAt(i)));
    }
  }

  /** As {@link #apply(String)}, and follows the floats. */
  private void apply(String signature, byte nan, byte takes, byte makes) {
    if (nan == Op.NAN_EXACT) {
      apply(signature);
      return;
    }
    int colon = signature.indexOf(':');
    int origin = FloatFlow.EXACT;
    for (int i = colon - 1; i >= 0; i--) {
      take(Op.typeOf(signature.charAt(i)));
      if (nan == Op.NAN_SIGN && i > 0) {
        // The second operand of copysign: only its sign counts.
        floats.need(taken);
      } else if (takes != 0) {
        floats.takeAs(taken, takes);
      }
      origin = taken;
    }
    byte result = Op.typeOf(signature.charAt(colon + 1));
    switch (nan) {
      case Op.NAN_ARITHMETIC -> push(result, live ? floats.result(in.position(), makes) : 0);
      case Op.NAN_NEVER -> push(result, FloatFlow.NUMBER);
      case Op.NAN_ABSOLUTE -> push(result, origin);
      case Op.NAN_SIGN -> push(result, FloatFlow.signed(origin));
      default -> push(result);
    }
  }

  // Control frames

  private void push(int opcode, byte[] start, byte[] end) {
    if (frames == frameOpcode.length) {
      if (frames >= Bounds.CONTROL_DEPTH) {
        throw Refusal.tooMuch("nested blocks of a function", frames, Bounds.CONTROL_DEPTH);
      }
      int size = Math.min(Bounds.CONTROL_DEPTH, frames * 2);
      frameOpcode = Arrays.copyOf(frameOpcode, size);
      frameHeight = Arrays.copyOf(frameHeight, size);
      frameStart = Arrays.copyOf(frameStart, size);
      frameEnd = Arrays.copyOf(frameEnd, size);
      frameUnreachable = Arrays.copyOf(frameUnreachable, size);
      frameEntered = Arrays.copyOf(frameEntered, size);
      frameThenEnds = Arrays.copyOf(frameThenEnds, size);
      frameTargeted = Arrays.copyOf(frameTargeted, size);
      frameLoops = Arrays.copyOf(frameLoops, size);
    }
    frameOpcode[frames] = opcode;
    frameHeight[frames] = height;
    frameStart[frames] = start;
    frameEnd[frames] = end;
    frameUnreachable[frames] = false;
    frameEntered[frames] = live;
    frameThenEnds[frames] = false;
    frameTargeted[frames] = false;
    frameLoops[frames] =
        (frames == 0 ? 0 : frameLoops[frames - 1]) + (opcode == Op.LOOP && live ? 1 : 0);
    if (frameLoops[frames] > Bounds.LOOP_DEPTH) {
      throw Refusal.tooMuch("nested loops of a function", frameLoops[frames], Bounds.LOOP_DEPTH);
    }
    frames++;
    push(start);
  }

  private void popFrameOperands() {
    int frame = frames - 1;
    pop(frameEnd[frame]);
    if (height != frameHeight[frame]) {
      throw invalid("operands are left over at the end of a block");
    }
  }

  private void unreachable() {
    height = frameHeight[frames - 1];
    frameUnreachable[frames - 1] = true;
    live = false;
  }

  private int label() {
    int label = in.index();
    if (label >= frames) {
      throw invalid("unknown label " + label);
    }
    return label;
  }

  /** The types that a branch to this label takes; the label counts as reached. */
  private byte[] branch(int label) {
    int frame = frames - 1 - label;
    if (live) {
      frameTargeted[frame] = true;
    }
    return frameOpcode[frame] == Op.LOOP ? frameStart[frame] : frameEnd[frame];
  }

  /** The label in the rewritten function, where each loop that can be reached is two. */
  private int moved(int label) {
    return label + frameLoops[frames - 1] - frameLoops[frames - 1 - label];
  }

  private void edit(int opcode, int first, int second) {
    edits.add(offset);
    edits.add(in.position());
    edits.add(opcode);
    edits.add(first);
    edits.add(second);
  }

  private Signature blockType() {
    int from = in.position();
    long type = in.s33();
    if (type >= 0) {
      if (type >= module.types.size()) {
        throw invalid("unknown type " + type);
      }
      return module.types.get((int) type);
    }
    if (in.position() != from + 1) {
      throw Refusal.malformed(from, "unknown block type");
    }
    if (((int) type & 0x7f) == Op.EMPTY_BLOCK) {
      return new Signature(NONE, NONE);
    }
    byte result = ModuleParser.valueType(new BinaryReader(module.bytes, from, from + 1));
    return new Signature(NONE, new byte[] {result});
  }

  // Instructions

  private void instruction() {
    offset = in.position();
    int opcode = in.unsignedByte();
    if (opcode != Op.END && opcode != Op.ELSE && opcode != Op.BLOCK) {
      count();
    }
    String plain = Op.plainSignature(opcode);
    if (plain != null) {
      if (opcode == Op.F32_ABS || opcode == Op.F64_ABS) {
        edit(opcode, 0, 0);
      }
      int alignment = Op.plainAlignment(opcode);
      if (alignment >= 0) {
        memoryAccess(alignment);
      }
      apply(plain, Op.plainNan(opcode), (byte) 0, Op.typeOf(plain.charAt(plain.length() - 1)));
      return;
    }
    switch (opcode) {
      case Op.UNREACHABLE -> {
        edit(Op.UNREACHABLE, 0, 0);
        unreachable();
      }
      case Op.NOP -> {}
      case Op.BLOCK, Op.LOOP, Op.IF -> block(opcode);
      case Op.ELSE -> otherwise();
      case Op.END -> end();
      case Op.BR -> {
        int label = label();
        edit(Op.BR, moved(label), 0);
        pop(branch(label));
        unreachable();
      }
      case Op.BR_IF -> {
        pop(Op.I32);
        int label = label();
        edit(Op.BR_IF, moved(label), 0);
        byte[] types = branch(label);
        pop(types);
        push(types);
        leader();
      }
      case Op.BR_TABLE -> branchTable();
      case Op.RETURN -> {
        edit(Op.RETURN, moved(frames - 1), 0);
        pop(frameEnd[0]);
        unreachable();
      }
      case Op.CALL -> {
        int function = in.index();
        if (function >= module.functionTypes.length) {
          throw invalid("unknown function " + function);
        }
        edit(Op.CALL, function, 0);
        calls();
        call(module.signatureOf(function));
      }
      case Op.CALL_INDIRECT -> {
        int type = in.index();
        table(in.index());
        if (type >= module.types.size()) {
          throw invalid("unknown type " + type);
        }
        calls();
        edit(Op.CALL_INDIRECT, 0, 0);
        pop(Op.I32);
        call(module.types.get(type));
      }
      case Op.DROP -> take();
      case Op.SELECT -> select();
      case Op.SELECT_TYPED -> {
        if (in.u32() != 1) {
          throw invalid("select takes one type");
        }
        byte type = ModuleParser.valueType(in);
        if (type == Op.FUNCREF) {
          edit(Op.SELECT_TYPED, 0, 0);
        }
        pop(Op.I32);
        pop(type);
        pop(type);
        push(type);
      }
      case Op.LOCAL_GET -> {
        int local = local();
        byte type = locals[local];
        push(type, live && isFloat(type) ? floats.get(in.position(), local, loops()) : 0);
      }
      case Op.LOCAL_SET -> setLocal(local());
      case Op.LOCAL_TEE -> {
        int local = local();
        int origin = setLocal(local);
        push(locals[local], origin);
      }
      case Op.GLOBAL_GET -> push(global().type());
      case Op.GLOBAL_SET -> {
        ParsedModule.Global global = global();
        if (!global.mutable()) {
          throw invalid("the global is immutable");
        }
        changesTables |= global.type() == Op.FUNCREF;
        pop(global.type());
      }
      case Op.TABLE_GET -> {
        int table = table(in.index());
        edit(Op.TABLE_GET, table, 0);
        pop(Op.I32);
        push(Op.FUNCREF);
      }
      case Op.TABLE_SET -> {
        int table = table(in.index());
        edit(Op.TABLE_SET, table, 0);
        changesTables = true;
        pop(Op.FUNCREF);
        pop(Op.I32);
      }
      case Op.MEMORY_SIZE -> {
        memoryIndex();
        push(Op.I32);
      }
      case Op.MEMORY_GROW -> {
        memoryIndex();
        edit(Op.MEMORY_GROW, 0, 0);
        pop(Op.I32);
        push(Op.I32);
      }
      case Op.I32_CONST -> {
        in.s32();
        push(Op.I32);
      }
      case Op.I64_CONST -> {
        in.s64();
        push(Op.I64);
      }
      case Op.F32_CONST -> {
        push(Op.F32, FloatFlow.constant(Float.intBitsToFloat((int) in.littleEndian(4))));
      }
      case Op.F64_CONST -> {
        push(Op.F64, FloatFlow.constant(Double.longBitsToDouble(in.littleEndian(8))));
      }
      case Op.REF_NULL -> {
        if (ModuleParser.valueType(in) != Op.FUNCREF) {
          throw Refusal.malformed(offset, "unknown type of reference");
        }
        edit(Op.REF_NULL, 0, 0);
        push(Op.FUNCREF);
      }
      case Op.REF_IS_NULL -> {
        edit(Op.REF_IS_NULL, 0, 0);
        pop(Op.FUNCREF);
        push(Op.I32);
      }
      case Op.REF_FUNC -> {
        int function = in.index();
        if (function >= module.functionTypes.length) {
          throw invalid("unknown function " + function);
        }
        if (!module.declaredReferences.get(function)) {
          throw invalid("ref.func names a function that is not declared");
        }
        references.set(function);
        edit(Op.REF_FUNC, function, 0);
        push(Op.FUNCREF);
      }
      case Op.PREFIX_MISC -> misc();
      case Op.PREFIX_SIMD -> simd();
      case Op.PREFIX_ATOMIC -> throw Refusal.unsupported(offset, "threads (atomic instructions)");
      case Op.PREFIX_GC -> throw Refusal.unsupported(offset, "garbage-collected types");
      case 0x06, 0x07, 0x08, 0x09, 0x0a, 0x18, 0x19, 0x1f ->
          throw Refusal.unsupported(offset, "exception handling");
      case 0x12, 0x13 -> throw Refusal.unsupported(offset, "tail calls");
      case 0x14, 0x15, 0xd3, 0xd4, 0xd5, 0xd6 ->
          throw Refusal.unsupported(offset, "typed function references");
      default ->
          throw Refusal.malformed(offset, String.format("unknown instruction 0x%02x", opcode));
    }
  }

  private void calls() {
    calls = true;
    if (live) {
      if (firstCall < 0) {
        firstCall = offset;
      }
      callsEnd = in.position();
      callsInLoop |= loops() > 0;
    }
  }

  private void call(Signature signature) {
    pop(signature.parameters());
    push(signature.results());
  }

  private void block(int opcode) {
    Signature type = blockType();
    blocks++;
    if (opcode == Op.IF) {
      pop(Op.I32);
    }
    boolean reference = type.results().length == 1 && type.results()[0] == Op.FUNCREF;
    boolean doubled = opcode == Op.LOOP && live;
    if (reference || doubled) {
      edit(opcode, reference ? 1 : 0, doubled ? 1 : 0);
    }
    pop(type.parameters());
    push(opcode, type.parameters(), type.results());
    if (opcode != Op.BLOCK) {
      leader(opcode == Op.LOOP ? AT_LOOP : ELSEWHERE);
    }
  }

  private void otherwise() {
    int frame = frames - 1;
    if (frameOpcode[frame] != Op.IF) {
      throw invalid("else without if");
    }
    popFrameOperands();
    frameThenEnds[frame] = live;
    frameOpcode[frame] = Op.ELSE;
    frameUnreachable[frame] = false;
    live = frameEntered[frame];
    push(frameStart[frame]);
    leader();
  }

  private void end() {
    int frame = frames - 1;
    int opcode = frameOpcode[frame];
    if (opcode == Op.IF && !Arrays.equals(frameStart[frame], frameEnd[frame])) {
      throw invalid("an if without else must leave what it takes");
    }
    popFrameOperands();
    if (opcode == Op.LOOP && frameEntered[frame]) {
      edit(Op.END, 0, 0);
    }
    frames--;
    if (frames == 0) {
      endBasicBlock();
      return;
    }
    push(frameEnd[frame]);
    switch (opcode) {
      case Op.IF -> live |= frameEntered[frame] || frameTargeted[frame];
      case Op.ELSE -> live |= frameThenEnds[frame] || frameTargeted[frame];
      case Op.BLOCK -> live |= frameTargeted[frame];
      default -> {}
    }
    if (opcode == Op.IF || opcode == Op.ELSE || (frameTargeted[frame] && opcode == Op.BLOCK)) {
      leader();
    }
  }

  private void branchTable() {
    pop(Op.I32);
    int targets = in.count("targets of br_table", Bounds.BRANCH_TABLE_TARGETS);
    int arity = -1;
    byte[] checked = null;
    int first = labels.size();
    for (int i = 0; i <= targets; i++) {
      int label = in.index();
      if (label >= frames) {
        throw invalid("unknown label " + label);
      }
      labels.add(moved(label));
      byte[] types = branch(label);
      if (arity >= 0 && types.length != arity) {
        throw invalid("the targets of br_table differ in arity");
      }
      arity = types.length;
      if (types != checked) {
        check(types);
        checked = types;
      }
    }
    edit(Op.BR_TABLE, first, targets);
    pop(checked);
    unreachable();
  }

  /** The operands must be these; they stay as they are. */
  private void check(byte[] types) {
    int frame = frames - 1;
    for (int i = types.length - 1, at = height - 1; i >= 0; i--, at--) {
      if (at < frameHeight[frame]) {
        if (frameUnreachable[frame]) {
          return;
        }
        throw invalid("an operand is missing");
      }
      if (stack[at] != types[i] && stack[at] != UNKNOWN) {
        throw invalid(
            "the operand is " + Op.nameOf(stack[at]) + ", expected " + Op.nameOf(types[i]));
      }
    }
  }

  private void select() {
    pop(Op.I32);
    byte first = pop();
    byte second = pop();
    if (first == Op.FUNCREF || second == Op.FUNCREF) {
      throw invalid("select of references must name their type");
    }
    if (first != second && first != UNKNOWN && second != UNKNOWN) {
      throw invalid("select between " + Op.nameOf(second) + " and " + Op.nameOf(first));
    }
    push(first == UNKNOWN ? second : first);
  }

  private int local() {
    int local = in.index();
    if (local >= locals.length) {
      throw invalid("unknown local " + local);
    }
    return local;
  }

  private static boolean isFloat(byte type) {
    return type == Op.F32 || type == Op.F64;
  }

  /** Takes the operand that a local is set to; its origin. */
  private int setLocal(int local) {
    byte type = locals[local];
    take(type);
    int origin = taken;
    if (!isFloat(type)) {
      floats.need(origin);
    } else if (live) {
      floats.set(origin, local, loops());
    }
    return origin;
  }

  /** How many loops are around this place. */
  private int loops() {
    return frameLoops[frames - 1];
  }

  private ParsedModule.Global global() {
    int global = in.index();
    if (global >= module.globals.size()) {
      throw invalid("unknown global " + global);
    }
    return module.globals.get(global);
  }

  private int table(int table) {
    if (table >= module.tables.size()) {
      throw invalid("unknown table " + table);
    }
    return table;
  }

  private void needMemory() {
    if (module.memory == null) {
      throw invalid("the module has no memory");
    }
  }

  private void memoryIndex() {
    needMemory();
    if (in.unsignedByte() != 0) {
      throw Refusal.unsupported(offset, "multiple memories");
    }
  }

  private void memoryAccess(int naturalAlignment) {
    needMemory();
    long alignment = in.u32();
    if (alignment >= 64) {
      throw Refusal.unsupported(offset, "multiple memories");
    }
    if (alignment > naturalAlignment) {
      throw invalid("the alignment is larger than natural");
    }
    in.u32();
  }

  private int dataSegment() {
    int segment = in.index();
    if (module.dataCount < 0) {
      throw Refusal.malformed(offset, "a data count section is required");
    }
    if (segment >= module.dataCount) {
      throw invalid("unknown data segment " + segment);
    }
    return segment;
  }

  private int elementSegment() {
    int segment = in.index();
    if (segment >= module.elements.size()) {
      throw invalid("unknown element segment " + segment);
    }
    return segment;
  }

  private void misc() {
    long code = in.u32();
    if (code <= 7) {
      apply(Op.saturatingSignature((int) code), Op.NAN_OBSERVED, (byte) 0, (byte) 0);
      return;
    }
    if (code > Op.TABLE_FILL) {
      throw Refusal.malformed(offset, "unknown instruction 0xfc " + code);
    }
    int opcode = (int) code;
    switch (opcode) {
      case Op.MEMORY_INIT -> {
        int segment = dataSegment();
        memoryIndex();
        initializedData.set(segment);
        edit(MISC + opcode, segment, 0);
        apply("iii:");
      }
      case Op.DATA_DROP -> edit(MISC + opcode, dataSegment(), 0);
      case Op.MEMORY_COPY -> {
        memoryIndex();
        memoryIndex();
        edit(MISC + opcode, 0, 0);
        apply("iii:");
      }
      case Op.MEMORY_FILL -> {
        memoryIndex();
        edit(MISC + opcode, 0, 0);
        apply("iii:");
      }
      case Op.TABLE_INIT -> {
        int segment = elementSegment();
        int table = table(in.index());
        initializedElements.set(segment);
        changesTables = true;
        edit(MISC + opcode, segment, table);
        apply("iii:");
      }
      case Op.ELEM_DROP -> edit(MISC + opcode, elementSegment(), 0);
      case Op.TABLE_COPY -> {
        int to = table(in.index());
        int from = table(in.index());
        changesTables = true;
        edit(MISC + opcode, to, from);
        apply("iii:");
      }
      case Op.TABLE_GROW -> {
        int table = table(in.index());
        changesTables = true;
        edit(MISC + opcode, table, 0);
        pop(Op.I32);
        pop(Op.FUNCREF);
        push(Op.I32);
      }
      case Op.TABLE_SIZE -> {
        table(in.index());
        push(Op.I32);
      }
      default -> {
        int table = table(in.index());
        changesTables = true;
        edit(MISC + opcode, table, 0);
        pop(Op.I32);
        pop(Op.FUNCREF);
        pop(Op.I32);
      }
    }
  }

  private void simd() {
    long code = in.u32();
    if (code >= 0x100) {
      throw Refusal.unsupported(offset, "relaxed SIMD");
    }
    int opcode = (int) code;
    if (opcode == Op.F64X2_SPLAT) {
      throw Refusal.unsupported(offset, "f64x2.splat, which an engine may compile wrongly");
    }
    if (opcode == Op.V128_CONST) {
      in.skip(16);
      push(Op.V128);
      return;
    }
    if (opcode == Op.I8X16_SHUFFLE) {
      for (int i = 0; i < 16; i++) {
        lane(32);
      }
      apply("vv:v");
      return;
    }
    String signature = Op.simdSignature(opcode);
    if (signature == null) {
      throw Refusal.malformed(offset, "unknown instruction 0xfd " + code);
    }
    int alignment = Op.simdAlignment(opcode);
    if (alignment >= 0) {
      memoryAccess(alignment);
    }
    int lanes = Op.simdLanes(opcode);
    if (lanes > 0) {
      lane(lanes);
    }
    apply(signature, Op.simdNan(opcode), Op.simdTakes(opcode), Op.simdMakes(opcode));
  }

  private void lane(int lanes) {
    if (in.unsignedByte() >= lanes) {
      throw invalid("no such lane");
    }
  }
}
