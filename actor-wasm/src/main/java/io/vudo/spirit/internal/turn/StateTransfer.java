package io.vudo.spirit.internal.turn;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ValueType;
import java.util.ArrayList;
import java.util.List;

/** How the guests themselves bring a state from one module to another. */
final class StateTransfer {
  static final String SAVE = "spirit_save";
  static final String LOAD = "spirit_load";

  private static final FunctionType SAVE_TYPE = new FunctionType(List.of(), List.of(ValueType.I64));
  private static final FunctionType LOAD_TYPE =
      new FunctionType(List.of(ValueType.I32, ValueType.I32), List.of(ValueType.I32));

  private StateTransfer() {}

  /**
   * Checks that both modules have what it takes.
   *
   * @param differences why the state cannot be kept as it is
   * @throws VudoException {@code SWAP_INCOMPATIBLE}, with these and with what is missing
   */
  static void check(AdmittedModule before, AdmittedModule after, List<String> differences) {
    List<String> missing = new ArrayList<>();
    if (!SAVE_TYPE.equals(before.exportedFunctions().get(SAVE))) {
      missing.add("the module before exports no spirit_save " + SAVE_TYPE);
    }
    if (!LOAD_TYPE.equals(after.exportedFunctions().get(LOAD))) {
      missing.add("the new one exports no spirit_load " + LOAD_TYPE);
    }
    if (!missing.isEmpty()) {
      throw new VudoException(
          ErrorCode.SWAP_INCOMPATIBLE,
          "The memory cannot be kept ("
              + String.join("; ", differences)
              + "), and "
              + String.join(", and ", missing)
              + ".");
    }
  }

  /**
   * Asks a guest for its state.
   *
   * @throws VudoException what ended the guest; {@code SWAP_FAILED} for an answer that is no state
   */
  static byte[] save(EngineInstance guest, long deadlineNanos, int maxBytes) {
    long packed = guest.call(SAVE, deadlineNanos)[0];
    int pointer = (int) (packed >>> 32);
    int length = (int) packed;
    if (packed == 0 || !guest.inMemory(pointer, length)) {
      throw new VudoException(
          ErrorCode.SWAP_FAILED,
          "spirit_save answered pointer "
              + Integer.toUnsignedString(pointer)
              + ", length "
              + Integer.toUnsignedString(length)
              + "; memory has "
              + guest.memoryBytes()
              + " bytes.");
    }
    if (Integer.toUnsignedLong(length) > maxBytes) {
      throw new VudoException(
          ErrorCode.SWAP_FAILED,
          "spirit_save answered "
              + Integer.toUnsignedString(length)
              + " bytes; vudo.spirit.swap.max-saved-bytes is "
              + maxBytes
              + ".");
    }
    return guest.readMemory(pointer, length);
  }

  /**
   * Hands a state to a fresh instance, which is begun as at a birth but for {@code spirit_init}.
   *
   * @throws VudoException what ended the guest; {@code SWAP_FAILED} when it refused
   */
  static void load(EngineInstance guest, AdmittedModule module, long deadlineNanos, byte[] saved) {
    GuestCalls.start(guest, module, deadlineNanos);
    int address = GuestCalls.pass(guest, deadlineNanos, saved);
    int status = (int) guest.call(LOAD, deadlineNanos, address, saved.length)[0];
    if (status != 0) {
      throw new VudoException(
          ErrorCode.SWAP_FAILED,
          "spirit_load answered " + status + " to " + saved.length + " bytes.");
    }
  }
}
