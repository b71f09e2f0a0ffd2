/**
 * How a space works. From the inside out:
 *
 * <ol>
 *   <li>{@link io.vudo.tuplespace.internal.TupleStore}: the tuples, their leases and holds; knows
 *       no identity, no journal, no clock. Found through {@link io.vudo.tuplespace.internal.Shelf},
 *       by its {@linkplain io.vudo.tuplespace.internal.FieldIndex indexes}.
 *   <li>{@link io.vudo.tuplespace.internal.Waiters}: those that wait for a tuple, by the order of
 *       their coming and by what they wait for.
 *   <li>{@link io.vudo.tuplespace.internal.SpaceState}: what is recognised as sent again, what is
 *       refused, which event an operation becomes.
 *   <li>{@link io.vudo.tuplespace.internal.SpaceLog}: one batch of operations, one commit, then the
 *       answers.
 *   <li>{@link io.vudo.tuplespace.internal.SpaceActor}: the bounded queue before it, and its
 *       recovery when the journal fails.
 * </ol>
 *
 * <p>{@link io.vudo.tuplespace.internal.LocalSpace} is made of the first two alone, and is used by
 * many threads.
 *
 * <p>The first three are plain classes of one thread, the last two Pekko actors.
 */
package io.vudo.tuplespace.internal;
