/**
 * Whether a tuplespace is one: histories of concurrent operations, from threads of one process and
 * from a cluster that is killed, paused and handed over, and checkers that read them.
 *
 * <pre>
 *   SpaceNode            a node of a cluster, as a process; SpaceCluster starts and hurts three
 *   Callers              what is asked of them, and the {@link
 *                        io.vudo.tuplespace.linearizability.Operation}s that became of it
 *   LinearizabilityChecker   small histories, exactly: is there an order of one at a time?
 *   UniqueTuplesChecker      long histories of tuples that are all different, rule by rule
 * </pre>
 *
 * <p>An operation whose end nobody knows, because its node was killed, say, is {@code OPEN}: it may
 * have happened, may happen any time later, or never.
 */
package io.vudo.tuplespace.linearizability;
