package io.vudo.spirit.internal.history;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Configured;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.CompiledModules;
import io.vudo.spirit.internal.turn.Configurations;
import io.vudo.spirit.internal.turn.ModuleSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A module that is not deployed and that only one machine runs, whatever module the configuration
 * names. One caller at a time.
 */
final class PrivateModule implements ModuleSource, AutoCloseable {
  private static final List<String> NEEDED =
      List.of("spirit_abi_1", "spirit_alloc", "spirit_handle");

  private record Key(String engine, SpiritLimits limits) {}

  private final CompiledModules compiler;
  private final byte[] module;
  private final String digest;
  private final Map<Key, CompiledModule> compiled = new HashMap<>();

  PrivateModule(CompiledModules compiler, byte[] module) {
    this.compiler = compiler;
    this.module = module;
    this.digest = ModuleDigest.of(module).hex();
  }

  /** SHA-256 of the module, 64 hexadecimal digits. */
  String digest() {
    return digest;
  }

  @Override
  public CompiledModule load(Configured configured) {
    return compiled.computeIfAbsent(
        new Key(configured.getEngine(), Configurations.limits(configured)), this::compile);
  }

  private CompiledModule compile(Key key) {
    CompiledModule fresh = compiler.compile(module, key.engine(), key.limits());
    for (String name : NEEDED) {
      if (!fresh.module().exportedFunctions().containsKey(name)) {
        fresh.close();
        throw new VudoException(ErrorCode.MODULE_ABI_MISSING, "Missing: " + name + ".");
      }
    }
    return fresh;
  }

  @Override
  public void close() {
    compiled.values().forEach(CompiledModule::close);
    compiled.clear();
  }
}
