package io.vudo.spirit.internal.wasm;

import java.util.Arrays;

/**
 * Opcodes, types and signatures of the binary format.
 *
 * <p>A signature is text: the operands' types, a colon, the results' types; {@code i} i32, {@code
 * I} i64, {@code f} f32, {@code F} f64, {@code v} v128.
 */
final class Op {
  static final byte I32 = 0x7f;
  static final byte I64 = 0x7e;
  static final byte F32 = 0x7d;
  static final byte F64 = 0x7c;
  static final byte V128 = 0x7b;
  static final byte FUNCREF = 0x70;

  static final int UNREACHABLE = 0x00;
  static final int NOP = 0x01;
  static final int BLOCK = 0x02;
  static final int LOOP = 0x03;
  static final int IF = 0x04;
  static final int ELSE = 0x05;
  static final int END = 0x0b;
  static final int BR = 0x0c;
  static final int BR_IF = 0x0d;
  static final int BR_TABLE = 0x0e;
  static final int RETURN = 0x0f;
  static final int CALL = 0x10;
  static final int CALL_INDIRECT = 0x11;
  static final int DROP = 0x1a;
  static final int SELECT = 0x1b;
  static final int SELECT_TYPED = 0x1c;
  static final int LOCAL_GET = 0x20;
  static final int LOCAL_SET = 0x21;
  static final int LOCAL_TEE = 0x22;
  static final int GLOBAL_GET = 0x23;
  static final int GLOBAL_SET = 0x24;
  static final int TABLE_GET = 0x25;
  static final int TABLE_SET = 0x26;
  static final int I32_LOAD8_U = 0x2d;
  static final int MEMORY_SIZE = 0x3f;
  static final int MEMORY_GROW = 0x40;
  static final int I32_CONST = 0x41;
  static final int I64_CONST = 0x42;
  static final int F32_CONST = 0x43;
  static final int F64_CONST = 0x44;
  static final int I32_EQZ = 0x45;
  static final int I32_EQ = 0x46;
  static final int I32_LT_S = 0x48;
  static final int I32_GT_U = 0x4b;
  static final int I32_GE_U = 0x4f;
  static final int I64_LT_S = 0x53;
  static final int I64_GT_U = 0x56;
  static final int F32_NE = 0x5c;
  static final int F64_NE = 0x62;
  static final int I32_ADD = 0x6a;
  static final int I32_SUB = 0x6b;
  static final int I32_AND = 0x71;
  static final int I32_OR = 0x72;
  static final int I32_SHL = 0x74;
  static final int I64_ADD = 0x7c;
  static final int I64_SUB = 0x7d;
  static final int I64_MUL = 0x7e;
  static final int I64_OR = 0x84;
  static final int I64_AND = 0x83;
  static final int I64_SHR_U = 0x88;
  static final int F32_ABS = 0x8b;
  static final int F64_ABS = 0x99;
  static final int I32_WRAP_I64 = 0xa7;
  static final int I64_EXTEND_I32_S = 0xac;
  static final int I64_EXTEND_I32_U = 0xad;
  static final int I32_REINTERPRET_F32 = 0xbc;
  static final int I64_REINTERPRET_F64 = 0xbd;
  static final int F32_REINTERPRET_I32 = 0xbe;
  static final int F64_REINTERPRET_I64 = 0xbf;
  static final int REF_NULL = 0xd0;
  static final int REF_IS_NULL = 0xd1;
  static final int REF_FUNC = 0xd2;
  static final int PREFIX_GC = 0xfb;
  static final int PREFIX_MISC = 0xfc;
  static final int PREFIX_SIMD = 0xfd;
  static final int PREFIX_ATOMIC = 0xfe;

  static final int EMPTY_BLOCK = 0x40;

  // Behind PREFIX_MISC
  static final int MEMORY_INIT = 8;
  static final int DATA_DROP = 9;
  static final int MEMORY_COPY = 10;
  static final int MEMORY_FILL = 11;
  static final int TABLE_INIT = 12;
  static final int ELEM_DROP = 13;
  static final int TABLE_COPY = 14;
  static final int TABLE_GROW = 15;
  static final int TABLE_SIZE = 16;
  static final int TABLE_FILL = 17;

  // Behind PREFIX_SIMD
  static final int V128_CONST = 12;
  static final int I8X16_SHUFFLE = 13;
  static final int F32X4_EQ = 0x41;
  static final int F64X2_EQ = 0x47;
  static final int V128_BITSELECT = 0x52;
  static final int I64X2_SPLAT = 18;
  static final int F64X2_SPLAT = 20;
  static final int I64X2_EXTRACT_LANE = 29;
  static final int I64X2_REPLACE_LANE = 30;

