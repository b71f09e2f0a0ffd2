package io.vudo.spirit.spec;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * Whose state a module may change when it is instantiated: those from which it imports a memory, a
 * table or a global, or everything that it imports from when it has a start function. A suite's
 * module that admission refuses would have done so, and what follows in the suite counts on it.
 */
final class SharedState {
  private final byte[] bytes;
  private int at = 8;

  private SharedState(byte[] bytes) {
    this.bytes = bytes;
  }

  /** The names of the modules whose state it may change; empty when that cannot be told. */
  static Optional<Set<String>> of(byte[] module) {
    try {
      return Optional.of(new SharedState(module).modules());
    } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private Set<String> modules() {
    Set<String> all = new HashSet<>();
    Set<String> shared = new HashSet<>();
    boolean starts = false;
    while (at < bytes.length) {
      int id = bytes[at++];
      int length = number();
      int end = at + length;
      if (id == 2) {
        imports(all, shared);
      }
      starts |= id == 8;
      at = end;
    }
    return starts ? all : shared;
  }

  private void imports(Set<String> all, Set<String> shared) {
    int count = number();
    for (int i = 0; i < count; i++) {
      String from = name();
      name();
      all.add(from);
      int kind = bytes[at++];
      if (kind != 0) {
        shared.add(from);
      }
      switch (kind) {
        case 0 -> number();
        case 1 -> {
          type();
          limits();
        }
        case 2 -> limits();
        case 3 -> {
          type();
          at++;
        }
        case 4 -> {
          at++;
          number();
        }
        default -> throw new IllegalArgumentException("import of kind " + kind);
      }
    }
  }

  private void type() {
    int type = bytes[at++];
    if (type == 0x63 || type == 0x64) {
      number();
    }
  }

  private void limits() {
    int flags = bytes[at++];
    number();
    if ((flags & 1) != 0) {
      number();
    }
  }

  private String name() {
    int length = number();
    at += length;
    return new String(bytes, at - length, length, StandardCharsets.UTF_8);
  }

  /** An unsigned LEB128; of a longer one only the low 32 bits matter here. */
  private int number() {
    int value = 0;
    int shift = 0;
    while (true) {
      byte next = bytes[at++];
      value |= shift < 32 ? (next & 0x7f) << shift : 0;
      if (next >= 0) {
        return value;
      }
      shift += 7;
    }
  }
}
