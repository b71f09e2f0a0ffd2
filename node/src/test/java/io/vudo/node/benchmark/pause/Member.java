package io.vudo.node.benchmark.pause;

import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;

/** One node of a side, with entities numbered from 0. Any thread may call. */
interface Member {
  /** Its {@code host:port} in the cluster. */
  String address();

  /** How many members of its cluster are up, and in its reach. */
  int membersUp();

  /** Once, before anything else on any node. */
  void prepare() throws Exception;

  /** Gives an entity its state, durably. */
  CompletionStage<?> fill(int entity, int bytes);

  /** Asks an entity; fails when there is no answer in time. */
  CompletionStage<?> ping(int entity);

  /** The entities in this process's memory. */
  Set<Integer> residents();

  /**
   * Moves an entity to another node by name.
   *
   * @throws UnsupportedOperationException when this side cannot
   */
  CompletionStage<?> move(int entity, String address);

  /** Leaves the cluster as one does on SIGTERM; returns when it has ended. */
  void leave() throws Exception;

  /** How long each entity that left this node since the last call was paused, in microseconds. */
  default List<Long> takePauses() {
    return List.of();
  }
}
