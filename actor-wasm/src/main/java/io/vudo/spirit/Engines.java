package io.vudo.spirit;

import com.typesafe.config.Config;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.internal.jvm.JvmEngine;
import io.vudo.spirit.internal.wasmtime.WasmtimeEngine;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Function;

/**
 * The engines of a node, with the wall in front of them and the modules that they have compiled.
 *
 * <p>A module is compiled once for each engine and each set of limits that its code depends on
 * (memory, tables, call depth), however many Spirits run it and however many ask at once. Compiled
 * code is kept in memory until this is closed, and on disk beyond that. Thread-safe.
 */
public final class Engines implements CompiledModules, AutoCloseable {
  private static final String WASMTIME = "wasmtime";
  private static final String JVM = "jvm";

  private final Admission admission;
  private final Map<String, Engine> engines = new LinkedHashMap<>();
  private final ModuleCache compiled = new ModuleCache();

  private Engines(Admission admission, Engine... engines) {
    this.admission = admission;
    for (Engine engine : engines) {
      this.engines.put(engine.name(), engine);
    }
  }

  /**
   * The engines as {@code vudo.engine} and {@code vudo.limits} of a configuration say.
   *
   * @param cacheDirectory where compiled code is kept between runs; nobody else may write there
   * @throws VudoException {@code CONFIG_INVALID}, {@code DATA_DIR_UNUSABLE}
   */
  public static Engines create(Config config, Path cacheDirectory) {
    int maxInstances = config.getInt("vudo.spirit.max-instances");
    OptionalInt instances = maxInstances == 0 ? OptionalInt.empty() : OptionalInt.of(maxInstances);
    long heapBytes = config.getBytes("vudo.engine.jvm.max-heap-bytes");
    Duration compileTimeout = config.getDuration("vudo.engine.compile-timeout");
    return new Engines(
        new Admission(bytes(config, "vudo.limits.max-module-bytes")),
        new WasmtimeEngine(
            new WasmtimeEngine.Options(
                Optional.of(cacheDirectory.resolve(WASMTIME)), instances, compileTimeout)),
        new JvmEngine(
            new JvmEngine.Options(
                Optional.of(cacheDirectory.resolve(JVM)),
                instances,
                heapBytes == 0 ? OptionalLong.empty() : OptionalLong.of(heapBytes),
                bytes(config, "vudo.engine.jvm.max-module-bytes"),
                compileTimeout)));
  }

  private static int bytes(Config config, String path) {
    return (int) Math.min(Integer.MAX_VALUE, config.getBytes(path));
  }

  /** The engines with all defaults and no cache on disk: for tools and tests. */
  public static Engines withDefaults() {
    return new Engines(
        new Admission(),
        new WasmtimeEngine(WasmtimeEngine.Options.DEFAULTS),
        new JvmEngine(JvmEngine.Options.DEFAULTS));
  }

  /**
   * One engine with all defaults and no cache on disk. The other one is not touched: {@code jvm}
   * works where there is no native library of {@code wasmtime}.
   *
   * @throws VudoException {@code CONFIG_INVALID}, listing those there are
   */
  public static Engine engineWithDefaults(String name) {
    return switch (name) {
      case WASMTIME -> new WasmtimeEngine(WasmtimeEngine.Options.DEFAULTS);
      case JVM -> new JvmEngine(JvmEngine.Options.DEFAULTS);
      default -> throw unknown(name, names());
    };
  }

  private static VudoException unknown(String name, Collection<String> known) {
    return new VudoException(
        ErrorCode.CONFIG_INVALID,
        "There is no engine \"" + name + "\"; there is " + String.join(", ", known) + ".");
  }

  /** What engines there are, the default first. */
  public static List<String> names() {
    return List.of(WASMTIME, JVM);
  }

  /**
   * The engine of this name.
   *
   * @throws VudoException {@code CONFIG_INVALID}, listing those there are
   */
  @Override
  public Engine engine(String name) {
    Engine engine = engines.get(name);
    if (engine == null) {
      throw unknown(name, engines.keySet());
    }
    return engine;
  }

  /** The modules that they have compiled, and how often they did. */
  public ModuleCache modules() {
    return compiled;
  }

  /**
   * Checks a module that may import the host functions of Spirits, and rewrites it.
   *
   * @throws VudoException as {@link Admission#admit}
   */
  public AdmittedModule admit(byte[] module, SpiritLimits limits) {
    return admission.admit(module, limits, SpiritAbi::find);
  }

  @Override
  public CompiledModule load(
      ModuleDigest digest,
      Function<ModuleDigest, byte[]> bytes,
      String engine,
      SpiritLimits limits) {
    return compiled.get(digest, limits, engine(engine), () -> admit(bytes.apply(digest), limits));
  }

  @Override
  public CompiledModule compile(byte[] module, String engine, SpiritLimits limits) {
    return engine(engine).compile(admit(module, limits));
  }

  /** Frees compiled code and stops the engines. All instances must be closed before. */
  @Override
  public void close() {
    compiled.close();
    engines.values().forEach(Engine::close);
  }
}
