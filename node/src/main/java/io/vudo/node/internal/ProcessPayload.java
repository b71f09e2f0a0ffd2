package io.vudo.node.internal;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.vudo.client.Codec;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ProcessException;
import io.vudo.protocol.VudoException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Arguments and results of calls by name. Arguments are an array, and the first byte of an array
 * tells JSON from MessagePack; the result goes back in the same.
 */
final class ProcessPayload {
  private static final int BAD_REQUEST = 400;

  private static final JsonMapper MAPPER =
      JsonMapper.builder().disable(SerializationFeature.FAIL_ON_EMPTY_BEANS).build();

  private ProcessPayload() {}

  /** Whether these are MessagePack: a fixarray, an array 16 or an array 32. */
  static boolean isPacked(byte[] args) {
    int first = args.length == 0 ? 0 : args[0] & 0xff;
    return (first & 0xf0) == 0x90 || first == 0xdc || first == 0xdd;
  }

  /**
   * Reads arguments; no bytes are none.
   *
   * @throws ProcessException 400 for anything but an array
   */
  static List<JsonNode> arguments(byte[] args) {
    if (args.length == 0) {
      return List.of();
    }
    JsonNode tree;
    try {
      tree = isPacked(args) ? Codec.MESSAGE_PACK.decode(args, JsonNode.class) : Json.read(args);
    } catch (VudoException e) {
      throw new ProcessException(BAD_REQUEST, "the arguments: " + e.detail(), e);
    }
    if (!tree.isArray()) {
      throw new ProcessException(BAD_REQUEST, "the arguments are no array");
    }
    List<JsonNode> list = new ArrayList<>(tree.size());
    tree.forEach(list::add);
    return list;
  }

  /**
   * Writes a result.
   *
   * @throws VudoException {@code PAYLOAD_TOO_LARGE}
   * @throws ProcessException 500 when it cannot be written
   */
  static byte[] result(Object result, boolean packed, int maxBytes) {
    try {
      if (packed) {
        byte[] bytes = Codec.MESSAGE_PACK.encode(MAPPER.<JsonNode>valueToTree(result));
        if (bytes.length > maxBytes) {
          throw tooLarge(maxBytes);
        }
        return bytes;
      }
      Bounded bytes = new Bounded(maxBytes);
      try (JsonGenerator generator = MAPPER.createGenerator((OutputStream) bytes)) {
        MAPPER.writeValue(generator, result);
      }
      return bytes.bytes.toByteArray();
    } catch (TooLarge e) {
      throw tooLarge(maxBytes);
    } catch (VudoException e) {
      throw e.code() == ErrorCode.PAYLOAD_TOO_LARGE ? e : unwritable(e);
    } catch (IOException | RuntimeException e) {
      for (Throwable cause = e; cause != null; cause = cause.getCause()) {
        if (cause instanceof TooLarge) {
          throw tooLarge(maxBytes);
        }
      }
      throw unwritable(e);
    }
  }

  private static ProcessException unwritable(Exception cause) {
    String why = String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
    return new ProcessException(500, "the result cannot be encoded: " + why, cause);
  }

  private static VudoException tooLarge(int maxBytes) {
    return new VudoException(
        ErrorCode.PAYLOAD_TOO_LARGE,
        "The result has more than " + maxBytes + " bytes, vudo.process.max-result-bytes.");
  }

  private static final class TooLarge extends IOException {
    private static final long serialVersionUID = 1;
  }

  /** Takes so many bytes, and not one more. */
  private static final class Bounded extends OutputStream {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final int most;

    Bounded(int most) {
      this.most = most;
    }

    @Override
    public void write(int b) throws IOException {
      check(1);
      bytes.write(b);
    }

    @Override
    public void write(byte[] from, int offset, int length) throws IOException {
      check(length);
      bytes.write(from, offset, length);
    }

    private void check(int more) throws IOException {
      if (bytes.size() + (long) more > most) {
        throw new TooLarge();
      }
    }
  }
}
