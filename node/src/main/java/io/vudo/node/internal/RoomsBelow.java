package io.vudo.node.internal;

import com.typesafe.config.Config;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.DeploymentSource;
import io.vudo.spirit.Engine;
import io.vudo.spirit.CompiledModules;
import io.vudo.spirit.SpiritRuntime;
import io.vudo.tuplespace.Tuplespace;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorSystem;

/** The rooms as they are built in the modules below. */
public final class RoomsBelow implements Rooms {

  @Override
  public Data openData(Path directory) {
    throw new UnsupportedOperationException("journal");
  }

  @Override
  public Engine createEngine(String name, Config config) {
    throw new UnsupportedOperationException("engine");
  }

  @Override
  public AdmittedModule admit(byte[] module, SpiritLimits limits) {
    throw new UnsupportedOperationException("admission");
  }

  @Override
  public CompiledModules createModules(Engine engine) {
    throw new UnsupportedOperationException("modules");
  }

  @Override
  public Population populate(ActorSystem<?> system, DeploymentSource deployments, CompiledModules modules) {
    SpiritRuntime spirits = SpiritRuntime.create(system, deployments, modules);
    Tuplespace tuplespace = Tuplespace.start(system, spirits.holdResolver());
    spirits.start(tuplespace);
    return new Population(spirits, new JsonSpaces(tuplespace));
  }

  @Override
  public CompletionStage<List<SpiritId>> knownSpirits(ActorSystem<?> system) {
    throw new UnsupportedOperationException("journal");
  }
}
