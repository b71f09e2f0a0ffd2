package io.vudo.protocol;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import org.msgpack.core.ExtensionTypeHeader;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessagePackException;
import org.msgpack.core.MessagePacker;
import org.msgpack.core.MessageUnpacker;

/**
 * Tuples and templates as MessagePack: what guests exchange with the node and what the journal
 * holds.
 *
 * <p>A tuple is an array; its fields are nil, bool, int, float, str, bin and array. A template is
 * an array that may also hold extensions:
 *
 * <pre>
 * ext type 0, no payload         any field                        c7 00 00
 * ext type 1, one byte           a field of the type of that code d4 01 CODE   ({@link FieldType})
 * ext type 2, an array of two    a {@link Template.Predicate}: its operator, a str, and its operand
 * </pre>
 *
 * <p>{@code {"?": [">", 10]}} is {@code d6 02 92 a1 3e 0a}. The array is a level of its own.
 *
 * <p><b>Encoding is canonical</b>: the shortest form of every integer and length, floats always 64
 * bits, every NaN {@code 7ff8000000000000}. Two tuples are equal exactly when their encodings are.
 *
 * <p><b>Decoding takes any bytes.</b> It accepts longer forms than needed and 32-bit floats, which
 * are widened. It refuses maps, other extensions, integers beyond 64 signed bits, strings that are
 * not UTF-8, and bytes after the end. No declared length is believed before the bytes are there.
 * Whatever the input is, the only exception is {@link VudoException}, and its detail names the
 * field ({@code Field 2.0} is the first of the third), counting from 0.
 */
public final class TupleCodec {
  static final int WILDCARD_BYTES = 3;

  private static final byte EXT_ANY = 0;
  private static final byte EXT_TYPED = 1;
  private static final byte EXT_PREDICATE = 2;

  private TupleCodec() {}

  /** The canonical encoding. */
  public static byte[] encode(Tuple tuple) {
    return pack(packer -> packTuple(packer, tuple));
  }

  /** The canonical encoding. */
  public static byte[] encode(Template template) {
    return pack(packer -> packTemplate(packer, template));
  }

  /**
   * Reads a tuple.
   *
   * @throws VudoException {@code TUPLE_INVALID}, {@code TUPLE_ARITY}, {@code TUPLE_TOO_LARGE} or
   *     {@code TUPLE_TOO_DEEP}
   */
  public static Tuple decodeTuple(byte[] bytes) {
    return (Tuple) decode(bytes, TupleReading.ofTuple());
  }

  /**
   * Reads a template.
   *
   * @throws VudoException {@code TEMPLATE_INVALID}, {@code PREDICATE_INVALID}, {@code TUPLE_ARITY},
   *     {@code TUPLE_TOO_LARGE} or {@code TUPLE_TOO_DEEP}
   */
  public static Template decodeTemplate(byte[] bytes) {
    return TupleReading.template(decode(bytes, TupleReading.ofTemplate()));
  }

  /** The length of an extension with a payload of this length, in bytes. */
  static long extensionBytes(long payload) {
    int header = payload < 1 << 8 ? 3 : payload < 1 << 16 ? 4 : 6;
    // A payload of 1, 2, 4, 8 or 16 bytes has a header that says so in its first byte.
    return payload + (payload <= 16 && Long.bitCount(payload) == 1 ? 2 : header);
  }

  private interface Packing {
    void to(MessagePacker packer) throws IOException;
  }

