package io.vudo.client.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessageFormat;
import org.msgpack.core.MessageInsufficientBufferException;
import org.msgpack.core.MessagePackException;
import org.msgpack.core.MessagePacker;
import org.msgpack.core.MessageUnpacker;

/**
 * Jackson's trees as MessagePack. Binary stays binary; keys of maps are strings or integers.
 * Reading is bounded by the bytes that are there, whatever lengths they claim.
 */
public final class MessagePack {
  private static final int MAX_DEPTH = 500;
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private MessagePack() {}

  /**
   * Writes a tree.
   *
   * @throws IOException for an integer that does not fit in 64 bits, a decimal that a double would
   *     not give back, or a value that is no JSON
   */
  public static byte[] write(JsonNode tree) throws IOException {
    try (MessageBufferPacker packer = org.msgpack.core.MessagePack.newDefaultBufferPacker()) {
      write(packer, tree);
      return packer.toByteArray();
    }
  }

  private static void write(MessagePacker packer, JsonNode node) throws IOException {
    switch (node.getNodeType()) {
      case OBJECT -> {
        packer.packMapHeader(node.size());
        for (Map.Entry<String, JsonNode> member : node.properties()) {
          packer.packString(member.getKey());
          write(packer, member.getValue());
        }
      }
      case ARRAY -> {
        packer.packArrayHeader(node.size());
        for (JsonNode element : node) {
          write(packer, element);
        }
      }
      case STRING -> packer.packString(node.textValue());
      case BOOLEAN -> packer.packBoolean(node.booleanValue());
      case NULL, MISSING -> packer.packNil();
      case BINARY -> {
        byte[] bytes = node.binaryValue();
        packer.packBinaryHeader(bytes.length);
        packer.writePayload(bytes);
      }
      case NUMBER -> number(packer, node);
      default -> throw new IOException("A value of kind " + node.getNodeType() + ".");
    }
  }

  private static void number(MessagePacker packer, JsonNode node) throws IOException {
    switch (node.numberType()) {
      case INT, LONG -> packer.packLong(node.longValue());
      case BIG_INTEGER -> {
        try {
          packer.packBigInteger(node.bigIntegerValue());
        } catch (IllegalArgumentException e) {
          throw new IOException("The integer " + node + " does not fit in 64 bits.", e);
        }
      }
      case FLOAT -> packer.packFloat(node.floatValue());
      case BIG_DECIMAL -> {
        double nearest = node.doubleValue();
        if (Double.isInfinite(nearest)
            || BigDecimal.valueOf(nearest).compareTo(node.decimalValue()) != 0) {
          throw new IOException("The number " + node + " does not fit in a double.");
        }
        packer.packDouble(nearest);
      }
      default -> packer.packDouble(node.doubleValue());
    }
  }

  /**
   * Reads a tree.
   *
   * @throws IOException for anything but one value
   */
  public static JsonNode read(byte[] bytes) throws IOException {
    try (MessageUnpacker unpacker = org.msgpack.core.MessagePack.newDefaultUnpacker(bytes)) {
      JsonNode tree = read(unpacker, bytes.length, 0);
      if (unpacker.hasNext()) {
        throw new IOException("There are more bytes after the value.");
      }
      return tree;
    } catch (MessageInsufficientBufferException e) {
      throw new IOException("The bytes end within the value.", e);
    } catch (MessagePackException e) {
      throw new IOException("The bytes are no MessagePack: " + e.getMessage(), e);
    }
  }

  private static JsonNode read(MessageUnpacker unpacker, int total, int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw new IOException("The value is nested more than " + MAX_DEPTH + " deep.");
    }
    MessageFormat format = unpacker.getNextFormat();
    return switch (format.getValueType()) {
      case NIL -> {
        unpacker.unpackNil();
        yield NODES.nullNode();
      }
      case BOOLEAN -> NODES.booleanNode(unpacker.unpackBoolean());
      case INTEGER -> integer(unpacker, format);
      case FLOAT ->
          format == MessageFormat.FLOAT32
              ? NODES.numberNode(unpacker.unpackFloat())
              : NODES.numberNode(unpacker.unpackDouble());
      case STRING ->
          NODES.textNode(text(payload(unpacker, unpacker.unpackRawStringHeader(), total)));
      case BINARY -> NODES.binaryNode(payload(unpacker, unpacker.unpackBinaryHeader(), total));
      case ARRAY -> {
        ArrayNode array = NODES.arrayNode();
        int size = unpacker.unpackArrayHeader();
        for (int i = 0; i < size; i++) {
          array.add(read(unpacker, total, depth + 1));
        }
        yield array;
      }
      case MAP -> {
        ObjectNode map = NODES.objectNode();
        int size = unpacker.unpackMapHeader();
        for (int i = 0; i < size; i++) {
          JsonNode key = read(unpacker, total, depth + 1);
          if (!key.isTextual() && !key.isIntegralNumber()) {
            throw new IOException("A key of a map is a string or an integer; got " + key + ".");
          }
          if (map.has(key.asText())) {
            throw new IOException("The key " + key + " is there twice.");
          }
          map.set(key.asText(), read(unpacker, total, depth + 1));
        }
        yield map;
      }
      default -> throw new IOException("An extension type, which means nothing here.");
    };
  }

  /** As small as it fits, which is how Jackson reads JSON. */
  private static JsonNode integer(MessageUnpacker unpacker, MessageFormat format)
      throws IOException {
    long value;
    if (format == MessageFormat.UINT64) {
      // Writers use it for all that does not fit in 32 bits.
      BigInteger unsigned = unpacker.unpackBigInteger();
      if (unsigned.bitLength() >= Long.SIZE) {
        return NODES.numberNode(unsigned);
      }
      value = unsigned.longValue();
    } else {
      value = unpacker.unpackLong();
    }
    return value == (int) value ? NODES.numberNode((int) value) : NODES.numberNode(value);
  }

  private static byte[] payload(MessageUnpacker unpacker, int length, int total)
      throws IOException {
    if (length > total - unpacker.getTotalReadBytes()) {
      throw new IOException("The bytes end within the value.");
    }
    return unpacker.readPayload(length);
  }

  /** Bytes as text; unlike a string's constructor it refuses what is no UTF-8. */
  public static String text(byte[] bytes) throws IOException {
    return StandardCharsets.UTF_8
        .newDecoder()
        .onMalformedInput(CodingErrorAction.REPORT)
        .onUnmappableCharacter(CodingErrorAction.REPORT)
        .decode(ByteBuffer.wrap(bytes))
        .toString();
  }
}
