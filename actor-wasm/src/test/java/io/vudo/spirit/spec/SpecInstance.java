package io.vudo.spirit.spec;

import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.HostFunction;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * A module of the suite that runs. The suite goes on with an instance whose call has trapped, which
 * the node never does; so an instance that trapped is replaced by a new one, with the state from
 * before the call. That every such assertion crosses a snapshot is a welcome part of the test.
 */
final class SpecInstance implements AutoCloseable {
  private static final long FUEL = 4_000_000_000L;

  private final CompiledModule compiled;
  private final Function<AdmittedModule.Import, HostFunction> host;
  private final Set<SpecInstance> imported = new LinkedHashSet<>();
  private EngineInstance instance;
  private State saved;
  private Skip unusable;

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record State(byte[] memory, long[] globals, int[][] tables) {}

  SpecInstance(CompiledModule compiled, Map<String, SpecInstance> registered) {
    this.compiled = compiled;
    this.host = wanted -> function(wanted, registered.get(wanted.module()));
    try {
      this.instance = compiled.instantiate(host);
    } catch (RuntimeException e) {
      compiled.close();
      throw e;
    }
  }

  /** What it imports: the suite's own functions do nothing, others are those of an instance. */
  private HostFunction function(AdmittedModule.Import wanted, SpecInstance from) {
    if (from == null) {
      return (guest, arguments) -> 0;
    }
    imported.add(from);
    return (guest, arguments) -> {
      long[] results = from.call(wanted.name(), SpecRun.deadlineNanos(), arguments);
      return results.length == 0 ? 0 : results[0];
    };
  }

  Map<String, FunctionType> functions() {
    return compiled.module().exportedFunctions();
  }

  void start() {
    instance.setFuel(FUEL);
    instance.callStart(SpecRun.deadlineNanos());
  }

  long[] call(String export, long deadlineNanos, long[] arguments) {
    if (unusable != null) {
      throw unusable;
    }
    instance.setFuel(FUEL);
    return instance.call(export, deadlineNanos, arguments);
  }

  private void collect(Set<SpecInstance> all) {
    if (all.add(this)) {
      imported.forEach(other -> other.collect(all));
    }
  }

  /** Keeps the state of this instance and of those that it may call. */
  void save() {
    if (unusable != null) {
      throw unusable;
    }
    Set<SpecInstance> all = new LinkedHashSet<>();
    collect(all);
    all.removeIf(each -> each.unusable != null);
    for (SpecInstance each : all) {
      each.saved =
          new State(
              each.instance.readMemory(0, (int) each.instance.memoryBytes()),
              each.instance.readGlobals(),
              each.instance.readTables());
    }
  }

  /** Goes on from what was saved, in new instances. */
  void restore() {
    Set<SpecInstance> all = new LinkedHashSet<>();
    collect(all);
    all.removeIf(each -> each.unusable != null);
    all.forEach(SpecInstance::replace);
  }

  private void replace() {
    instance.close();
    instance = compiled.instantiate(host);
    if (saved.memory().length > 0) {
      instance.growMemoryTo(saved.memory().length);
      instance.writeMemory(0, saved.memory());
    }
    instance.writeGlobals(saved.globals());
    instance.writeTables(saved.tables());
    saved = null;
  }

  /**
   * Nothing can be said any more about this instance, nor about those that it may call: a call
   * failed that should not have, or somebody who is not here would have changed their state.
   */
  void lose(Skip reason) {
    Set<SpecInstance> all = new LinkedHashSet<>();
    collect(all);
    for (SpecInstance each : all) {
      if (each.unusable == null) {
        each.unusable = reason;
      }
    }
  }

  @Override
  public void close() {
    instance.close();
    compiled.close();
  }
}
