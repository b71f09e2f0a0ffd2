package io.vudo.protocol;

import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How a function behind a dotted name says that it will not do what it was asked to: a status of
 * its own, mostly one of HTTP's, and a text. It is written {@code Exception|404:no such order},
 * wherever it goes: to a guest's {@code process}, over HTTP, to {@code VudoClient}.
 *
 * <p>A Loa function throws it. A caller gets it out of the {@link VudoException} that its call
 * failed with, by {@link #from}.
 */
public final class ProcessException extends RuntimeException {
  private static final String PREFIX = "Exception|";
  private static final Pattern TEXT =
      Pattern.compile("Exception\\|(-?\\d{1,9}):(.*)", Pattern.DOTALL);

  private static final int GUESTS_OWN = 500;

  private final int status;
  private final String reason;

  /**
   * A failure.
   *
   * @param status what kind of failure; the numbers of HTTP mean the same to everybody
   * @param reason for people
   */
  public ProcessException(int status, String reason) {
    this(status, reason, null);
  }

  /** A failure with what caused it, which stays in this process's log. */
  public ProcessException(int status, String reason, Throwable cause) {
    super(PREFIX + status + ":" + Objects.requireNonNull(reason), cause);
    this.status = status;
    this.reason = reason;
  }

  /** What kind of failure, mostly one of HTTP's numbers. */
  public int status() {
    return status;
  }

  /** The text for people. */
  public String reason() {
    return reason;
  }

  /** The one form that crosses: {@code Exception|404:no such order}. */
  public String text() {
    return PREFIX + status + ":" + reason;
  }

  /** Reads {@link #text()}; empty when it is something else. */
  public static Optional<ProcessException> parse(String text) {
    Matcher matcher = TEXT.matcher(text);
    return matcher.matches()
        ? Optional.of(new ProcessException(Integer.parseInt(matcher.group(1)), matcher.group(2)))
        : Optional.empty();
  }

  /** What stood behind the name and failed; empty when the call failed for another reason. */
  public static Optional<ProcessException> from(VudoException failure) {
    return failure.code() == ErrorCode.PROCESS_FAILED ? parse(failure.detail()) : Optional.empty();
  }

  /**
   * An error in the same form, so that a guest finds one form only: what the function itself says
   * is kept, and of any other error the status is that of HTTP, and the text begins with the code.
   */
  public static ProcessException of(VudoError error) {
    if (error.code() == ErrorCode.PROCESS_FAILED) {
      return parse(error.detail())
          .orElseGet(() -> new ProcessException(GUESTS_OWN, error.detail()));
    }
    if (error.code() == ErrorCode.APPLICATION_ERROR) {
      return GuestFailure.of(error)
          .map(own -> new ProcessException(own.code(), own.message()))
          .orElseGet(() -> new ProcessException(GUESTS_OWN, error.detail()));
    }
    return new ProcessException(error.code().httpStatus(), error.code() + ": " + error.detail());
  }

  /** This failure as a value that crosses the wire. */
  public VudoError toError() {
    return new VudoError(ErrorCode.PROCESS_FAILED, text());
  }
}
