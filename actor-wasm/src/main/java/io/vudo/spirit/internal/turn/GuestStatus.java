package io.vudo.spirit.internal.turn;

/**
 * The status codes of the flat ABI, thrown inside a host function to answer the guest. They carry
 * no stack trace: a hostile guest may cause millions of them.
 */
@SuppressWarnings("StaticAssignmentOfThrowable") // without trace and suppression, so without state
final class GuestStatus extends RuntimeException {
  static final int OK = 0;
  static final GuestStatus CAPABILITY_DENIED = new GuestStatus(-1);
  static final GuestStatus INVALID_MEMORY = new GuestStatus(-2);
  static final GuestStatus INVALID_PARAMETER = new GuestStatus(-3);
  static final GuestStatus LIMIT_EXCEEDED = new GuestStatus(-11);

  private final int status;

  private GuestStatus(int status) {
    super("status " + status, null, false, false);
    this.status = status;
  }

  int status() {
    return status;
  }
}
