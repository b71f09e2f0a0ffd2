package io.vudo.embedded.internal;

import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritLimits;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.Engine;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.Engines;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.ModuleCache;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * The engines of this process and what they have compiled lately. An engine starts when it is first
 * used and stays; it has no threads while nothing runs. Thread-safe.
 */
public final class EmbeddedModules {
  /** Compiled modules that are kept, whether or not a Spirit runs them. */
  static final int MAX_MODULES = 32;

  private static final EmbeddedModules INSTANCE = new EmbeddedModules();

  private final Map<String, Engine> engines = new LinkedHashMap<>();
  private final ModuleCache compiled = new ModuleCache();

  /** How many are just loading a module; the least recently loaded first. */
  private final Map<ModuleDigest, Integer> loading = new LinkedHashMap<>(16, 0.75f, true);

  private EmbeddedModules() {}

  /** Those of this process. */
  public static EmbeddedModules ofProcess() {
    return INSTANCE;
  }

  /**
   * The engine of this name.
   *
   * @throws io.vudo.protocol.VudoException {@code CONFIG_INVALID}, listing those there are
   */
  public synchronized Engine engine(String name) {
    Engine engine = engines.get(name);
    if (engine == null) {
      engine = Engines.engineWithDefaults(name);
      engines.put(name, engine);
    }
    return engine;
  }

  /** An instance of an admitted module, compiled when it is not yet. No code of it has run. */
  public EngineInstance instantiate(
      AdmittedModule admitted,
      SpiritLimits limits,
      String engine,
      Function<AdmittedModule.Import, HostFunction> host) {
    Engine chosen = engine(engine);
    enter(admitted.digest());
    try {
      CompiledModule module = compiled.get(admitted.digest(), limits, chosen, () -> admitted);
      return module.instantiate(host);
    } finally {
      leave(admitted.digest());
    }
  }

  /** How many modules are kept. */
  synchronized int kept() {
    return loading.size();
  }

  private synchronized void enter(ModuleDigest digest) {
    loading.merge(digest, 1, Integer::sum);
  }

  private synchronized void leave(ModuleDigest digest) {
    loading.merge(digest, -1, Integer::sum);
    Iterator<Map.Entry<ModuleDigest, Integer>> eldest = loading.entrySet().iterator();
    int tooMany = loading.size() - MAX_MODULES;
    while (tooMany > 0 && eldest.hasNext()) {
      Map.Entry<ModuleDigest, Integer> entry = eldest.next();
      if (entry.getValue() == 0) {
        eldest.remove();
        // Its code stays until the last Spirit that runs it is closed.
        compiled.evict(entry.getKey());
        tooMany--;
      }
    }
  }
}
