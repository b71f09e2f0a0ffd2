package io.vudo.spirit.internal.turn;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Writes modules byte by byte and checks nothing, so that modules can be written that no compiler
 * would: too large, too deep, or wrong. Functions must be imported before any is defined.
 */
final class WasmBuilder {
  private final List<Code> types = new ArrayList<>();
  private final List<Code> imports = new ArrayList<>();
  private final List<Integer> functions = new ArrayList<>();
  private final List<Code> bodies = new ArrayList<>();
  private final List<Code> tables = new ArrayList<>();
  private final List<Code> globals = new ArrayList<>();
  private final List<Code> exports = new ArrayList<>();
  private final List<Code> elements = new ArrayList<>();
  private final List<Code> data = new ArrayList<>();
  private Code memory;
  private int start = -1;

  /** Bytes of the binary format: instructions by their names in the text format, shortened. */
  static final class Code {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Code raw(int... values) {
      for (int value : values) {
        bytes.write(value);
      }
      return this;
    }

    Code add(byte[] more) {
      bytes.writeBytes(more);
      return this;
    }

    Code add(Code more) {
      return add(more.bytes());
    }

    Code u32(long value) {
      long rest = value & 0xffff_ffffL;
      while (rest >= 0x80) {
        raw((int) (rest & 0x7f) | 0x80);
        rest >>>= 7;
      }
      return raw((int) rest);
    }

    Code signed(long value) {
      long rest = value;
      while (rest < -64 || rest > 63) {
        raw((int) (rest & 0x7f) | 0x80);
        rest >>= 7;
      }
      return raw((int) rest & 0x7f);
    }

    Code name(String name) {
      byte[] utf8 = name.getBytes(UTF_8);
      return u32(utf8.length).add(utf8);
    }

    Code times(int count, Consumer<Code> what) {
      Code once = new Code();
      what.accept(once);
      byte[] repeated = once.bytes();
      for (int i = 0; i < count; i++) {
        add(repeated);
      }
      return this;
    }

    Code i32(long value) {
      int low = (int) value;
      return raw(0x41).signed(low);
    }

    Code i64(long value) {
      return raw(0x42).signed(value);
    }

    Code get(int local) {
      return raw(0x20).u32(local);
    }

    Code set(int local) {
      return raw(0x21).u32(local);
    }

    Code getGlobal(int global) {
      return raw(0x23).u32(global);
    }

    Code setGlobal(int global) {
      return raw(0x24).u32(global);
    }

    Code call(int function) {
      return raw(0x10).u32(function);
    }

    Code callIndirect(int type, int table) {
      return raw(0x11).u32(type).u32(table);
    }

    Code block() {
      return raw(0x02, 0x40);
    }

    Code loop() {
      return raw(0x03, 0x40);
    }

    Code iff() {
      return raw(0x04, 0x40);
    }

    Code end() {
      return raw(0x0b);
    }

    Code br(int label) {
      return raw(0x0c).u32(label);
    }

    Code brIf(int label) {
      return raw(0x0d).u32(label);
    }

    Code drop() {
      return raw(0x1a);
    }

    Code unreachable() {
      return raw(0x00);
    }

    /** Stores an i32 without offset or alignment; address and value are on the stack. */
    Code store() {
      return raw(0x36, 0, 0);
    }

    Code load() {
      return raw(0x28, 0, 0);
    }

    Code growMemory() {
      return raw(0x40, 0);
    }

    Code memorySize() {
      return raw(0x3f, 0);
    }

    int size() {
      return bytes.size();
    }

    byte[] bytes() {
      return bytes.toByteArray();
    }
  }

  /** The index of a signature; a letter a value: i, l, f, d, v (128), r (funcref). */
  int type(String parameters, String results) {
    types.add(new Code().raw(0x60).add(values(parameters)).add(values(results)));
    return types.size() - 1;
  }

  private static Code values(String letters) {
    Code code = new Code().u32(letters.length());
    letters.chars().forEach(letter -> code.raw(value(letter)));
    return code;
  }