  // What an instruction makes of a NaN.

  /** The bits of its operands matter, and those of its result are determined. */
  static final byte NAN_EXACT = 0;

  /** A NaN among its operands is a NaN, whatever its bits; those of its result may be any. */
  static final byte NAN_ARITHMETIC = 1;

  /** A NaN among its operands is a NaN, whatever its bits; its result is no float. */
  static final byte NAN_OBSERVED = 2;

  /** Its result is never a NaN. */
  static final byte NAN_NEVER = 3;

  /** Clears the sign of its operand. */
  static final byte NAN_ABSOLUTE = 4;

  /** Changes the sign of its operand, or of the first of two. */
  static final byte NAN_SIGN = 5;

  // The shapes of floats: the scalar types, and those of vectors.

  static final byte F32X4 = 1;
  static final byte F64X2 = 2;

  private static final byte[] PLAIN_NAN = new byte[256];
  private static final byte[] SIMD_NAN = new byte[256];

  /** The shape of the floats that vector instructions take, and that they make. */
  private static final byte[] SIMD_TAKES = new byte[256];

  private static final byte[] SIMD_MAKES = new byte[256];

  /** Signatures of numeric instructions and of memory accesses; null for all others. */
  private static final String[] PLAIN = new String[256];

  private static final String[] SIMD = new String[256];

  /** Log2 of the natural alignment of memory accesses; -1 for all others. */
  private static final byte[] PLAIN_ALIGNMENT = new byte[256];

  private static final byte[] SIMD_ALIGNMENT = new byte[256];

  /** How many lanes the lane immediate chooses from; 0 for none. */
  private static final byte[] SIMD_LANES = new byte[256];

