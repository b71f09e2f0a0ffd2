package io.vudo.spirit.internal.turn;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.EngineInstance;
import java.util.Optional;

/** The exports of a Spirit as the host calls them. */
final class GuestCalls {
  static final String ABI_MARK = "spirit_abi_1";
  static final String ALLOC = "spirit_alloc";
  static final String HANDLE = "spirit_handle";
  static final String INIT = "spirit_init";
  static final String INITIALIZE = "_initialize";

  private GuestCalls() {}

  /** A buffer of the guest's own of at least this size. */
  static int allocate(EngineInstance guest, long deadlineNanos, int length) {
    int address = (int) guest.call(ALLOC, deadlineNanos, length)[0];
    if (address == 0 || !guest.inMemory(address, length)) {
      throw new VudoException(
          ErrorCode.GUEST_OUT_OF_MEMORY,
          "Asked for "
              + length
              + " bytes, got address "
              + Integer.toUnsignedString(address)
              + " of "
              + guest.memoryBytes()
              + " bytes of memory.");
    }
    return address;
  }

  /** Writes bytes into a buffer of the guest's own; empty ones need none. */
  static int pass(EngineInstance guest, long deadlineNanos, byte[] bytes) {
    if (bytes.length == 0) {
      return 0;
    }
    int address = allocate(guest, deadlineNanos, bytes.length);
    guest.writeMemory(address, bytes);
    return address;
  }

  /**
   * Gives a fresh instance its first breath: the module's start function, {@code _initialize} of a
   * WASI reactor, and {@code spirit_init} with the spawn argument. Each at most once in a life.
   */
  static void bear(
      EngineInstance guest, AdmittedModule module, long deadlineNanos, byte[] argument) {
    start(guest, module, deadlineNanos);
    if (module.exportedFunctions().containsKey(INIT)) {
      int address = pass(guest, deadlineNanos, argument);
      long[] results = guest.call(INIT, deadlineNanos, address, argument.length);
      if (results.length != 1) {
        throw new VudoException(
            ErrorCode.ARGUMENT_INVALID,
            "spirit_init answers " + results.length + " values; it must answer one i32.");
      }
      int status = (int) results[0];
      if (status != 0) {
        throw new VudoException(
            ErrorCode.APPLICATION_ERROR, "spirit_init answered " + status + ".");
      }
    }
  }

  /** The start function and {@code _initialize}: what makes a fresh instance fit to be called. */
  static void start(EngineInstance guest, AdmittedModule module, long deadlineNanos) {
    guest.callStart(deadlineNanos);
    if (module.exportedFunctions().containsKey(INITIALIZE)) {
      guest.call(INITIALIZE, deadlineNanos);
    }
  }

  /** Hands a message to the guest and reads its reply. */
  static Optional<byte[]> handle(
      EngineInstance guest, long deadlineNanos, byte[] payload, int maxReplyBytes) {
    int address = pass(guest, deadlineNanos, payload);
    long packed = guest.call(HANDLE, deadlineNanos, address, payload.length)[0];
    if (packed == 0) {
      return Optional.empty();
    }
    int pointer = (int) (packed >>> 32);
    int length = (int) packed;
    if (!guest.inMemory(pointer, length)) {
      throw new VudoException(
          ErrorCode.GUEST_BAD_REPLY,
          "Pointer "
              + Integer.toUnsignedString(pointer)
              + ", length "
              + Integer.toUnsignedString(length)
              + ", memory "
              + guest.memoryBytes()
              + " bytes.");
    }
    if (Integer.toUnsignedLong(length) > maxReplyBytes) {
      throw new VudoException(
          ErrorCode.PAYLOAD_TOO_LARGE,
          "The reply has "
              + Integer.toUnsignedString(length)
              + " bytes, the limit is "
              + maxReplyBytes
              + ".");
    }
    return Optional.of(guest.readMemory(pointer, length));
  }

  /** The bytes of an i32 as they lie in a guest's memory. */
  static byte[] littleEndian(int value) {
    return new byte[] {
      (byte) value, (byte) (value >>> 8), (byte) (value >>> 16), (byte) (value >>> 24)
    };
  }
}
