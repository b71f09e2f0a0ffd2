package io.vudo.examples.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.examples.crash.CrashNode;
import io.vudo.examples.crash.Door;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Callers at a cluster: each request goes to the next node that is there, so that what is sent
 * again goes to another one. Any thread may ask.
 */
final class ClusterDoor implements Door {
  /** To a process that is stopped goes less: its callers wait. */
  private static final int TO_STOPPED_ONE_IN = 16;

  private static final Duration PAUSE = Duration.ofMillis(50);

  private final List<ClusterNode> nodes;
  private final AtomicLong turn = new AtomicLong();

  ClusterDoor(List<ClusterNode> nodes) {
    this.nodes = List.copyOf(nodes);
  }

  @Override
  public JsonNode deploy(String type, byte[] module, String query) {
    return next().deploy(type, module, query);
  }

  @Override
  public byte[] askBytes(String spirit, String type, byte[] payload, String key) {
    return next().askBytes(spirit, type, payload, key);
  }

  @Override
  public String space(String space, String operation, String body, String key) {
    return next().space(space, operation, body, key);
  }

  @Override
  public JsonNode get(String path) {
    return next().get(path);
  }

  @Override
  public void awaitServing() {
    if (serving(false).isEmpty()) {
      LockSupport.parkNanos(PAUSE.toNanos());
    }
  }

  private List<CrashNode> serving(boolean alsoStopped) {
    List<CrashNode> serving = new ArrayList<>();
    for (ClusterNode node : nodes) {
      if (node.process().isServing() && (alsoStopped || !node.isPaused())) {
        serving.add(node.process());
      }
    }
    return serving;
  }

  private CrashNode next() {
    long number = turn.getAndIncrement();
    List<CrashNode> serving = serving(number % TO_STOPPED_ONE_IN == 0);
    if (serving.isEmpty()) {
      throw new VudoException(ErrorCode.NODE_UNREACHABLE, "No node is there.");
    }
    return serving.get((int) (number % serving.size()));
  }
}
