package io.vudo.protocol;

import java.util.Objects;

/**
 * A failure as a value: what {@link VudoException} throws, this one answers.
 *
 * @param code the stable code
 * @param detail what was wrong this time; may be empty
 */
public record VudoError(ErrorCode code, String detail) {
  public VudoError {
    Objects.requireNonNull(code);
    Objects.requireNonNull(detail);
  }

  public VudoException toException() {
    return new VudoException(code, detail);
  }

  @Override
  public String toString() {
    return code + ": " + code.summary() + (detail.isEmpty() ? "" : " " + detail);
  }
}
