package io.vudo.spirit.internal.wasmtime;

import io.github.kawamuray.wasmtime.Config;
import io.github.kawamuray.wasmtime.Module;
import io.github.kawamuray.wasmtime.OptLevel;
import io.github.kawamuray.wasmtime.WasmtimeException;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.internal.engine.GuestEngine;
import io.vudo.spirit.internal.wasm.MailboxModule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** The engine that compiles with Wasmtime's Cranelift. */
public final class WasmtimeEngine extends GuestEngine {

  /** The stack that a guest may use, in bytes: the most that the binding allows. */
  private static final long GUEST_STACK_BYTES = 2L << 20;

  private static final long GUARD_BYTES = 64L << 10;

  /** Mappings that are left to the JVM: its heap, threads, libraries and compiled modules. */
  private static final long RESERVED_MAPPINGS = 10_000;

  private static final int PROBES = 16;

  /** Each instance reserves twice 4 GiB of the address space of 128 TiB; a quarter stays free. */
  private static final long ADDRESS_SPACE_INSTANCES = 12_000;

  /** Where the system does not tell how many mappings it allows. */
  private static final long DEFAULT_INSTANCES = 4_000;

  /**
   * How an engine is set up.
   *
   * @param cacheDirectory where compiled code is kept between runs; whoever can write there can run
   *     code in this process
   * @param maxInstances how many instances may live; it can lower what the system allows, not raise
   *     it
   * @param compileTimeout how long one compilation may take
   */
  public record Options(
      Optional<Path> cacheDirectory, OptionalInt maxInstances, Duration compileTimeout) {
    /** No cache on disk, as many instances as the system allows, 60 s to compile. */
    public static final Options DEFAULTS =
        new Options(Optional.empty(), OptionalInt.empty(), Duration.ofSeconds(60));
  }

  private final io.github.kawamuray.wasmtime.Engine engine;
  private final Module mailbox;
  private final int maxInstances;
  private final String maxInstancesReason;

  /**
   * Starts an engine.
   *
   * @throws VudoException {@code DATA_DIR_UNUSABLE} when the cache directory cannot be used
   */
  public WasmtimeEngine(Options options) {
    super(options.compileTimeout());
    NativeLibrary.load();
    this.engine = new io.github.kawamuray.wasmtime.Engine(config(options));
    this.mailbox = new Module(engine, MailboxModule.bytes());
    long possible = possibleInstances();
    this.maxInstances = (int) Math.min(possible, options.maxInstances().orElse(Integer.MAX_VALUE));
    this.maxInstancesReason =
        maxInstances < possible
            ? "vudo.spirit.max-instances"
            : possible == ADDRESS_SPACE_INSTANCES
                ? "the address space holds no more"
                : "vm.max_map_count is " + Mappings.limit();
  }

  private static Config config(Options options) {
    Config config = new Config();
    config
        .maxWasmStack(GUEST_STACK_BYTES)
        .wasmThreads(false)
        .wasmReferenceTypes(true)
        .wasmBulkMemory(true)
        .wasmMultiValue(true)
        .wasmSimd(true)
        .craneliftNanCanonicalization(false)
        .craneliftOptLevel(OptLevel.SPEED)
        // Memory never moves and needs no bounds check: the whole address space of a guest is set
        // aside. It costs addresses, not memory; small guards keep 12,000 instances possible.
        .dynamicMemoryGuardSize(GUARD_BYTES)
        .staticMemoryGuardSize(GUARD_BYTES);
    if (options.cacheDirectory().isPresent()) {
      Path directory = options.cacheDirectory().get();
      try {
        config.cacheConfigLoad(cacheConfiguration(directory));
      } catch (IOException | WasmtimeException e) {
        throw new VudoException(ErrorCode.DATA_DIR_UNUSABLE, directory.toString(), e);
      }
    }
    return config;
  }

  private static Path cacheConfiguration(Path directory) throws IOException {
    Files.createDirectories(directory);
    Path root = directory.toRealPath();
    if (Files.getFileStore(root).supportsFileAttributeView("posix")) {
      // What lies in the cache is run as it is.
      Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwx------"));
    }
    String quoted = root.toString().replace("\\", "\\\\").replace("\"", "\\\"");
    Path file = root.resolve("cache.toml");
    Files.writeString(file, "[cache]\nenabled = true\ndirectory = \"" + quoted + "\"\n");
    return file;
  }

  /** Counts what instances take, so that the limit holds on this system, not on another. */
  private long possibleInstances() {
    long limit = Mappings.limit();
    long before = Mappings.used();
    if (limit < 0 || before < 0) {
      return DEFAULT_INSTANCES;
    }
    List<NativeInstance> probes = new ArrayList<>();
    try (Module probe = new Module(engine, MailboxModule.probe())) {
      for (int i = 0; i < PROBES; i++) {
        probes.add(new NativeInstance(engine, mailbox, probe, () -> {}));
      }
      long taken = Math.max(1, Mappings.used() - before);
      long possible = (limit - before - RESERVED_MAPPINGS) * PROBES / taken;
      return Math.max(1, Math.min(ADDRESS_SPACE_INSTANCES, possible));
    } finally {
      probes.forEach(NativeInstance::close);
    }
  }

  @Override
  public String name() {
    return "wasmtime";
  }

  @Override
  public CompiledModule compile(AdmittedModule module) {
    return new WasmtimeModule(
        this, module, compile(module, () -> translate(module), Module::dispose));
  }

  private Module translate(AdmittedModule module) {
    try {
      return new Module(engine, module.rewritten());
    } catch (WasmtimeException e) {
      throw new VudoException(ErrorCode.MODULE_INVALID, e.getMessage(), e);
    }
  }

  io.github.kawamuray.wasmtime.Engine engine() {
    return engine;
  }

  Module mailbox() {
    return mailbox;
  }

  @Override
  public int maxInstances() {
    return maxInstances;
  }

  @Override
  public String maxInstancesReason() {
    return maxInstancesReason;
  }

  @Override
  protected void free() {
    mailbox.dispose();
    engine.dispose();
  }
}
