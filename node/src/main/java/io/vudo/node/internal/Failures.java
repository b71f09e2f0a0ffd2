package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** Finds what a failed stage really failed with. */
public final class Failures {
  private Failures() {}

  /** The failure without the wrappings that futures put around it. */
  public static Throwable unwrap(Throwable failure) {
    Throwable inner = failure;
    while ((inner instanceof CompletionException || inner instanceof ExecutionException)
        && inner.getCause() != null) {
      inner = inner.getCause();
    }
    return inner;
  }

  /** The typed failure; anything that is not typed is a fault of the node. */
  public static VudoException typed(Throwable failure) {
    Throwable inner = unwrap(failure);
    return inner instanceof VudoException typed
        ? typed
        : new VudoException(ErrorCode.INTERNAL_ERROR, "See the node's log.", inner);
  }

  /** The failure in a form that can be thrown on; for {@code throw rethrown(f)}. */
  static RuntimeException rethrown(Throwable failure) {
    Throwable inner = unwrap(failure);
    return inner instanceof RuntimeException unchecked ? unchecked : new CompletionException(inner);
  }
}
