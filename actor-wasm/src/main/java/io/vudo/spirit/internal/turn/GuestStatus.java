package io.vudo.spirit.internal.turn;

/**
 * A status that a host function answers with, thrown inside of it. Statuses carry no stack trace: a
 * hostile guest may cause millions of them. Those here are the flat ABI's.
 */
@SuppressWarnings("StaticAssignmentOfThrowable") // without trace and suppression, so without state
final class GuestStatus extends RuntimeException {
  static final int OK = 0;
  static final GuestStatus CAPABILITY_DENIED = new GuestStatus(-1);
  static final GuestStatus INVALID_MEMORY = new GuestStatus(-2);
  static final GuestStatus INVALID_PARAMETER = new GuestStatus(-3);
  static final GuestStatus LIMIT_EXCEEDED = new GuestStatus(-11);

  private final int status;

  GuestStatus(int status) {
    super("status " + status, null, false, false);
    this.status = status;
  }

  int status() {
    return status;
  }
}
