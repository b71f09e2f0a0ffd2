package io.vudo.spirit;

/** An actor that Spirits know by name. Ends with the actor, or with its service. Thread-safe. */
public interface ActorRegistration extends AutoCloseable {
  /** The name; Spirits write {@code actor/NAME}. */
  String name();

  /**
   * Takes the name back. What the actor has not acknowledged is sent again, to another one of this
   * name or when there is one. An actor that was registered by its behavior is stopped.
   */
  @Override
  void close();
}
