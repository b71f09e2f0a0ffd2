package io.vudo.node.internal;

import com.typesafe.config.Config;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.DeploymentSource;
import io.vudo.spirit.Engine;
import io.vudo.spirit.CompiledModules;
import io.vudo.spirit.Spirits;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorSystem;

/**
 * The rooms below the node, in the order in which a node moves in: the data directory with its
 * journal, an engine, and on top of a running actor system the spaces and the Spirits. What a node
 * is made of is said here, and a test puts others in their place.
 */
public interface Rooms {

  /**
   * Takes a data directory for this process.
   *
   * @throws io.vudo.protocol.VudoException {@code DATA_DIR_IN_USE}, {@code DATA_DIR_UNUSABLE}
   */
  Data openData(Path directory);

  /** A data directory that this process holds until it closes it. */
  interface Data extends AutoCloseable {
    /** The persistence plugins that keep journal and snapshots in the directory. */
    Config persistence();

    @Override
    void close();
  }

  /**
   * Makes an engine by its name.
   *
   * @throws io.vudo.protocol.VudoException {@code CONFIG_INVALID} when there is none of this name
   */
  Engine createEngine(String name, Config config);

  /** Checks a module and rewrites it; what is wrong with it is thrown as a typed error. */
  AdmittedModule admit(byte[] module, SpiritLimits limits);

  /** What compiles a module once for all Spirits that run it. */
  CompiledModules createModules(Engine engine);

  /** Opens the tuplespace and the Spirits on a system that is a member of its cluster. */
  Population populate(ActorSystem<?> system, DeploymentSource deployments, CompiledModules modules);

  /**
   * Who lives on the node.
   *
   * @param spirits the Spirits
   * @param spaces the tuplespace
   */
  record Population(Spirits spirits, Spaces spaces) {}

  /** The ids of all Spirits that the journal knows, resident or not, ordered. */
  CompletionStage<List<SpiritId>> knownSpirits(ActorSystem<?> system);
}
