/**
 * What a node must not forget: turns and snapshots of Spirits, in SQLite files under its data
 * directory or in a PostgreSQL database that a cluster shares, through the plugin
 * pekko-persistence-jdbc.
 *
 * <h2>What is durable when</h2>
 *
 * <p>An event is durable when {@code persist} calls back. By then the commit that holds it was
 * appended to the database's log and {@code fsync} had returned: the disk has confirmed it. Neither
 * {@code kill -9} nor a power failure takes it away, as far as the disk keeps what it confirms.
 * Events of many actors that arrive while one commit is being written share the next one.
 *
 * <p>An event whose {@code persist} failed may or may not be there after a restart; nobody was told
 * that it is. The same holds for those under way when the process died.
 *
 * <p>A snapshot is durable in the same way when it is reported as saved. It is a shortcut only: if
 * one is lost or damaged, the one before it and the events after that give the same state.
 *
 * <h2>How to use it</h2>
 *
 * <pre>{@code
 * Config config = ConfigFactory.load();   // vudo.journal.url decides where
 * try (DataDirectory data = DataDirectory.open(Path.of("data"));
 *     Journal journal = Journals.open(data, config)) {
 *   ActorSystem<Void> system =
 *       ActorSystem.create(guardian, "vudo", journal.config().withFallback(config));
 * }
 * }</pre>
 *
 * <p>Any {@code EventSourcedBehavior} of that system is durable then. A Spirit's events are {@code
 * io.vudo.protocol.journal.v1.SpiritEvent}; any other event needs a serializer of its own, since
 * Java serialization is off.
 *
 * <p>A persistence id has one writer at each position of its journal. Of two that both believe they
 * own it, one is rejected with {@code SPIRIT_FENCED}; see {@link io.vudo.journal.HandedStates} for
 * how it goes from one node to another.
 *
 * <h2>Snapshots of a memory</h2>
 *
 * <p>A {@link io.vudo.journal.PageTracker} follows a linear memory, a {@link
 * io.vudo.journal.SnapshotChain} makes each {@link io.vudo.journal.StateSnapshot} of it, full or
 * only what changed. Recovery always gets a full one:
 *
 * <pre>{@code
 * tracker.update(memory);                                          // after each turn
 * StateSnapshot next = chain.take(sequenceNumber, header, tracker);  // every 100 turns
 * ...
 * tracker.loadFrom(recovered);                                     // at recovery
 * chain.recovered(recovered);
 * tracker.restoreInto(memory);
 * }</pre>
 *
 * <p>Every snapshot carries a CRC32C. One that does not pass, or that builds on one that does not,
 * is skipped with a warning that names {@code SNAPSHOT_CORRUPT}, the persistence id and the
 * sequence number. Behind each new full snapshot one older chain is kept, whatever an actor's own
 * retention says.
 */
package io.vudo.journal;
