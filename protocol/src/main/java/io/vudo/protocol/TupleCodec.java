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
 * ext type 2                     reserved for predicates; refused as not supported yet
 * </pre>
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
   * @throws VudoException {@code TEMPLATE_INVALID}, {@code TUPLE_ARITY}, {@code TUPLE_TOO_LARGE} or
   *     {@code TUPLE_TOO_DEEP}
   */
  public static Template decodeTemplate(byte[] bytes) {
    return TupleReading.template(decode(bytes, TupleReading.ofTemplate()));
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
      // Not packString: it guesses the header's length for long strings.
      byte[] utf8 = text.value().getBytes(StandardCharsets.UTF_8);
      packer.packRawStringHeader(utf8.length);
      packer.writePayload(utf8);
    } else if (field instanceof Field.Bytes bytes) {
      packer.packBinaryHeader(bytes.length());
      packer.writePayload(bytes.value());
    } else {
      packer.packNil();
    }
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

  private record Decoder(MessageUnpacker unpacker, int length, TupleReading reading) {
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
          return text(payload(unpacker.unpackRawStringHeader()));
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

    private Field text(byte[] utf8) {
      try {
        return new Field.Text(
            StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT)
                .decode(ByteBuffer.wrap(utf8))
                .toString());
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
      byte[] payload = payload(header.getLength());
      if (type == EXT_PREDICATE) {
        throw reading.invalid("Predicates are not supported yet.");
      }
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

    /** The bytes of a string, bin or ext; a length that lies costs no memory. */
    private byte[] payload(int declared) throws IOException {
      long left = length - unpacker.getTotalReadBytes();
      if (declared < 0 || declared > left) {
        throw reading.invalid(
            "A length of " + declared + " is declared and " + left + " bytes are left.");
      }
      return unpacker.readPayload(declared);
    }
  }
}
