package io.vudo.spirit.internal.wasm;

import io.vudo.spirit.internal.wasm.ParsedModule.Constant;
import io.vudo.spirit.internal.wasm.ParsedModule.ElementSegment;
import io.vudo.spirit.internal.wasm.ParsedModule.Export;
import io.vudo.spirit.internal.wasm.ParsedModule.Global;
import io.vudo.spirit.internal.wasm.ParsedModule.Mode;
import io.vudo.spirit.internal.wasm.ParsedModule.Signature;
import io.vudo.spirit.internal.wasm.ParsedModule.Size;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Whether the state of one module means the same to another: whether a Spirit may keep its memory
 * when its module is replaced.
 *
 * <p>The answer is conservative. A module does not say where its variables lie, but much that
 * depends on it: constants that point into memory, data, the places of functions in tables. All of
 * that must be equal. What a module does not tell is where variables lie that begin with zeros;
 * moving those without moving anything else cannot be seen here.
 *
 * <p>Immutable, thread-safe.
 */
public final class LayoutComparison {
  private static final int MOST_NAMED = 3;

  private final ParsedModule before;
  private final ParsedModule after;
  private final List<String> differences = new ArrayList<>();
  private final int[][] initialTables;

  private LayoutComparison(byte[] before, byte[] after) {
    this.before = ModuleParser.parse(before);
    this.after = ModuleParser.parse(after);
    this.initialTables = initialTables(this.before);
    if (!Arrays.equals(before, after)) {
      compareMemory();
      compareGlobals();
      compareData();
      compareTables();
      compareSegmentsInCode();
    }
  }

  /**
   * Compares two modules.
   *
   * @param before the module that the state is of, as it was compiled
   * @param after the module that is to go on with it
   * @throws io.vudo.protocol.VudoException as admission, of a module that it would refuse
   */
  public static LayoutComparison of(byte[] before, byte[] after) {
    return new LayoutComparison(before, after);
  }

  /** Why the state means something else to the new module, in words; none when it does not. */
  public List<String> differences() {
    return List.copyOf(differences);
  }

  /**
   * Whether tables, as {@link io.vudo.spirit.EngineInstance#readTables()} tells them of the module
   * before, are those with which an instance of it begins. Only then are they those of the new
   * module in the terms of its own functions.
   */
  public boolean areInitial(int[][] tables) {
    return tables.length == 0 || Arrays.deepEquals(tables, initialTables);
  }

  private void differs(String what) {
    differences.add(what);
  }

  private void compareMemory() {
    if (!Objects.equals(before.memory, after.memory)) {
      differs("memory is declared as " + text(after.memory) + ", before as " + text(before.memory));
    }
  }

  private static String text(Size size) {
    return size == null
        ? "none"
        : size.initial() + (size.maximum() < 0 ? " and more" : " to " + size.maximum());
  }

  // Globals

  private void compareGlobals() {
    List<Global> mutable = globals(before, true);
    List<Global> mutableNow = globals(after, true);
    if (mutable.size() != mutableNow.size()) {
      differs(mutableNow.size() + " mutable globals, before " + mutable.size());
    } else {
      for (int i = 0; i < mutable.size(); i++) {
        if (mutable.get(i).type() != mutableNow.get(i).type()) {
          differs("mutable global " + i + " has another type");
        } else if (mutable.get(i).type() != Op.FUNCREF
            && !mutable.get(i).value().equals(mutableNow.get(i).value())) {
          differs(
              "mutable global "
                  + i
                  + " begins with "
                  + text(mutableNow.get(i).value())
                  + ", before with "
                  + text(mutable.get(i).value()));
        }
      }
    }
    // Only an i32 points into memory.
    List<Long> pointers = pointers(before);
    List<Long> pointersNow = pointers(after);
    if (!pointers.equals(pointersNow)) {
      differs(
          "the constants that may point into memory are " + pointersNow + ", before " + pointers);
    }
  }

  private static List<Global> globals(ParsedModule module, boolean mutable) {
    return module.globals.stream().filter(global -> global.mutable() == mutable).toList();
  }

  private static List<Long> pointers(ParsedModule module) {
    return globals(module, false).stream()
        .filter(global -> global.type() == Op.I32)
        .map(global -> global.value().bits())
        .toList();
  }

  private static String text(Constant constant) {
    return constant.type() == Op.V128
        ? "0x" + Long.toHexString(constant.highBits()) + "_" + Long.toHexString(constant.bits())
        : Long.toString(constant.bits());
  }

  // Data

  private void compareData() {
    if (before.data.size() != after.data.size()) {
      differs(after.data.size() + " data segments, before " + before.data.size());
      return;
    }
    List<Integer> changed = new ArrayList<>();
    for (int i = 0; i < before.data.size(); i++) {
      ParsedModule.DataSegment one = before.data.get(i);
      ParsedModule.DataSegment other = after.data.get(i);
      if (one.mode() != other.mode()
          || !Objects.equals(one.offset(), other.offset())
          || !Arrays.equals(
              before.bytes, one.from(), one.to(), after.bytes, other.from(), other.to())) {
        changed.add(i);
      }
    }
    if (!changed.isEmpty()) {
      differs("data segments have other bytes or places: " + some(changed));
    }
  }

  // Tables