  private static int value(int letter) {
    return switch (letter) {
      case 'i' -> 0x7f;
      case 'l' -> 0x7e;
      case 'f' -> 0x7d;
      case 'd' -> 0x7c;
      case 'v' -> 0x7b;
      default -> 0x70;
    };
  }

  /** The index of an imported function. */
  int imported(String module, String name, int type) {
    imports.add(new Code().name(module).name(name).raw(0).u32(type));
    return imports.size() - 1;
  }

  /** The index that the next function gets. */
  int next() {
    return imports.size() + functions.size();
  }

  /** The index of a function; the final {@code end} is added. */
  int function(int type, Code body) {
    return function(type, new Code().raw(0), body);
  }

  /** With so many locals of one type. */
  int function(int type, int locals, char local, Code body) {
    return function(type, new Code().raw(1).u32(locals).raw(value(local)), body);
  }

  /** With declarations of locals as they are. */
  int function(int type, Code locals, Code body) {
    functions.add(type);
    bodies.add(new Code().add(locals).add(body).end());
    return next() - 1;
  }

  void memory(long initial, long maximum) {
    memory = limits(initial, maximum);
  }

  /** The index of a table. */
  int table(long initial, long maximum) {
    tables.add(new Code().raw(0x70).add(limits(initial, maximum)));
    return tables.size() - 1;
  }

  private static Code limits(long initial, long maximum) {
    return maximum < 0
        ? new Code().raw(0).u32(initial)
        : new Code().raw(1).u32(initial).u32(maximum);
  }

  /** The index of a mutable i64. */
  int global(long value) {
    globals.add(new Code().raw(0x7e, 1).i64(value).end());
    return globals.size() - 1;
  }

  void export(String name, int kind, int index) {
    exports.add(new Code().name(name).raw(kind).u32(index));
  }

  void exportFunction(String name, int index) {
    export(name, 0, index);
  }

  void start(int function) {
    start = function;
  }

  /** An active segment of table 0. */
  void elements(int offset, int... entries) {
    Code code = new Code().raw(0).i32(offset).end().u32(entries.length);
    for (int entry : entries) {
      code.u32(entry);
    }
    elements.add(code);
  }

  /** The index of a passive segment. */
  int passiveElements(int... entries) {
    Code code = new Code().raw(1, 0).u32(entries.length);
    for (int entry : entries) {
      code.u32(entry);
    }
    elements.add(code);
    return elements.size() - 1;
  }

  /** The index of an active segment. */
  int data(int offset, byte[] bytes) {
    data.add(new Code().raw(0).i32(offset).end().u32(bytes.length).add(bytes));
    return data.size() - 1;
  }

  /** The index of a passive segment. */
  int passiveData(byte[] bytes) {
    data.add(new Code().raw(1).u32(bytes.length).add(bytes));
    return data.size() - 1;
  }

  byte[] bytes() {
    Code out = new Code().raw(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    section(out, 1, types);
    section(out, 2, imports);
    section(out, 3, functions.stream().map(type -> new Code().u32(type)).toList());
    section(out, 4, tables);
    section(out, 5, memory == null ? List.of() : List.of(memory));
    section(out, 6, globals);
    section(out, 7, exports);
    if (start >= 0) {
      Code content = new Code().u32(start);
      out.raw(8).u32(content.size()).add(content);
    }
    section(out, 9, elements);
    if (!data.isEmpty()) {
      Code content = new Code().u32(data.size());
      out.raw(12).u32(content.size()).add(content);
    }
    section(out, 10, bodies.stream().map(body -> new Code().u32(body.size()).add(body)).toList());
    section(out, 11, data);
    return out.bytes();
  }

  private static void section(Code out, int id, List<Code> entries) {
    if (!entries.isEmpty()) {
      Code content = new Code().u32(entries.size());
      entries.forEach(content::add);
      out.raw(id).u32(content.size()).add(content);
    }
  }
}
