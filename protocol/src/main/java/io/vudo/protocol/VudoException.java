package io.vudo.protocol;

import java.util.Objects;
import java.util.Optional;

/**
 * The one exception of VUDO: a stable {@link ErrorCode}, and a detail that says what exactly was
 * wrong this time. Its message reads {@code CODE: summary detail}.
 */
public final class VudoException extends RuntimeException {
  private final ErrorCode code;
  private final String detail;

  public VudoException(ErrorCode code, String detail) {
    this(code, detail, null);
  }

  public VudoException(ErrorCode code, String detail, Throwable cause) {
    super(code + ": " + code.summary() + (detail.isEmpty() ? "" : " " + detail), cause);
    this.code = Objects.requireNonNull(code);
    this.detail = detail;
  }

  public ErrorCode code() {
    return code;
  }

  /** What was wrong this time: a name, an offset, the two figures that do not fit. May be empty. */
  public String detail() {
    return detail;
  }

  /**
   * The code and the text of the Spirit itself, when it ended the turn by {@code fail}; empty for
   * every other failure. With {@code APPLICATION_ERROR} only: what was called by a dotted name says
   * it by {@link ProcessException#from}.
   */
  public Optional<GuestFailure> guestFailure() {
    return GuestFailure.of(toError());
  }

  /** This failure as a value that crosses the wire and the journal. */
  public VudoError toError() {
    return new VudoError(code, detail);
  }
}