  private void compareTables() {
    if (!before.tables.equals(after.tables)) {
      differs(
          "tables are declared as "
              + after.tables.stream().map(LayoutComparison::text).toList()
              + ", before as "
              + before.tables.stream().map(LayoutComparison::text).toList());
    }
    if (before.elements.size() != after.elements.size()) {
      differs(after.elements.size() + " element segments, before " + before.elements.size());
      return;
    }
    Map<Integer, String> names = FunctionNames.of(before);
    Map<Integer, String> namesNow = FunctionNames.of(after);
    for (int i = 0; i < before.elements.size(); i++) {
      ElementSegment one = before.elements.get(i);
      ElementSegment other = after.elements.get(i);
      if (one.mode() == Mode.DECLARATIVE && other.mode() == Mode.DECLARATIVE) {
        continue; // It says which references code may take, and puts them nowhere.
      }
      if (one.mode() != other.mode()
          || one.table() != other.table()
          || !Objects.equals(one.offset(), other.offset())
          || one.functions().length != other.functions().length) {
        differs("element segment " + i + " has another place or length");
      } else {
        compareFunctions(i, one.functions(), other.functions(), names, namesNow);
      }
    }
  }

  private void compareFunctions(
      int segment,
      int[] functions,
      int[] functionsNow,
      Map<Integer, String> names,
      Map<Integer, String> namesNow) {
    List<Integer> others = new ArrayList<>();
    for (int i = 0; i < functions.length; i++) {
      if (!sameFunction(functions[i], functionsNow[i], names, namesNow)) {
        others.add(i);
      }
    }
    if (!others.isEmpty()) {
      differs(
          "functions of element segment "
              + segment
              + " have other types or names: "
              + some(others));
    }
  }

  /** As far as types, and names where both modules tell them, can say it. */
  private boolean sameFunction(
      int function, int functionNow, Map<Integer, String> names, Map<Integer, String> namesNow) {
    if (function < 0 || functionNow < 0) {
      return function < 0 && functionNow < 0;
    }
    Signature type = before.signatureOf(function);
    Signature typeNow = after.signatureOf(functionNow);
    String name = names.get(function);
    String nameNow = namesNow.get(functionNow);
    return Arrays.equals(type.parameters(), typeNow.parameters())
        && Arrays.equals(type.results(), typeNow.results())
        && (name == null || nameNow == null || name.equals(nameNow));
  }

  /** Whether a segment was dropped is state, where code can ask. */
  private void compareSegmentsInCode() {
    FunctionScan scan = scan(before);
    FunctionScan scanNow = scan(after);
    if (!scan.initializedData.equals(scanNow.initializedData)
        || !scan.initializedElements.equals(scanNow.initializedElements)) {
      differs("code refers to other segments");
    }
  }

  private static FunctionScan scan(ParsedModule module) {
    FunctionScan scan = new FunctionScan(module);
    for (int i = 0; i < module.bodies.size(); i++) {
      scan.scan(i);
    }
    return scan;
  }

  private static int[][] initialTables(ParsedModule module) {
    List<int[]> rows = new ArrayList<>();
    for (Size table : module.tables) {
      int[] row = new int[(int) table.initial()];
      Arrays.fill(row, -1);
      rows.add(row);
    }
    for (ElementSegment segment : module.elements) {
      if (segment.mode() == Mode.ACTIVE) {
        int[] row = rows.get(segment.table());
        long offset = Integer.toUnsignedLong((int) segment.offset().bits());
        if (offset + segment.functions().length <= row.length) {
          System.arraycopy(segment.functions(), 0, row, (int) offset, segment.functions().length);
        }
      }
    }
    for (Global global : globals(module, true)) {
      if (global.type() == Op.FUNCREF) {
        rows.add(new int[] {(int) global.value().bits()});
      }
    }
    return rows.toArray(int[][]::new);
  }

  private static String some(List<Integer> numbers) {
    List<Integer> first = numbers.subList(0, Math.min(MOST_NAMED, numbers.size()));
    return String.join(", ", first.stream().map(String::valueOf).toList())
        + (first.size() < numbers.size()
            ? " and " + (numbers.size() - first.size()) + " more"
            : "");
  }

  /** The names of functions, as far as a module tells them. */
  private static final class FunctionNames {
    private static final int FUNCTION_NAMES = 1;

    private FunctionNames() {}

    static Map<Integer, String> of(ParsedModule module) {
      Map<Integer, String> names = fromSection(module).orElseGet(HashMap::new);
      for (Export export : module.exports) {
        if (export.kind() == ParsedModule.EXPORT_FUNCTION) {
          names.putIfAbsent(export.index(), export.name());
        }
      }
      return names;
    }

    /** The custom section "name"; nothing of one that is damaged. */
    private static Optional<Map<Integer, String>> fromSection(ParsedModule module) {
      try {
        BinaryReader in = new BinaryReader(module.bytes, 8, module.bytes.length);
        while (!in.atEnd()) {
          int id = in.unsignedByte();
          BinaryReader section = in.part(in.index());
          if (id == 0 && section.name().equals("name")) {
            while (!section.atEnd()) {
              int kind = section.unsignedByte();
              BinaryReader part = section.part(section.index());
              if (kind == FUNCTION_NAMES) {
                Map<Integer, String> names = new HashMap<>();
                int count = part.index();
                for (int i = 0; i < count; i++) {
                  int function = part.index();
                  names.put(function, part.name());
                }
                return Optional.of(names);
              }
            }
          }
        }
      } catch (io.vudo.protocol.VudoException damaged) {
        return Optional.empty();
      }
      return Optional.empty();
    }
  }
}
