package io.vudo.protocol;

import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a Spirit says of itself when it ends a turn by {@code fail}: a code of its own, of which the
 * host knows nothing, and a text. It travels as the detail of {@code APPLICATION_ERROR}, {@code
 * Code 404: no such order}, in the journal, between nodes and to callers.
 *
 * @param code the Spirit's own
 * @param message for people; may be empty
 */
public record GuestFailure(int code, String message) {
  private static final Pattern DETAIL = Pattern.compile("Code (-?\\d{1,10}): (.*)", Pattern.DOTALL);

  public GuestFailure {
    Objects.requireNonNull(message);
  }

  /** The one form that travels: {@code Code 404: no such order}. */
  public String detail() {
    return "Code " + code + ": " + message;
  }

  /** Reads {@link #detail}; empty for any other error, and for what is none. */
  public static Optional<GuestFailure> of(VudoError error) {
    if (error.code() != ErrorCode.APPLICATION_ERROR) {
      return Optional.empty();
    }
    Matcher matcher = DETAIL.matcher(error.detail());
    if (!matcher.matches()) {
      return Optional.empty();
    }
    try {
      return Optional.of(new GuestFailure(Integer.parseInt(matcher.group(1)), matcher.group(2)));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }
}