  static {
    Arrays.fill(PLAIN_ALIGNMENT, (byte) -1);
    Arrays.fill(SIMD_ALIGNMENT, (byte) -1);
    plainAccess(0x28, "i:i", 2);
    plainAccess(0x29, "i:I", 3);
    plainAccess(0x2a, "i:f", 2);
    plainAccess(0x2b, "i:F", 3);
    plainAccess(0x2c, "i:i", 0, 0, 1, 1);
    plainAccess(0x30, "i:I", 0, 0, 1, 1, 2, 2);
    plainAccess(0x36, "ii:", 2);
    plainAccess(0x37, "iI:", 3);
    plainAccess(0x38, "if:", 2);
    plainAccess(0x39, "iF:", 3);
    plainAccess(0x3a, "ii:", 0, 1);
    plainAccess(0x3c, "iI:", 0, 1, 2);
    plain(0x45, 0x45, "i:i");
    plain(0x46, 0x4f, "ii:i");
    plain(0x50, 0x50, "I:i");
    plain(0x51, 0x5a, "II:i");
    plain(0x5b, 0x60, "ff:i");
    plain(0x61, 0x66, "FF:i");
    plain(0x67, 0x69, "i:i");
    plain(0x6a, 0x78, "ii:i");
    plain(0x79, 0x7b, "I:I");
    plain(0x7c, 0x8a, "II:I");
    plain(0x8b, 0x91, "f:f");
    plain(0x92, 0x98, "ff:f");
    plain(0x99, 0x9f, "F:F");
    plain(0xa0, 0xa6, "FF:F");
    plain(0xa7, 0xa7, "I:i");
    plain(0xa8, 0xa9, "f:i");
    plain(0xaa, 0xab, "F:i");
    plain(0xac, 0xad, "i:I");
    plain(0xae, 0xaf, "f:I");
    plain(0xb0, 0xb1, "F:I");
    plain(0xb2, 0xb3, "i:f");
    plain(0xb4, 0xb5, "I:f");
    plain(0xb6, 0xb6, "F:f");
    plain(0xb7, 0xb8, "i:F");
    plain(0xb9, 0xba, "I:F");
    plain(0xbb, 0xbb, "f:F");
    plain(0xbc, 0xbc, "f:i");
    plain(0xbd, 0xbd, "F:I");
    plain(0xbe, 0xbe, "i:f");
    plain(0xbf, 0xbf, "I:F");
    plain(0xc0, 0xc1, "i:i");
    plain(0xc2, 0xc4, "I:I");

    nan(PLAIN_NAN, NAN_OBSERVED, 0x5b, 0x66, 0xa8, 0xab, 0xae, 0xb1);
    nan(PLAIN_NAN, NAN_ARITHMETIC, 0x8d, 0x97, 0x9b, 0xa5, 0xb6, 0xb6, 0xbb, 0xbb);
    nan(PLAIN_NAN, NAN_NEVER, 0xb2, 0xb5, 0xb7, 0xba);
    nan(PLAIN_NAN, NAN_ABSOLUTE, 0x8b, 0x8b, 0x99, 0x99);
    nan(PLAIN_NAN, NAN_SIGN, 0x8c, 0x8c, 0x98, 0x98, 0x9a, 0x9a, 0xa6, 0xa6);

    simdAccess(0x00, "i:v", 4, 3, 3, 3, 3, 3, 3, 0, 1, 2, 3);
    simdAccess(0x0b, "iv:", 4);
    simdAccess(0x54, "iv:v", 0, 1, 2, 3);
    simdAccess(0x58, "iv:", 0, 1, 2, 3);
    simdAccess(0x5c, "i:v", 2, 3);
    for (int i = 0; i < 4; i++) {
      SIMD_LANES[0x54 + i] = (byte) (16 >> i);
      SIMD_LANES[0x58 + i] = (byte) (16 >> i);
    }
    simd(0x0e, 0x0e, "vv:v");
    simd(0x0f, 0x11, "i:v");
    simd(0x12, 0x12, "I:v");
    simd(0x13, 0x13, "f:v");
    simd(0x14, 0x14, "F:v");
    lanes(0x15, 0x16, "v:i", 16);
    lanes(0x17, 0x17, "vi:v", 16);
    lanes(0x18, 0x19, "v:i", 8);
    lanes(0x1a, 0x1a, "vi:v", 8);
    lanes(0x1b, 0x1b, "v:i", 4);
    lanes(0x1c, 0x1c, "vi:v", 4);
    lanes(0x1d, 0x1d, "v:I", 2);
    lanes(0x1e, 0x1e, "vI:v", 2);
    lanes(0x1f, 0x1f, "v:f", 4);
    lanes(0x20, 0x20, "vf:v", 4);
    lanes(0x21, 0x21, "v:F", 2);
    lanes(0x22, 0x22, "vF:v", 2);
    simd(0x23, 0x4c, "vv:v");
    simd(0x4d, 0x4d, "v:v");
    simd(0x4e, 0x51, "vv:v");
    simd(0x52, 0x52, "vvv:v");
    simd(0x53, 0x53, "v:i");
    simd(0x5e, 0x62, "v:v");
    simd(0x63, 0x64, "v:i");
    simd(0x65, 0x66, "vv:v");
    simd(0x67, 0x6a, "v:v");
    simd(0x6b, 0x6d, "vi:v");
    simd(0x6e, 0x73, "vv:v");
    simd(0x74, 0x75, "v:v");
    simd(0x76, 0x79, "vv:v");
    simd(0x7a, 0x7a, "v:v");
    simd(0x7b, 0x7b, "vv:v");
    simd(0x7c, 0x81, "v:v");
    simd(0x82, 0x82, "vv:v");
    simd(0x83, 0x84, "v:i");
    simd(0x85, 0x86, "vv:v");
    simd(0x87, 0x8a, "v:v");
    simd(0x8b, 0x8d, "vi:v");
    simd(0x8e, 0x93, "vv:v");
    simd(0x94, 0x94, "v:v");
    simd(0x95, 0x99, "vv:v");
    simd(0x9b, 0x9f, "vv:v");
    simd(0xa0, 0xa1, "v:v");
    simd(0xa3, 0xa4, "v:i");
    simd(0xa7, 0xaa, "v:v");
    simd(0xab, 0xad, "vi:v");
    simd(0xae, 0xae, "vv:v");
    simd(0xb1, 0xb1, "vv:v");
    simd(0xb5, 0xba, "vv:v");
    simd(0xbc, 0xbf, "vv:v");
    simd(0xc0, 0xc1, "v:v");
    simd(0xc3, 0xc4, "v:i");
    simd(0xc7, 0xca, "v:v");
    simd(0xcb, 0xcd, "vi:v");
    simd(0xce, 0xce, "vv:v");
    simd(0xd1, 0xd1, "vv:v");
    simd(0xd5, 0xdf, "vv:v");
    simd(0xe0, 0xe1, "v:v");
    simd(0xe3, 0xe3, "v:v");
    simd(0xe4, 0xeb, "vv:v");
    simd(0xec, 0xed, "v:v");
    simd(0xef, 0xef, "v:v");
    simd(0xf0, 0xf7, "vv:v");
    simd(0xf8, 0xff, "v:v");
    nan(SIMD_NAN, NAN_OBSERVED, 0x41, 0x4c, 0xf8, 0xf9, 0xfc, 0xfd);
    nan(SIMD_NAN, NAN_ARITHMETIC, 0x5e, 0x5f, 0x67, 0x6a, 0x74, 0x75, 0x7a, 0x7a, 0x94, 0x94);
    nan(SIMD_NAN, NAN_ARITHMETIC, 0xe3, 0xe9, 0xef, 0xf5);
    nan(SIMD_TAKES, F32X4, 0x41, 0x46, 0x5f, 0x5f, 0x67, 0x6a, 0xe3, 0xe9, 0xf8, 0xf9);
    nan(SIMD_TAKES, F64X2, 0x47, 0x4c, 0x5e, 0x5e, 0x74, 0x75, 0x7a, 0x7a, 0x94, 0x94);
    nan(SIMD_TAKES, F64X2, 0xef, 0xf5, 0xfc, 0xfd);
    nan(SIMD_MAKES, F32X4, 0x5e, 0x5e, 0x67, 0x6a, 0xe3, 0xe9);
    nan(SIMD_MAKES, F64X2, 0x5f, 0x5f, 0x74, 0x75, 0x7a, 0x7a, 0x94, 0x94, 0xef, 0xf5);
  }

