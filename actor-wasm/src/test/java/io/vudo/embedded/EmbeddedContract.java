package io.vudo.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.AfterEach;

/** On which engines the tests run, and that each frees what it has loaded. */
abstract class EmbeddedContract {
  static final String WASMTIME = "wasmtime";
  static final String JVM = "jvm";

  @AfterEach
  void everyInstanceIsFreed() {
    assertEquals(0, Guests.live(WASMTIME), "instances of wasmtime that are left");
    assertEquals(0, Guests.live(JVM), "instances of jvm that are left");
  }
}
