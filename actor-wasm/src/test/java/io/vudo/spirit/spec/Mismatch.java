package io.vudo.spirit.spec;

/** A command that did not do what the suite says. */
final class Mismatch extends RuntimeException {
  final String expected;
  final String actual;

  Mismatch(String expected, String actual) {
    super("expected " + expected + ", got " + actual, null, false, false);
    this.expected = expected;
    this.actual = actual;
  }
}
