package io.vudo.spirit.internal.turn;

/**
 * A status that a host function answers with, thrown inside of it. Statuses carry no stack trace: a
 * hostile guest may cause millions of them. Those here are the flat ABI's.
 */
@SuppressWarnings("StaticAssignmentOfThrowable") // without trace and suppression, so without state
public final class GuestStatus extends RuntimeException {
  /** Done. */
  public static final int OK = 0;

  static final GuestStatus CAPABILITY_DENIED = new GuestStatus(-1);
  static final GuestStatus INVALID_MEMORY = new GuestStatus(-2);
  static final GuestStatus INVALID_PARAMETER = new GuestStatus(-3);
  static final GuestStatus BUFFER_TOO_SMALL = new GuestStatus(-7);
  static final GuestStatus LIMIT_EXCEEDED = new GuestStatus(-11);

  // Those that answers carry

  /** What was asked for cannot be. */
  public static final int INVALID = -3;

  /** The node failed. */
  public static final int INTERNAL = -8;

  /** There is no such Spirit or tuple. */
  public static final int NOT_FOUND = -9;

  /** The time to wait is over. */
  public static final int TIMEOUT = -10;

  /** A limit of another Spirit or space. */
  public static final int LIMIT = -11;

  /** The turn of the Spirit that was asked failed. */
  public static final int FAILED = -12;

  private final int status;

  GuestStatus(int status) {
    super("status " + status, null, false, false);
    this.status = status;
  }

  int status() {
    return status;
  }
}
