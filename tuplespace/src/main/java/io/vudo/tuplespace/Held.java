package io.vudo.tuplespace;

import io.vudo.protocol.Tuple;

/**
 * A tuple that a Spirit holds.
 *
 * @param hold the full name of the hold, for {@link Tuplespace#confirm} and {@link
 *     Tuplespace#release}
 * @param tuple the tuple
 */
public record Held(String hold, Tuple tuple) {}
