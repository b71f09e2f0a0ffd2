package io.vudo.spirit.internal.turn;

import io.vudo.protocol.journal.v1.Position;
import java.util.Comparator;

/** The order of messages that one sender sent: by turn, then by index in the turn. */
final class Positions {
  static final Comparator<Position> ORDER =
      Comparator.comparingLong(Position::getTurn).thenComparingInt(Position::getIndex);

  private Positions() {}

  static boolean notAfter(Position one, Position other) {
    return ORDER.compare(one, other) <= 0;
  }
}
