package io.vudo.spirit;

import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritLimits;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/**
 * The compiled modules of a node. Each is admitted and compiled once, however many ask for it at
 * the same time; who comes second waits for the first. A failure goes to all who waited for it and
 * is then forgotten. Thread-safe.
 */
public final class ModuleCache implements AutoCloseable {

  /** What makes two compiled modules differ: the limits are those that are built into the code. */
  private record Key(
      ModuleDigest digest,
      String engine,
      int rewriterVersion,
      int memoryPages,
      int tableEntries,
      int callDepth) {

    static Key of(ModuleDigest digest, SpiritLimits limits, Engine engine) {
      return new Key(
          digest,
          engine.name(),
          Admission.REWRITER_VERSION,
          limits.maxMemoryPages(),
          limits.maxTableEntries(),
          limits.maxCallDepth());
    }
  }

  private final Map<Key, CompletableFuture<CompiledModule>> modules = new ConcurrentHashMap<>();
  private final LongAdder hits = new LongAdder();
  private final LongAdder compiled = new LongAdder();
  private final LongAdder failed = new LongAdder();
  private final LongAdder compileNanos = new LongAdder();

  /**
   * The compiled module, from memory if it is there.
   *
   * @param admission admits the module under these limits; called on this thread when needed
   * @throws io.vudo.protocol.VudoException what admission or the engine threw
   */
  public CompiledModule get(
      ModuleDigest digest, SpiritLimits limits, Engine engine, Supplier<AdmittedModule> admission) {
    Key key = Key.of(digest, limits, engine);
    CompletableFuture<CompiledModule> mine = new CompletableFuture<>();
    CompletableFuture<CompiledModule> known = modules.putIfAbsent(key, mine);
    if (known != null) {
      hits.increment();
      try {
        return known.join();
      } catch (CompletionException e) {
        if (e.getCause() instanceof RuntimeException cause) {
          throw cause;
        }
        throw e;
      }
    }
    long startNanos = System.nanoTime();
    try {
      CompiledModule module = engine.compile(admission.get());
      compiled.increment();
      compileNanos.add(System.nanoTime() - startNanos);
      mine.complete(module);
      return module;
    } catch (RuntimeException | Error e) {
      failed.increment();
      modules.remove(key, mine);
      mine.completeExceptionally(e);
      throw e;
    }
  }

  /**
   * Forgets a module under all limits and on all engines. Its code is freed with its last instance.
   */
  public void evict(ModuleDigest digest) {
    modules.forEach(
        (key, future) -> {
          if (key.digest.equals(digest) && modules.remove(key, future)) {
            // One that is still being compiled is closed when it is there.
            var unused = future.thenAccept(CompiledModule::close);
          }
        });
  }

  /** How often a module was there already, or on its way. */
  public long hits() {
    return hits.sum();
  }

  /** How many modules were admitted and compiled, or read from an engine's cache on disk. */
  public long compiled() {
    return compiled.sum();
  }

  /** How many could not be. */
  public long failed() {
    return failed.sum();
  }

  /** The time that {@link #compiled} took, nanoseconds. */
  public long compileNanos() {
    return compileNanos.sum();
  }

  /** How many modules there are, those that are being compiled included. */
  public int size() {
    return modules.size();
  }

  /** Forgets all modules. */
  @Override
  public void close() {
    modules.keySet().forEach(key -> evict(key.digest));
  }
}
