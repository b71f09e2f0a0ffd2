package io.vudo.spirit;

/**
 * One function that the host offers to a guest.
 *
 * <p>Values cross as bits: i32 in the low 32 bits (sign-extended), i64 as it is, f32 and f64 as
 * their IEEE 754 bits. Called on the thread that runs the guest; it must not block.
 */
@FunctionalInterface
public interface HostFunction {
  /**
   * Performs the call.
   *
   * <p>A {@link RuntimeException} thrown here ends the guest's call: {@link EngineInstance#call}
   * throws that same object.
   *
   * @param guest the instance that called; its memory may be read and written, and its exports may
   *     be called, until this method returns
   * @param arguments one a parameter
   * @return the result's bits; ignored when the function has none
   */
  long call(EngineInstance guest, long[] arguments);
}
