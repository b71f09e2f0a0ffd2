package io.vudo.spirit.internal.wasm;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** Reads the binary format and never beyond its end; every offset is one of the whole module. */
final class BinaryReader {
  private final byte[] bytes;
  private final int end;
  private int position;

  BinaryReader(byte[] bytes, int start, int end) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  int position() {
    return position;
  }

  boolean atEnd() {
    return position == end;
  }

  int remaining() {
    return end - position;
  }

  int unsignedByte() {
    if (position >= end) {
      throw Refusal.malformed(position, "unexpected end");
    }
    return bytes[position++] & 0xff;
  }

  /** A u32 as a non-negative long. */
  long u32() {
    int start = position;
    long result = 0;
    for (int shift = 0; ; shift += 7) {
      int b = unsignedByte();
      if (shift == 28 && b > 0x0f) {
        throw Refusal.malformed(start, "integer too large or too long");
      }
      result |= (long) (b & 0x7f) << shift;
      if (b < 0x80) {
        return result;
      }
    }
  }

  /** A u32 that counts or indexes something, so that more than an int can hold is out of bounds. */
  int index() {
    int start = position;
    long value = u32();
    if (value > Integer.MAX_VALUE) {
      throw Refusal.malformed(start, "index or count out of range: " + value);
    }
    return (int) value;
  }

  /** The number of entries that follow, each of which takes a byte at least. */
  int count(String what, int limit) {
    int start = position;
    long value = u32();
    if (value > limit) {
      throw Refusal.tooMuch(what, value, limit);
    }
    if (value > remaining()) {
      throw Refusal.malformed(start, "more " + what + " announced than bytes follow");
    }
    return (int) value;
  }

  int s32() {
    return (int) signed(32);
  }

  long s33() {
    return signed(33);
  }

  long s64() {
    return signed(64);
  }

  private long signed(int bits) {
    int start = position;
    long result = 0;
    int shift = 0;
    while (true) {
      int b = unsignedByte();
      result |= (long) (b & 0x7f) << shift;
      int left = bits - shift;
      if (left < 7) {
        // The unused bits of the last byte must all equal the sign.
        int rest = (byte) (b << 1) >> left;
        if (b >= 0x80 || (rest != 0 && rest != -1)) {
          throw Refusal.malformed(start, "integer too large or too long");
        }
      } else if (left == 7 && b >= 0x80) {
        throw Refusal.malformed(start, "integer too long");
      }
      shift += 7;
      if (b < 0x80) {
        return shift < 64 ? result << (64 - shift) >> (64 - shift) : result;
      }
    }
  }

  void skip(int count) {
    if (count < 0 || count > remaining()) {
      throw Refusal.malformed(position, "unexpected end");
    }
    position += count;
  }

  long littleEndian(int count) {
    long result = 0;
    for (int i = 0; i < count; i++) {
      result |= (long) unsignedByte() << (8 * i);
    }
    return result;
  }

  /** The following part as a reader of its own; this one moves behind it. */
  BinaryReader part(int length) {
    int start = position;
    skip(length);
    return new BinaryReader(bytes, start, position);
  }

  String name() {
    int start = position;
    int length = count("bytes of a name", Bounds.NAME_BYTES);
    skip(length);
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT)
          .decode(ByteBuffer.wrap(bytes, position - length, length))
          .toString();
    } catch (CharacterCodingException e) {
      throw Refusal.malformed(start, "name is not UTF-8");
    }
  }
}
