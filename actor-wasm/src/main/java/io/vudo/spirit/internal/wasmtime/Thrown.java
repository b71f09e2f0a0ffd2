package io.vudo.spirit.internal.wasmtime;

/** Throws again what was caught, the same object. */
final class Thrown {
  private Thrown() {}

  static RuntimeException again(Throwable caught) {
    if (caught instanceof Error error) {
      throw error;
    }
    if (caught instanceof RuntimeException exception) {
      return exception;
    }
    // Host functions declare no checked exceptions, but can be made to throw them.
    return new IllegalStateException(caught);
  }
}
