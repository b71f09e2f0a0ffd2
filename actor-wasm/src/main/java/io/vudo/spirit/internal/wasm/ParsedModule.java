package io.vudo.spirit.internal.wasm;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** A module as its binary says; every index in it was checked. */
final class ParsedModule {
  /** A function type; parameters and results are bytes of the binary format. */
  @SuppressWarnings("ArrayRecordComponent") // compared by identity only
  record Signature(byte[] parameters, byte[] results) {
    boolean mentions(byte type) {
      for (byte t : parameters) {
        if (t == type) {
          return true;
        }
      }
      for (byte t : results) {
        if (t == type) {
          return true;
        }
      }
      return false;
    }
  }

  record FunctionImport(String module, String name, int type, int offset) {}

  /** A table or memory; {@code maximum} is -1 when there is none. */
  record Size(long initial, long maximum) {}

  /**
   * A constant expression.
   *
   * @param type of its value
   * @param bits an i32, i64, f32 or f64; the low half of a v128; a function or -1
   * @param highBits the high half of a v128
   */
  record Constant(byte type, long bits, long highBits) {}

  record Global(byte type, boolean mutable, Constant value) {}

  record Export(String name, int kind, int index) {}

  /** How a segment is used. */
  enum Mode {
    ACTIVE,
    PASSIVE,
    DECLARATIVE
  }

  /** Functions by index, -1 for null. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record ElementSegment(Mode mode, int table, Constant offset, int[] functions) {}

  /** Bytes of the module from {@code from} to {@code to}. */
  record DataSegment(Mode mode, Constant offset, int from, int to) {}

  /** A function's locals and instructions, bytes of the module from {@code from} to {@code to}. */
  record Body(int from, int to) {}

  static final int EXPORT_FUNCTION = 0;
  static final int EXPORT_TABLE = 1;
  static final int EXPORT_MEMORY = 2;
  static final int EXPORT_GLOBAL = 3;

  final byte[] bytes;
  final List<Signature> types = new ArrayList<>();
  final List<FunctionImport> imports = new ArrayList<>();

  /** The type of each function, imported ones first. */
  int[] functionTypes = {};

  final List<Size> tables = new ArrayList<>();
  Size memory;
  final List<Global> globals = new ArrayList<>();
  final List<Export> exports = new ArrayList<>();
  int start = -1;
  final List<ElementSegment> elements = new ArrayList<>();
  int dataCount = -1;
  final List<Body> bodies = new ArrayList<>();
  final List<DataSegment> data = new ArrayList<>();

  /** The functions that {@code ref.func} may name in code. */
  final BitSet declaredReferences = new BitSet();

  ParsedModule(byte[] bytes) {
    this.bytes = bytes;
  }

  Signature signatureOf(int function) {
    return types.get(functionTypes[function]);
  }
}