  private Op() {}

  private static void plain(int from, int to, String signature) {
    Arrays.fill(PLAIN, from, to + 1, signature);
  }

  private static void plainAccess(int from, String signature, int... alignments) {
    for (int i = 0; i < alignments.length; i++) {
      PLAIN[from + i] = signature;
      PLAIN_ALIGNMENT[from + i] = (byte) alignments[i];
    }
  }

  private static void simd(int from, int to, String signature) {
    Arrays.fill(SIMD, from, to + 1, signature);
  }

  private static void simdAccess(int from, String signature, int... alignments) {
    for (int i = 0; i < alignments.length; i++) {
      SIMD[from + i] = signature;
      SIMD_ALIGNMENT[from + i] = (byte) alignments[i];
    }
  }

  private static void lanes(int from, int to, String signature, int count) {
    simd(from, to, signature);
    Arrays.fill(SIMD_LANES, from, to + 1, (byte) count);
  }

  private static void nan(byte[] table, byte value, int... ranges) {
    for (int i = 0; i < ranges.length; i += 2) {
      Arrays.fill(table, ranges[i], ranges[i + 1] + 1, value);
    }
  }

  /** One of the constants {@code NAN_}. */
  static byte plainNan(int opcode) {
    return PLAIN_NAN[opcode];
  }

  /** One of the constants {@code NAN_}. */
  static byte simdNan(int opcode) {
    return SIMD_NAN[opcode];
  }

  static byte simdTakes(int opcode) {
    return SIMD_TAKES[opcode];
  }

  static byte simdMakes(int opcode) {
    return SIMD_MAKES[opcode];
  }

  static String plainSignature(int opcode) {
    return PLAIN[opcode];
  }

  static int plainAlignment(int opcode) {
    return PLAIN_ALIGNMENT[opcode];
  }

  static String simdSignature(int opcode) {
    return opcode < 256 ? SIMD[opcode] : null;
  }

  static int simdAlignment(int opcode) {
    return SIMD_ALIGNMENT[opcode];
  }

  static int simdLanes(int opcode) {
    return SIMD_LANES[opcode];
  }

  /** The saturating conversions, 0 to 7 behind {@link #PREFIX_MISC}. */
  static String saturatingSignature(int opcode) {
    return ((opcode & 2) == 0 ? "f" : "F") + (opcode < 4 ? ":i" : ":I");
  }

  static byte typeOf(char letter) {
    return switch (letter) {
      case 'i' -> I32;
      case 'I' -> I64;
      case 'f' -> F32;
      case 'F' -> F64;
      default -> V128;
    };
  }

  static String nameOf(byte type) {
    return switch (type) {
      case I32 -> "i32";
      case I64 -> "i64";
      case F32 -> "f32";
      case F64 -> "f64";
      case V128 -> "v128";
      case FUNCREF -> "funcref";
      default -> "any";
    };
  }
}
