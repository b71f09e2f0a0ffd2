package io.vudo.embedded.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Texts as bytes, with an error instead of a question mark. */
public final class Utf8 {
  private Utf8() {}

  /**
   * The bytes of a text.
   *
   * @throws VudoException {@code ARGUMENT_INVALID} when it has half of a surrogate pair
   */
  public static byte[] encode(String text) {
    try {
      ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
      byte[] exact = new byte[bytes.remaining()];
      bytes.get(exact);
      return exact;
    } catch (CharacterCodingException e) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID, "The text has half of a surrogate pair.", e);
    }
  }

  /**
   * The text of bytes.
   *
   * @throws VudoException {@code ARGUMENT_INVALID} when they are no UTF-8
   */
  public static String decode(byte[] bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID, "The " + bytes.length + " bytes are no UTF-8.", e);
    }
  }
}
