package io.vudo.spirit.spec;

/** A command that cannot be judged; the message is the reason, the same for all of its kind. */
final class Skip extends RuntimeException {
  Skip(String reason) {
    super(reason, null, false, false);
  }
}
