package io.vudo.spirit.internal.turn;

/**
 * Unwinds a turn that needs an answer the host does not have yet. The turn runs again from its
 * start once the answer is there. No stack trace: this is control flow.
 */
final class SuspendTurn extends RuntimeException {
  private final transient WaitRequest request;

  SuspendTurn(WaitRequest request) {
    super("suspended", null, false, false);
    this.request = request;
  }

  WaitRequest request() {
    return request;
  }
}
