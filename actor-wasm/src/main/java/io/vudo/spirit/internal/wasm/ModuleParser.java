package io.vudo.spirit.internal.wasm;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.wasm.ParsedModule.Constant;
import io.vudo.spirit.internal.wasm.ParsedModule.Mode;
import io.vudo.spirit.internal.wasm.ParsedModule.Signature;
import io.vudo.spirit.internal.wasm.ParsedModule.Size;
import java.util.HashSet;
import java.util.Set;

/** Parses everything but the functions' instructions, which {@link FunctionScan} reads. */
final class ModuleParser {
  private static final int MAGIC = 0x6d736100;

  /** Where each section stands in the order that the format demands; by section id. */
  private static final int[] ORDER = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 10};

  private final ParsedModule module;
  private int[] definedTypes = {};

  private ModuleParser(ParsedModule module) {
    this.module = module;
  }

  static ParsedModule parse(byte[] bytes) {
    ParsedModule module = new ParsedModule(bytes);
    new ModuleParser(module).parse();
    return module;
  }

  private void parse() {
    BinaryReader in = header();
    int last = 0;
    while (!in.atEnd()) {
      int offset = in.position();
      int id = in.unsignedByte();
      int length = in.index();
      if (id == 13) {
        throw Refusal.unsupported(offset, "exception handling (a tag section)");
      }
      if (id >= ORDER.length) {
        throw Refusal.malformed(offset, "unknown section " + id);
      }
      BinaryReader section = in.part(length);
      if (id == 0) {
        section.name();
        continue;
      }
      if (ORDER[id] <= last) {
        throw Refusal.malformed(offset, "section " + id + " is repeated or out of order");
      }
      last = ORDER[id];
      section(id, section);
      if (!section.atEnd()) {
        throw Refusal.malformed(
            section.position(), "section " + id + " is longer than its content");
      }
    }
    if (module.bodies.size() != definedTypes.length) {
      throw Refusal.malformed(in.position(), "functions and bodies differ in number");
    }
    if (module.dataCount >= 0 && module.dataCount != module.data.size()) {
      throw Refusal.malformed(in.position(), "the data count differs from the data segments");
    }
  }

  private BinaryReader header() {
    byte[] bytes = module.bytes;
    if (bytes.length == 0) {
      throw new VudoException(ErrorCode.MODULE_EMPTY, "");
    }
    BinaryReader in = new BinaryReader(bytes, 0, bytes.length);
    if (bytes.length < 4 || in.littleEndian(4) != MAGIC) {
      throw new VudoException(ErrorCode.MODULE_BAD_MAGIC, "It must start with 00 61 73 6d.");
    }
    long version = bytes.length < 8 ? -1 : in.littleEndian(4);
    if (version != 1) {
      throw new VudoException(
          ErrorCode.MODULE_BAD_MAGIC,
          version == 0x1000d
              ? "It is a component."
              : version < 0 ? "It ends inside of its header." : "Its version is " + version + ".");
    }
    return in;
  }

  private void section(int id, BinaryReader in) {
    switch (id) {
      case 1 -> types(in);
      case 2 -> imports(in);
      case 3 -> functions(in);
      case 4 -> tables(in);
      case 5 -> memories(in);
      case 6 -> globals(in);
      case 7 -> exports(in);
      case 8 -> start(in);
      case 9 -> elements(in);
      case 10 -> code(in);
      case 11 -> data(in);
      default -> module.dataCount = in.index();
    }
    if (id <= 3) {
      collectFunctionTypes();
    }
  }

  private void types(BinaryReader in) {
    int count = in.count("types", Bounds.TYPES);
    for (int i = 0; i < count; i++) {
      int offset = in.position();
      int form = in.unsignedByte();
      if (form != 0x60) {
        if (form >= 0x4d && form <= 0x5f) {
          throw Refusal.unsupported(offset, "garbage-collected types");
        }
        throw Refusal.malformed(offset, "unknown form of type");
      }
      byte[] parameters = valueTypes(in, "parameters of a function", Bounds.PARAMETERS);
      byte[] results = valueTypes(in, "results of a function", Bounds.RESULTS);
      module.types.add(new Signature(parameters, results));
    }
  }

  private static byte[] valueTypes(BinaryReader in, String what, int limit) {
    byte[] types = new byte[in.count(what, limit)];
    for (int i = 0; i < types.length; i++) {
      types[i] = valueType(in);
    }
    return types;
  }

  static byte valueType(BinaryReader in) {
    int offset = in.position();
    int type = in.unsignedByte();
    return switch (type) {
      case 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70 -> (byte) type;
      case 0x6f -> throw Refusal.unsupported(offset, "externref");
      case 0x63, 0x64 -> throw Refusal.unsupported(offset, "typed function references");
      case 0x65, 0x66, 0x67, 0x68, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x71, 0x72, 0x73 ->
          throw Refusal.unsupported(offset, "garbage-collected types");
      case 0x69, 0x74 -> throw Refusal.unsupported(offset, "exception handling");
      default -> throw Refusal.malformed(offset, "unknown value type");
    };
  }

  private void imports(BinaryReader in) {
    int count = in.count("imports", Bounds.IMPORTS);
    for (int i = 0; i < count; i++) {
      int offset = in.position();
      String from = in.name();
      String name = in.name();
      int kind = in.unsignedByte();
      String what = from + "." + name;
      switch (kind) {
        case 0 ->
            module.imports.add(new ParsedModule.FunctionImport(from, name, typeIndex(in), offset));
        case 1 -> throw Refusal.unsupported(offset, "imported table " + what);
        case 2 -> throw Refusal.unsupported(offset, "imported memory " + what);
        case 3 -> throw Refusal.unsupported(offset, "imported global " + what);
        case 4 ->
            throw Refusal.unsupported(offset, "exception handling (imported tag " + what + ")");
        default -> throw Refusal.malformed(in.position() - 1, "unknown kind of import");
      }
    }
  }

  private int typeIndex(BinaryReader in) {
    int offset = in.position();
    int type = in.index();
    if (type >= module.types.size()) {
      throw Refusal.invalid(offset, "unknown type " + type);
    }
    return type;
  }

  private void functions(BinaryReader in) {
    int count = in.count("functions", Bounds.FUNCTIONS);
    definedTypes = new int[count];
    for (int i = 0; i < count; i++) {
      definedTypes[i] = typeIndex(in);
    }
  }

  private void collectFunctionTypes() {
    int imported = module.imports.size();
    module.functionTypes = new int[imported + definedTypes.length];
    for (int i = 0; i < imported; i++) {
      module.functionTypes[i] = module.imports.get(i).type();
    }
    System.arraycopy(definedTypes, 0, module.functionTypes, imported, definedTypes.length);
  }

  private int functionIndex(BinaryReader in) {
    int offset = in.position();
    int function = in.index();
    if (function >= module.functionTypes.length) {
      throw Refusal.invalid(offset, "unknown function " + function);
    }
    return function;
  }

  private void tables(BinaryReader in) {
    int count = in.count("tables", Bounds.TABLES);
    for (int i = 0; i < count; i++) {
      int offset = in.position();
      if (in.remaining() >= 2 && module.bytes[offset] == 0x40) {
        throw Refusal.unsupported(offset, "tables with an initial value");
      }
      valueTypeOfTable(in);
      int flags = in.unsignedByte();
      if (flags > 1) {
        if (flags <= 7) {
          throw Refusal.unsupported(offset, "shared or 64-bit tables");
        }
        throw Refusal.malformed(in.position() - 1, "unknown kind of limits");
      }
      module.tables.add(size(in, flags, 0xffff_ffffL));
    }
  }

  private static void valueTypeOfTable(BinaryReader in) {
    int offset = in.position();
    if (valueType(in) != Op.FUNCREF) {
      throw Refusal.malformed(offset, "a table's elements must be references");
    }
  }

  private static Size size(BinaryReader in, int flags, long most) {
    int offset = in.position();
    long initial = in.u32();
    long maximum = (flags & 1) == 0 ? -1 : in.u32();
    if (initial > most || maximum > most) {
      throw Refusal.invalid(offset, "size beyond what the format allows");
    }
    if (maximum >= 0 && initial > maximum) {
      throw Refusal.invalid(offset, "the initial size is larger than the maximum");
    }
    return new Size(initial, maximum);
  }

  private void memories(BinaryReader in) {
    int offset = in.position();
    int count = in.index();
    if (count > 1) {
      throw Refusal.unsupported(offset, "multiple memories");
    }
    if (count == 1) {
      int flags = in.unsignedByte();
      if (flags > 1) {
        if (flags == 2 || flags == 3) {
          throw Refusal.unsupported(offset, "shared memory");
        }
        if (flags <= 15) {
          throw Refusal.unsupported(offset, "64-bit memory or custom page sizes");
        }
        throw Refusal.malformed(in.position() - 1, "unknown kind of limits");
      }
      module.memory = size(in, flags, 65_536);
    }
  }

  private void globals(BinaryReader in) {
    int count = in.count("globals", Bounds.GLOBALS);
    for (int i = 0; i < count; i++) {
      byte type = valueType(in);
      int offset = in.position();
      int mutable = in.unsignedByte();
      if (mutable > 1) {
        if (mutable <= 3) {
          throw Refusal.unsupported(offset, "shared globals");
        }
        throw Refusal.malformed(offset, "unknown mutability");
      }
      module.globals.add(new ParsedModule.Global(type, mutable == 1, constant(in, type)));
    }
  }

  private Constant constant(BinaryReader in, byte expected) {
    int offset = in.position();
    int opcode = in.unsignedByte();
    Constant constant =
        switch (opcode) {
          case Op.I32_CONST -> new Constant(Op.I32, in.s32(), 0);
          case Op.I64_CONST -> new Constant(Op.I64, in.s64(), 0);
          case Op.F32_CONST -> new Constant(Op.F32, in.littleEndian(4), 0);
          case Op.F64_CONST -> new Constant(Op.F64, in.littleEndian(8), 0);
          case Op.REF_NULL -> {
            valueTypeOfTable(in);
            yield new Constant(Op.FUNCREF, -1, 0);
          }
          case Op.REF_FUNC -> {
            int function = functionIndex(in);
            module.declaredReferences.set(function);
            yield new Constant(Op.FUNCREF, function, 0);
          }
          case Op.PREFIX_SIMD -> {
            if (in.u32() != Op.V128_CONST) {
              throw Refusal.invalid(offset, "not a constant expression");
            }
            yield new Constant(Op.V128, in.littleEndian(8), in.littleEndian(8));
          }
          case Op.GLOBAL_GET ->
              throw Refusal.unsupported(offset, "global.get in a constant expression");
          case Op.END -> throw Refusal.invalid(offset, "an empty constant expression");
          default -> throw Refusal.invalid(offset, "not a constant expression");
        };
    int next = in.position();
    if (in.unsignedByte() != Op.END) {
      throw Refusal.unsupported(next, "extended constant expressions");
    }
    if (constant.type() != expected) {
      throw Refusal.invalid(
          offset,
          "the constant is " + Op.nameOf(constant.type()) + ", expected " + Op.nameOf(expected));
    }
    return constant;
  }

  private void exports(BinaryReader in) {
    int count = in.count("exports", Bounds.EXPORTS);
    Set<String> names = new HashSet<>();
    for (int i = 0; i < count; i++) {
      int offset = in.position();
      String name = in.name();
      int kind = in.unsignedByte();
      int index = in.index();
      if (name.startsWith(Names.RESERVED_PREFIX)) {
        throw Refusal.unsupported(
            offset, "export " + name + ": names with " + Names.RESERVED_PREFIX + " are the node's");
      }
      if (!names.add(name)) {
        throw Refusal.invalid(offset, "duplicate export " + name);
      }
      int limit =
          switch (kind) {
            case ParsedModule.EXPORT_FUNCTION -> module.functionTypes.length;
            case ParsedModule.EXPORT_TABLE -> module.tables.size();
            case ParsedModule.EXPORT_MEMORY -> module.memory == null ? 0 : 1;
            case ParsedModule.EXPORT_GLOBAL -> module.globals.size();
            case 4 -> throw Refusal.unsupported(offset, "exception handling (exported tag)");
            default -> throw Refusal.malformed(offset, "unknown kind of export");
          };
      if (index >= limit) {
        throw Refusal.invalid(offset, "export " + name + " names something unknown");
      }
      if (kind == ParsedModule.EXPORT_FUNCTION) {
        if (module.signatureOf(index).mentions(Op.FUNCREF)) {
          throw Refusal.unsupported(offset, "funcref in the signature of export " + name);
        }
        module.declaredReferences.set(index);
      }
      module.exports.add(new ParsedModule.Export(name, kind, index));
    }
  }

  private void start(BinaryReader in) {
    int offset = in.position();
    module.start = functionIndex(in);
    Signature signature = module.signatureOf(module.start);
    if (signature.parameters().length + signature.results().length > 0) {
      throw Refusal.invalid(offset, "the start function must take and return nothing");
    }
  }

  private void elements(BinaryReader in) {
    int count = in.count("element segments", Bounds.ELEMENT_SEGMENTS);
    for (int i = 0; i < count; i++) {
      int offset = in.position();
      int flags = in.index();
      if (flags > 7) {
        throw Refusal.malformed(offset, "unknown kind of element segment");
      }
      Mode mode =
          (flags & 1) == 0 ? Mode.ACTIVE : (flags & 2) == 0 ? Mode.PASSIVE : Mode.DECLARATIVE;
      int table = 0;
      Constant start = null;
      if (mode == Mode.ACTIVE) {
        table = (flags & 2) == 0 ? 0 : in.index();
        if (table >= module.tables.size()) {
          throw Refusal.invalid(offset, "unknown table " + table);
        }
        start = constant(in, Op.I32);
      }
      boolean expressions = (flags & 4) != 0;
      if ((flags & 3) != 0) {
        if (expressions) {
          valueTypeOfTable(in);
        } else if (in.unsignedByte() != 0) {
          throw Refusal.malformed(in.position() - 1, "unknown kind of elements");
        }
      }
      int[] functions = new int[in.count("elements of a segment", Integer.MAX_VALUE)];
      for (int j = 0; j < functions.length; j++) {
        functions[j] = expressions ? (int) constant(in, Op.FUNCREF).bits() : functionIndex(in);
        if (functions[j] >= 0) {
          module.declaredReferences.set(functions[j]);
        }
      }
      module.elements.add(new ParsedModule.ElementSegment(mode, table, start, functions));
    }
  }

  private void code(BinaryReader in) {
    int offset = in.position();
    int count = in.count("functions", Bounds.FUNCTIONS);
    if (count != definedTypes.length) {
      throw Refusal.malformed(offset, "functions and bodies differ in number");
    }
    for (int i = 0; i < count; i++) {
      int length = in.index();
      if (length > Bounds.FUNCTION_BODY_BYTES) {
        throw Refusal.tooMuch(
            "bytes of function " + (module.imports.size() + i), length, Bounds.FUNCTION_BODY_BYTES);
      }
      int from = in.position();
      in.skip(length);
      module.bodies.add(new ParsedModule.Body(from, in.position()));
    }
  }

  private void data(BinaryReader in) {
    int count = in.count("data segments", Bounds.DATA_SEGMENTS);
    for (int i = 0; i < count; i++) {
      int offset = in.position();
      int flags = in.index();
      if (flags > 2) {
        throw Refusal.malformed(offset, "unknown kind of data segment");
      }
      Constant start = null;
      if (flags != 1) {
        int memory = flags == 2 ? in.index() : 0;
        if (memory != 0 || module.memory == null) {
          throw Refusal.invalid(offset, "unknown memory " + memory);
        }
        start = constant(in, Op.I32);
      }
      int length = in.index();
      int from = in.position();
      in.skip(length);
      module.data.add(
          new ParsedModule.DataSegment(
              flags == 1 ? Mode.PASSIVE : Mode.ACTIVE, start, from, in.position()));
    }
  }
}
