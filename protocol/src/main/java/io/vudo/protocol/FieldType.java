package io.vudo.protocol;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * The types a field of a tuple can have. A template may ask for a type instead of a value.
 *
 * <p>The code of a type is one byte of the MessagePack form of a template and never changes:
 *
 * <pre>
 * 0 null   1 bool   2 int (64-bit)   3 float (64-bit)   4 string   5 bytes   6 tuple
 * </pre>
 */
public enum FieldType {
  NULL(0, "null"),
  BOOL(1, "bool"),
  INT(2, "int"),
  FLOAT(3, "float"),
  STRING(4, "string"),
  BYTES(5, "bytes"),
  TUPLE(6, "tuple");

  private static final FieldType[] TYPES = values();

  private final byte code;
  private final String text;

  FieldType(int code, String text) {
    this.code = (byte) code;
    this.text = text;
  }

  /** The byte that stands for this type in MessagePack, extension type 1. */
  public byte code() {
    return code;
  }

  /** The name as people write it: {@code {"?": "string"}}. */
  public String text() {
    return text;
  }

  /**
   * The type of this code.
   *
   * @throws VudoException {@code TEMPLATE_INVALID}
   */
  public static FieldType ofCode(int code) {
    for (FieldType type : TYPES) {
      if (type.code == code) {
        return type;
      }
    }
    throw new VudoException(
        ErrorCode.TEMPLATE_INVALID,
        "There is no field type " + code + "; they are 0 to " + (TYPES.length - 1) + ".");
  }

  /**
   * The type of this name.
   *
   * @throws VudoException {@code TEMPLATE_INVALID}, listing those there are
   */
  public static FieldType ofText(String text) {
    for (FieldType type : TYPES) {
      if (type.text.equals(text)) {
        return type;
      }
    }
    throw new VudoException(
        ErrorCode.TEMPLATE_INVALID,
        "There is no field type \""
            + (text.length() > 40 ? text.substring(0, 40) + "…" : text)
            + "\"; there are "
            + Arrays.stream(TYPES).map(FieldType::text).collect(Collectors.joining(", "))
            + ".");
  }
}
