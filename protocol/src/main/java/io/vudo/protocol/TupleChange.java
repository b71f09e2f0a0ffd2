package io.vudo.protocol;

import java.util.Objects;
import java.util.Optional;

/**
 * What one that watches a space is told.
 *
 * <p>The changes of tuples that share arity and first field come in the order in which they
 * happened. A tuple that a turn or a transaction took is removed when that commits, and one that a
 * transaction wrote is added then.
 *
 * @param kind what happened
 * @param tuple the tuple; empty when {@code kind} is {@link Kind#MISSED}
 */
public record TupleChange(Kind kind, Optional<Tuple> tuple) {
  /** What happened to a tuple. */
  public enum Kind {
    /** It was written, and is in sight. */
    ADDED("added"),
    /** It was taken, or its lease was cancelled. */
    REMOVED("removed"),
    /** Its lease ended. */
    EXPIRED("expired"),
    /**
     * Not of a tuple: a part of the space restarted or moved, and changes may have been missed.
     * Whoever keeps a copy of the space should read it again.
     */
    MISSED("missed");

    private final String text;

    Kind(String text) {
      this.text = text;
    }

    /** As people and guests read it. */
    public String text() {
      return text;
    }
  }

  public TupleChange {
    Objects.requireNonNull(kind);
    if (tuple.isPresent() == (kind == Kind.MISSED)) {
      throw new IllegalArgumentException(kind + " with " + tuple);
    }
  }

  /** That changes may have been missed. */
  public static TupleChange missed() {
    return new TupleChange(Kind.MISSED, Optional.empty());
  }

  /** A change of {@code tuple}. */
  public static TupleChange of(Kind kind, Tuple tuple) {
    return new TupleChange(kind, Optional.of(tuple));
  }
}
