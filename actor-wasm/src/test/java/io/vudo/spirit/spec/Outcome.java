package io.vudo.spirit.spec;

/** How one command of the suite ended. */
enum Outcome {
  PASSED,
  FAILED,
  SKIPPED
}
