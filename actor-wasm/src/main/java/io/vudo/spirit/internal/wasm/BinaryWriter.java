package io.vudo.spirit.internal.wasm;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Writes the binary format. */
final class BinaryWriter {
  private byte[] bytes = new byte[256];
  private int size;

  private void need(int more) {
    if (size + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(size + more, bytes.length * 2));
    }
  }

  int size() {
    return size;
  }

  BinaryWriter write(int b) {
    need(1);
    bytes[size++] = (byte) b;
    return this;
  }

  BinaryWriter write(int first, int second) {
    return write(first).write(second);
  }

  BinaryWriter write(byte[] source, int from, int to) {
    need(to - from);
    System.arraycopy(source, from, bytes, size, to - from);
    size += to - from;
    return this;
  }

  BinaryWriter u32(long value) {
    long rest = value;
    while (rest >= 0x80) {
      write((int) (rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return write((int) rest);
  }

  BinaryWriter signed(long value) {
    long rest = value;
    while (rest < -64 || rest > 63) {
      write((int) (rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return write((int) rest & 0x7f);
  }

  BinaryWriter name(String name) {
    byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
    return u32(utf8.length).write(utf8, 0, utf8.length);
  }

  /** Appends the other's bytes behind their length. */
  BinaryWriter sized(BinaryWriter other) {
    return u32(other.size).write(other.bytes, 0, other.size);
  }

  BinaryWriter append(BinaryWriter other) {
    return write(other.bytes, 0, other.size);
  }

  void clear() {
    size = 0;
  }

  byte[] toBytes() {
    return Arrays.copyOf(bytes, size);
  }

  // The instructions that the rewriter injects.

  BinaryWriter i32(int value) {
    return write(Op.I32_CONST).signed(value);
  }

  BinaryWriter i64(long value) {
    return write(Op.I64_CONST).signed(value);
  }

  BinaryWriter localGet(int index) {
    return write(Op.LOCAL_GET).u32(index);
  }

  BinaryWriter localSet(int index) {
    return write(Op.LOCAL_SET).u32(index);
  }

  BinaryWriter localTee(int index) {
    return write(Op.LOCAL_TEE).u32(index);
  }

  BinaryWriter globalGet(int index) {
    return write(Op.GLOBAL_GET).u32(index);
  }

  BinaryWriter globalSet(int index) {
    return write(Op.GLOBAL_SET).u32(index);
  }

  BinaryWriter call(int function) {
    return write(Op.CALL).u32(function);
  }

  BinaryWriter tableGet(int table) {
    return write(Op.TABLE_GET).u32(table);
  }

  BinaryWriter tableSet(int table) {
    return write(Op.TABLE_SET).u32(table);
  }

  /** Traps when the i32 on the stack is not zero. */
  BinaryWriter trapIf() {
    return write(Op.IF, Op.EMPTY_BLOCK).write(Op.UNREACHABLE).write(Op.END);
  }
}
