package io.vudo.node;

import io.vudo.node.internal.NodeAssembly;
import io.vudo.node.process.ProcessRegistry;
import io.vudo.spirit.Spirits;
import io.vudo.tuplespace.Tuplespace;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorSystem;

/**
 * A running node. Thread-safe.
 *
 * @see io.vudo.node the package's page for an example
 */
public final class VudoNode implements AutoCloseable {
  private final NodeAssembly assembly;

  private VudoNode(NodeAssembly assembly) {
    this.assembly = assembly;
  }

  /**
   * Starts a node, and returns when it serves.
   *
   * @throws io.vudo.protocol.VudoException {@code DATA_DIR_IN_USE}, {@code DATA_DIR_UNUSABLE},
   *     {@code ADDRESS_IN_USE}, {@code CONFIG_INVALID}, {@code JOURNAL_UNAVAILABLE}, {@code
   *     JOURNAL_CORRUPT}; nothing stays open or running then
   */
  public static VudoNode start(NodeSettings settings) {
    return start(settings, new ProcessRegistry());
  }

  /**
   * Starts a node, and returns when it serves.
   *
   * @param processes what Java code answers under dotted names, from the first turn on; providers
   *     of the class path are added to it. Of one node only
   * @throws io.vudo.protocol.VudoException as {@link #start(NodeSettings)}
   */
  public static VudoNode start(NodeSettings settings, ProcessRegistry processes) {
    return new VudoNode(NodeAssembly.start(settings, processes));
  }

  /** What Java code answers under dotted names; may be changed while the node runs. */
  public ProcessRegistry processes() {
    return assembly.processes();
  }

  /** Where the gateway listens; the real port, also when 0 was asked for. */
  public URI httpAddress() {
    return assembly.httpAddress();
  }

  /** Where it takes calls by gRPC; the real port. Empty when {@code vudo.grpc} is off. */
  public Optional<InetSocketAddress> grpcAddress() {
    return assembly.grpcAddress();
  }

  /**
   * The door to the Spirits for code of the same JVM, as {@code POST /v1/spirits/…} is for others.
   */
  public Spirits spirits() {
    return assembly.spirits();
  }

  /** The spaces of the cluster, for code of the same JVM. */
  public Tuplespace tuplespace() {
    return assembly.tuplespace();
  }

  /** The actor system, for actors of one's own beside the Spirits. */
  public ActorSystem<?> system() {
    return assembly.system();
  }

  /**
   * Completes when the node has ended, whoever ended it: {@link #close}, or the cluster that put it
   * out.
   */
  public CompletionStage<Void> whenEnded() {
    return assembly.whenEnded();
  }

  /** Ends the node cleanly and waits for it; may be called more than once, from any thread. */
  @Override
  public void close() {
    assembly.close();
  }
}
