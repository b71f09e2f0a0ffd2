package io.vudo.spirit;

import io.vudo.protocol.SpiritId;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * Where in the cluster Spirits are, and how they get elsewhere. Thread-safe, never blocks.
 *
 * <p>A Spirit in memory moves with its state; callers wait for some milliseconds. One that is not
 * in memory has no place: the next message brings it up where its address is. A place that was
 * chosen by {@link #move} is kept for as long as the Spirit stays in memory, or until its node is
 * drained.
 *
 * <p>A node is named by {@code host:port} of its cluster port.
 */
public interface Relocations {

  /**
   * Moves one Spirit. What was sent to it before is handled before what is sent afterwards; nothing
   * of its state changes, and its turn that waits goes on waiting.
   *
   * <p>Fails, and leaves the Spirit where it is, with {@code NODE_UNKNOWN} when there is no such
   * node or it takes no Spirits, {@code SPIRIT_TYPE_UNKNOWN}, {@code SPIRIT_NOT_FOUND}, {@code
   * RELOCATION_FAILED}, or with whatever the new node says of the module or of one more instance.
   *
   * @param timeout how long to wait; the Spirit may still move afterwards
   */
  CompletionStage<Relocation> move(SpiritId id, String node, Duration timeout);

  /**
   * Moves all Spirits of a node to others, and keeps it free of Spirits until {@link #resume}, its
   * restart or its end.
   *
   * @param timeout how long to wait; the node goes on with it afterwards
   */
  CompletionStage<Drained> drain(String node, Duration timeout);

  /** Lets a node take Spirits again. */
  CompletionStage<Void> resume(String node, Duration timeout);

  /**
   * All nodes that take part, ordered by name; those that do not answer in time are left out.
   *
   * @param timeout how long to wait for the slowest
   */
  CompletionStage<List<HostStatus>> nodes(Duration timeout);

  /** This node. */
  CompletionStage<HostStatus> here(Duration timeout);

  /** The last moves from this node, the newest first; a bounded number. */
  List<Relocation> recent();

  /**
   * The last moves from all nodes, the newest first; what nodes that do not answer in time know is
   * left out.
   *
   * @param most how many
   * @param timeout how long to wait for the slowest
   */
  CompletionStage<List<Relocation>> recent(int most, Duration timeout);

  /**
   * Calls back for each move from this node, in order, until it is closed.
   *
   * @param listener is called on a thread of the node, and must neither block nor throw
   */
  AutoCloseable watch(Consumer<Relocation> listener);
}
