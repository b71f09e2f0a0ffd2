package io.vudo.spirit.internal.turn;

import io.vudo.protocol.Template;

/**
 * What a suspended turn waits for: a tuple of a space.
 *
 * @param take whether the tuple is to be held for taking, or only read
 * @param space the space's name
 * @param template what must match
 */
public record SpaceRequest(boolean take, String space, Template template) {
  /** The status of the guest's call when nothing matches. */
  public static final int NOT_FOUND = -9;

  /** The status of the guest's call when the space did not answer. */
  public static final int TIMEOUT = -10;
}
