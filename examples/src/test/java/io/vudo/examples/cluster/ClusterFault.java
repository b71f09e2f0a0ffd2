package io.vudo.examples.cluster;

import java.util.Random;

/**
 * One thing that happens to a cluster under load.
 *
 * <p>It leaves the cluster in any state from which {@link ClusterProcesses#recover} can bring it
 * back. What it chooses comes from the {@code random}.
 */
interface ClusterFault {
  /** A word for the report. */
  String name();

  /** How often it is chosen, compared with the others. */
  default int weight() {
    return 10;
  }

  /** Does it, and returns when there is nothing left to do but to recover. */
  void strike(ClusterProcesses cluster, Random random) throws InterruptedException;
}