  private static byte[] pack(Packing packing) {
    try (MessageBufferPacker packer = MessagePack.newDefaultBufferPacker()) {
      packing.to(packer);
      return packer.toByteArray();
    } catch (IOException e) {
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "A buffer in memory failed.", e);
    }
  }

  private static void packTuple(MessagePacker packer, Tuple tuple) throws IOException {
    packer.packArrayHeader(tuple.arity());
    for (Field field : tuple.fields()) {
      packField(packer, field);
    }
  }

  private static void packField(MessagePacker packer, Field field) throws IOException {
    if (field instanceof Tuple nested) {
      packTuple(packer, nested);
    } else if (field instanceof Field.Bool bool) {
      packer.packBoolean(bool.value());
    } else if (field instanceof Field.Int64 int64) {
      packer.packLong(int64.value());
    } else if (field instanceof Field.Float64 float64) {
      packer.packDouble(float64.value());
    } else if (field instanceof Field.Text text) {
      packText(packer, text.value());
    } else if (field instanceof Field.Bytes bytes) {
      packer.packBinaryHeader(bytes.length());
      packer.writePayload(bytes.value());
    } else {
      packer.packNil();
    }
  }

  private static void packText(MessagePacker packer, String text) throws IOException {
    // Not packString: it guesses the header's length for long strings.
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    packer.packRawStringHeader(utf8.length);
    packer.writePayload(utf8);
  }

  private static void packTemplate(MessagePacker packer, Template template) throws IOException {
    packer.packArrayHeader(template.arity());
    for (Template.Slot slot : template.slots()) {
      if (slot instanceof Template.Exact exact) {
        packField(packer, exact.value());
      } else if (slot instanceof Template.Nested nested) {
        packTemplate(packer, nested.template());
      } else if (slot instanceof Template.Typed typed) {
        packer.packExtensionTypeHeader(EXT_TYPED, 1);
        packer.writePayload(new byte[] {typed.type().code()});
      } else if (slot instanceof Template.Predicate predicate) {
        packer.packExtensionTypeHeader(EXT_PREDICATE, (int) predicate.payloadBytes());
        packer.packArrayHeader(2);
        packText(packer, predicate.operator().text());
        packField(packer, predicate.operand());
      } else {
        packer.packExtensionTypeHeader(EXT_ANY, 0);
      }
    }
  }

  private static Object decode(byte[] bytes, TupleReading reading) {
    Tuple.checkBytes(bytes.length);
    try (MessageUnpacker unpacker = MessagePack.newDefaultUnpacker(bytes)) {
      Decoder decoder = new Decoder(unpacker, bytes.length, reading);
      if (bytes.length == 0 || !unpacker.getNextFormat().getValueType().isArrayType()) {
        throw reading.invalid("The bytes are not a MessagePack array.");
      }
      Object top = decoder.array();
      if (unpacker.getTotalReadBytes() != bytes.length) {
        throw reading.invalid(
            "The array ends at byte " + unpacker.getTotalReadBytes() + " of " + bytes.length + ".");
      }
      return top;
    } catch (MessagePackException | IOException e) {
      throw reading.invalid("The bytes are not MessagePack (" + e.getMessage() + ").", e);
    }
  }

  /** Reads up to {@code end}, a number of bytes from the start of the input. */
  private record Decoder(MessageUnpacker unpacker, long end, TupleReading reading) {
    Object array() throws IOException {
      // The library throws for more than Integer.MAX_VALUE elements.
      int arity = unpacker.unpackArrayHeader();
      if (arity < Tuple.MIN_ARITY || arity > Tuple.MAX_ARITY) {
        throw reading.arity(arity);
      }
      TupleReading.Elements elements = reading.new Elements();
      for (int i = 0; i < arity; i++) {
        elements.add(element());
      }
      return elements.end();
    }

    private Object element() throws IOException {
      switch (unpacker.getNextFormat().getValueType()) {
        case NIL -> {
          unpacker.unpackNil();
          return Field.Null.NULL;
        }
        case BOOLEAN -> {
          return Field.Bool.of(unpacker.unpackBoolean());
        }
        case INTEGER -> {
          return Field.Int64.of(unpacker.unpackLong());
        }
        case FLOAT -> {
          return new Field.Float64(unpacker.unpackDouble());
        }
        case STRING -> {
          return new Field.Text(text(payload(unpacker.unpackRawStringHeader())));
        }
        case BINARY -> {
          return new Field.Bytes(payload(unpacker.unpackBinaryHeader()));
        }
        case ARRAY -> {
          return array();
        }
        case EXTENSION -> {
          return open(unpacker.unpackExtensionTypeHeader());
        }
        default -> throw reading.invalid("A map cannot be a field.");
      }
    }

    private String text(byte[] utf8) {
      try {
        return StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT)
            .decode(ByteBuffer.wrap(utf8))
            .toString();
      } catch (CharacterCodingException e) {
        throw reading.invalid("The string is not UTF-8.", e);
      }
    }

    private Template.Slot open(ExtensionTypeHeader header) throws IOException {
      byte type = header.getType();
      if (type != EXT_ANY && type != EXT_TYPED && type != EXT_PREDICATE) {
        throw reading.invalid("Extension type " + type + " cannot be a field.");
      }
      reading.checkOpenAllowed();
      if (type == EXT_PREDICATE) {
        return predicate(header.getLength());
      }
      byte[] payload = payload(header.getLength());
      if (payload.length != (type == EXT_ANY ? 0 : 1)) {
        throw reading.invalid(
            "Extension type " + type + " does not take " + payload.length + " bytes.");
      }
      if (type == EXT_ANY) {
        return Template.ANY;
      }
      try {
        return new Template.Typed(FieldType.ofCode(payload[0]));
      } catch (VudoException e) {
        throw reading.at(e);
      }
    }

    private Template.Slot predicate(int declared) throws IOException {
      reading.enterPredicate();
      checkLength(declared);
      long end = unpacker.getTotalReadBytes() + declared;
      // The payload is read where it is, so that errors are found at their positions; the parts
      // with a length of their own are kept within it.
      Decoder payload = new Decoder(unpacker, end, reading);
      if (declared == 0 || !unpacker.getNextFormat().getValueType().isArrayType()) {
        throw reading.invalid("A predicate is an array of an operator and an operand.");
      }
      int parts = unpacker.unpackArrayHeader();
      if (parts != 2) {
        throw reading.invalid(
            "A predicate is an operator and an operand, got "
                + Integer.toUnsignedString(parts)
                + " parts.");
      }
      if (!unpacker.getNextFormat().getValueType().isStringType()) {
        throw reading.invalid("The operator of a predicate is a string.");
      }
      Template.Operator operator =
          reading.operator(text(payload.payload(unpacker.unpackRawStringHeader())));
      Object operand = payload.element();
      if (unpacker.getTotalReadBytes() != end) {
        throw reading.invalid(
            "The predicate ends at byte "
                + unpacker.getTotalReadBytes()
                + ", its extension at "
                + end
                + ".");
      }
      return reading.leavePredicate(operator, operand);
    }

    /** The bytes of a string, bin or ext; a length that lies costs no memory. */
    private byte[] payload(int declared) throws IOException {
      checkLength(declared);
      return unpacker.readPayload(declared);
    }

    private void checkLength(int declared) throws IOException {
      long left = end - unpacker.getTotalReadBytes();
      if (declared < 0 || declared > left) {
        throw reading.invalid(
            "A length of " + declared + " is declared and " + left + " bytes are left.");
      }
    }
  }
}
