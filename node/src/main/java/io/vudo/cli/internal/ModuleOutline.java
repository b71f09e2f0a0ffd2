package io.vudo.cli.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ValueType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a module says of itself in its import, export, memory and start sections. It is read without
 * admission, so that {@code inspect} can show just those modules that admission refuses.
 */
final class ModuleOutline {
  private static final int MAGIC = 0x6d736100;
  private static final int VERSION = 1;
  private static final String[] KINDS = {"func", "table", "memory", "global", "tag"};

  /**
   * Something that a module imports or exports.
   *
   * @param name its name; of an import with the module's before it
   * @param kind func, table, memory, global or tag
   * @param type a function's signature
   */
  record Entry(String name, String kind, Optional<FunctionType> type) {
    @Override
    public String toString() {
      return name + " " + type.map(FunctionType::toString).orElse(kind);
    }
  }

  /**
   * A linear memory.
   *
   * @param minimumPages of 64 KiB
   * @param maximumPages if the module says
   */
  record Memory(long minimumPages, Optional<Long> maximumPages) {
    @Override
    public String toString() {
      return minimumPages
          + " pages"
          + maximumPages.map(most -> ", at most " + most).orElse(", no maximum");
    }
  }

  private final ByteBuffer in;
  private final List<Optional<FunctionType>> types = new ArrayList<>();
  private final List<Integer> functionTypes = new ArrayList<>();
  private final List<Entry> imports = new ArrayList<>();
  private final List<Entry> exports = new ArrayList<>();
  private final List<Memory> memories = new ArrayList<>();
  private boolean hasStart;

  private ModuleOutline(byte[] module) {
    this.in = ByteBuffer.wrap(module).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Reads the outline.
   *
   * @throws VudoException {@code MODULE_EMPTY}, {@code MODULE_BAD_MAGIC}, {@code MODULE_MALFORMED}
   */
  static ModuleOutline of(byte[] module) {
    if (module.length == 0) {
      throw new VudoException(ErrorCode.MODULE_EMPTY, "");
    }
    ModuleOutline outline = new ModuleOutline(module);
    if (module.length < 8 || outline.in.getInt() != MAGIC || outline.in.getInt() != VERSION) {
      throw new VudoException(
          ErrorCode.MODULE_BAD_MAGIC, "It does not start with \\0asm and version 1.");
    }
    try {
      outline.readSections();
    } catch (RuntimeException e) {
      throw new VudoException(
          ErrorCode.MODULE_MALFORMED, "At offset " + outline.in.position() + ".", e);
    }
    return outline;
  }

  List<Entry> imports() {
    return imports;
  }

  List<Entry> exports() {
    return exports;
  }

  List<Memory> memories() {
    return memories;
  }

  boolean hasStart() {
    return hasStart;
  }

  boolean exports(String name) {
    return exports.stream().anyMatch(export -> export.name().equals(name));
  }

  private void readSections() {
    while (in.hasRemaining()) {
      int section = in.get();
      int end = Math.toIntExact(unsigned()) + in.position();
      switch (section) {
        case 1 -> readTypes();
        case 2 -> repeat(this::readImport);
        case 3 -> repeat(() -> functionTypes.add((int) unsigned()));
        case 5 -> repeat(() -> memories.add(readMemory()));
        case 7 -> repeat(this::readExport);
        case 8 -> hasStart = true;
        default -> {}
      }
      in.position(end);
    }
  }

  private void repeat(Runnable read) {
    long count = unsigned();
    for (long i = 0; i < count; i++) {
      read.run();
    }
  }

  /** Types other than functions end the reading: none of theirs can be imported here anyway. */
  private void readTypes() {
    long count = unsigned();
    for (long i = 0; i < count; i++) {
      if (in.get() != 0x60) {
        return;
      }
      types.add(Optional.of(new FunctionType(valueTypes(), valueTypes())));
    }
  }

  private List<ValueType> valueTypes() {
    List<ValueType> list = new ArrayList<>();
    repeat(
        () ->
            list.add(
                switch (in.get() & 0xff) {
                  case 0x7f -> ValueType.I32;
                  case 0x7e -> ValueType.I64;
                  case 0x7d -> ValueType.F32;
                  case 0x7c -> ValueType.F64;
                  case 0x7b -> ValueType.V128;
                  case 0x70 -> ValueType.FUNCREF;
                  case 0x6f -> ValueType.EXTERNREF;
                  default -> throw new IllegalArgumentException("value type");
                }));
    return list;
  }

  private void readImport() {
    String name = name() + "." + name();
    int kind = in.get();
    Optional<FunctionType> type = Optional.empty();
    switch (kind) {
      case 0 -> {
        int index = (int) unsigned();
        functionTypes.add(index);
        type = typeAt(index);
      }
      case 1 -> {
        in.get();
        readLimits();
      }
      case 2 -> memories.add(readMemory());
      case 3 -> {
        in.get();
        in.get();
      }
      case 4 -> {
        in.get();
        unsigned();
      }
      default -> throw new IllegalArgumentException("import kind");
    }
    imports.add(new Entry(name, KINDS[kind], type));
  }

  private void readExport() {
    String name = name();
    int kind = in.get();
    int index = (int) unsigned();
    exports.add(
        new Entry(
            name,
            KINDS[kind],
            kind == 0 && index < functionTypes.size()
                ? typeAt(functionTypes.get(index))
                : Optional.empty()));
  }

  private Optional<FunctionType> typeAt(int index) {
    return index < types.size() ? types.get(index) : Optional.empty();
  }

  private Memory readMemory() {
    return readLimits();
  }

  private Memory readLimits() {
    int flags = in.get();
    long minimum = unsigned();
    return new Memory(minimum, (flags & 1) == 0 ? Optional.empty() : Optional.of(unsigned()));
  }

  private String name() {
    byte[] bytes = new byte[Math.toIntExact(unsigned())];
    in.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** LEB128. */
  private long unsigned() {
    long value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      byte part = in.get();
      value |= (part & 0x7fL) << shift;
      if (part >= 0) {
        return value;
      }
    }
    throw new IllegalArgumentException("LEB128");
  }
}
