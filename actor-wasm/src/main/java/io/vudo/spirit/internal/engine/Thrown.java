package io.vudo.spirit.internal.engine;

/** Throws again what was caught, the same object. */
public final class Thrown {
  private Thrown() {}

  /** For {@code throw}; an {@link Error} is thrown at once. */
  public static RuntimeException again(Throwable caught) {
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
