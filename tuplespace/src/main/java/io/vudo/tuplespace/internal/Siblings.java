package io.vudo.tuplespace.internal;

/** The way from one partition of a space to the others, and to itself. */
@FunctionalInterface
public interface Siblings {
  /** Sends a command; it can get lost. */
  void tell(int partition, SpaceCommand command);
}
