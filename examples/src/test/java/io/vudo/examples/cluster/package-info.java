/**
 * Clusters of real processes on one machine, with faults between and in them.
 *
 * <pre>
 *   ClusterProcesses   the nodes, the PostgreSQL that they share, and the network between them
 *   LinkProxy          the network in front of one node; cuts by who sends
 *   ClusterFault       what may happen to a cluster; {@code ClusterFaults} has those from outside
 *   LogCheck           what a log may say at WARN and ERROR meanwhile
 * </pre>
 *
 * <p>The callers and the checker are those of {@link io.vudo.examples.crash}.
 */
package io.vudo.examples.cluster;
