package io.vudo.tuplespace;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.util.Comparator;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a space recognises an operation by when it is sent again, so that it counts once.
 *
 * <ul>
 *   <li>{@link #none()}: nothing; sent twice, it is done twice.
 *   <li>{@link #key}: an idempotency key that the caller chose. A space remembers the newest ones
 *       ({@code vudo.tuplespace.keys-remembered}). A take under a known key answers the same tuple
 *       again. A key of a caller can never be mistaken for a Spirit's operation.
 *   <li>{@link #turn}: the position of a write in the history of a Spirit. A space remembers the
 *       newest position of each Spirit only, so <b>a Spirit delivers its writes to one {@linkplain
 *       Tuplespace#partOf part} of a space in order</b>: the next one leaves after the one before
 *       is acknowledged, or names it as {@code previous}, and then the space refuses what arrives
 *       before its predecessor.
 * </ul>
 */
public sealed interface OperationId permits OperationId.None, OperationId.Key, OperationId.Turn {

  /** The longest key, in characters. */
  int MAX_KEY_LENGTH = 256;

  /** No identity. */
  static OperationId none() {
    return None.NONE;
  }

  /**
   * An idempotency key of 1 to {@value #MAX_KEY_LENGTH} characters.
   *
   * @throws VudoException {@code REQUEST_INVALID}
   */
  static OperationId key(String key) {
    return new Key(key);
  }

  /**
   * A write of a Spirit whose earlier writes to the space are all acknowledged.
   *
   * @param sender the Spirit that writes
   * @param turn the number of its turn, counting from 1
   * @param index the place among the effects of the turn, counting from 0
   * @throws VudoException {@code REQUEST_INVALID} for a negative number
   */
  static OperationId turn(SpiritId sender, long turn, int index) {
    return new Turn(sender, new Position(turn, index), Position.NONE);
  }

  /**
   * A write of a Spirit that may arrive only after {@code previous}: the newest of its earlier
   * writes to this part of the space that is not acknowledged.
   *
   * @throws VudoException {@code REQUEST_INVALID} when {@code previous} is not before {@code
   *     position}
   */
  static OperationId turn(SpiritId sender, Position position, Position previous) {
    return new Turn(sender, position, previous);
  }

  /**
   * Reads {@code TYPE/ID#TURN#INDEX}, as {@link Turn#toString} writes it.
   *
   * @throws VudoException {@code REQUEST_INVALID}
   */
  static OperationId parseTurn(String text) {
    Matcher matcher = Turn.TEXT.matcher(text);
    if (!matcher.matches()) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID, "An operation of a Spirit is TYPE/ID#TURN#INDEX.");
    }
    try {
      return turn(
          SpiritId.parse(matcher.group(1)),
          Long.parseLong(matcher.group(2)),
          Integer.parseInt(matcher.group(3)));
    } catch (NumberFormatException e) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "A number is too large.", e);
    }
  }

  /** The one operation id that says nothing. */
  enum None implements OperationId {
    NONE
  }

  /** See {@link OperationId#key}. */
  record Key(String key) implements OperationId {
    public Key {
      if (key.isEmpty() || key.length() > MAX_KEY_LENGTH) {
        throw new VudoException(
            ErrorCode.REQUEST_INVALID,
            "An idempotency key has 1 to " + MAX_KEY_LENGTH + " characters.");
      }
    }
  }

  /** See {@link OperationId#turn}; {@code previous} is {@link Position#NONE} when there is none. */
  record Turn(SpiritId sender, Position position, Position previous) implements OperationId {
    private static final Pattern TEXT = Pattern.compile("([^#]+)#([0-9]{1,19})#([0-9]{1,10})");

    public Turn {
      Objects.requireNonNull(sender);
      if (!previous.equals(Position.NONE) && previous.compareTo(position) >= 0) {
        throw new VudoException(
            ErrorCode.REQUEST_INVALID, previous + " does not come before " + position + ".");
      }
    }

    /** {@code TYPE/ID#TURN#INDEX}. */
    @Override
    public String toString() {
      return sender + "#" + position.turn() + "#" + position.index();
    }
  }

  /**
   * A place in a Spirit's history.
   *
   * @param turn the number of the turn, counting from 1
   * @param index the place among the effects of the turn, counting from 0
   */
  record Position(long turn, int index) implements Comparable<Position> {
    /** Before every position. */
    public static final Position NONE = new Position(0, 0);

    private static final Comparator<Position> ORDER =
        Comparator.comparingLong(Position::turn).thenComparingInt(Position::index);

    public Position {
      if (turn < 0 || index < 0) {
        throw new VudoException(
            ErrorCode.REQUEST_INVALID, "There is no position " + turn + "#" + index + ".");
      }
    }

    @Override
    public int compareTo(Position other) {
      return ORDER.compare(this, other);
    }
  }
}
