package io.vudo.spirit.internal.jvm;

import com.dylibso.chicory.runtime.GlobalInstance;
import com.dylibso.chicory.runtime.ImportFunction;
import com.dylibso.chicory.runtime.ImportValues;
import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.runtime.Machine;
import com.dylibso.chicory.runtime.TableInstance;
import com.dylibso.chicory.runtime.WasmFunctionHandle;
import com.dylibso.chicory.wasm.WasmModule;
import com.dylibso.chicory.wasm.types.ExportSection;
import com.dylibso.chicory.wasm.types.ExternalType;
import com.dylibso.chicory.wasm.types.FunctionType;
import com.dylibso.chicory.wasm.types.MutabilityType;
import com.dylibso.chicory.wasm.types.Table;
import com.dylibso.chicory.wasm.types.TableLimits;
import com.dylibso.chicory.wasm.types.ValType;
import com.dylibso.chicory.wasm.types.Value;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.internal.engine.GuestModule;
import io.vudo.spirit.internal.wasm.Names;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** Classes that were made of a module. They are unloaded with the last instance. */
final class JvmModule extends GuestModule {
  private static final FunctionType LOAD = type(List.of(ValType.I32), List.of(ValType.I64));
  private static final FunctionType STORE = type(List.of(ValType.I32, ValType.I64), List.of());
  private static final FunctionType HOST = type(List.of(), List.of());

  /** What an instance takes beside its memory, roughly: objects, and 8 bytes for each of these. */
  private static final int INSTANCE_BYTES = 8 << 10;

  private static final int ENTRY_BYTES = 8;
  private static final int GLOBAL_BYTES = 72;

  private final JvmEngine engine;
  private final WasmModule module;
  private final Function<Instance, Machine> code;
  private final List<Integer> interpreted;
  private final Map<String, Integer> exports = new HashMap<>();
  private final long instanceBytes;

  JvmModule(
      JvmEngine engine,
      AdmittedModule admitted,
      WasmModule module,
      Function<Instance, Machine> code,
      Set<Integer> interpreted) {
    super(engine, admitted, () -> {});
    this.engine = engine;
    this.module = module;
    this.code = code;
    this.interpreted = interpreted.stream().map(index -> index - Names.IMPORTS).sorted().toList();
    ExportSection section = module.exportSection();
    for (int i = 0; i < section.exportCount(); i++) {
      if (section.getExport(i).exportType() == ExternalType.FUNCTION) {
        exports.put(section.getExport(i).name(), section.getExport(i).index());
      }
    }
    this.instanceBytes = instanceBytes(module);
  }

  private static FunctionType type(List<ValType> parameters, List<ValType> results) {
    return FunctionType.of(parameters, results);
  }

  private static long instanceBytes(WasmModule module) {
    long entries = module.functionSection().functionCount() * 2L;
    for (int i = 0; i < module.tableSection().tableCount(); i++) {
      entries += module.tableSection().getTable(i).limits().min() * 2;
    }
    return INSTANCE_BYTES
        + entries * ENTRY_BYTES
        + (long) module.globalSection().globalCount() * GLOBAL_BYTES;
  }

  @Override
  public List<Integer> interpretedFunctions() {
    return interpreted;
  }

  /** The index of an exported function, or null. */
  Integer export(String name) {
    return exports.get(name);
  }

  Instance newInstance(
      WasmFunctionHandle load,
      WasmFunctionHandle store,
      WasmFunctionHandle host,
      HeapBudget.Share share) {
    share.require(instanceBytes);
    long[] globals = new long[module.globalSection().globalCount()];
    AtomicInteger next = new AtomicInteger();
    return Instance.builder(module)
        .withMachineFactory(code)
        .withImportValues(
            ImportValues.builder()
                .addFunction(
                    new ImportFunction(Names.IMPORT_MODULE, Names.LOAD, LOAD, load),
                    new ImportFunction(Names.IMPORT_MODULE, Names.STORE, STORE, store),
                    new ImportFunction(Names.IMPORT_MODULE, Names.HOST, HOST, host))
                .build())
        .withMemoryFactory(limits -> new GuestMemory(limits, globals, share))
        .withGlobalFactory(
            (low, high, type, mutability) ->
                global(globals, next.getAndIncrement(), low, high, type, mutability))
        .withTableFactory(JvmModule::table)
        .withStart(false)
        .build();
  }

  /** Interpreted functions and initial values reach a global here, compiled ones in the array. */
  private static GlobalInstance global(
      long[] globals, int index, long low, long high, ValType type, MutabilityType mutability) {
    if (type.isReference()) {
      return new GlobalInstance(low, high, type, mutability);
    }
    globals[index] = low;
    return new GlobalInstance(low, high, type, mutability) {
      @Override
      public long getValue() {
        return globals[index];
      }

      @Override
      public long getValueLow() {
        return globals[index];
      }

      @Override
      public void setValue(long value) {
        globals[index] = value;
      }

      @Override
      public void setValue(Value value) {
        globals[index] = value.raw();
      }

      @Override
      public void setValueLow(long value) {
        globals[index] = value;
      }
    };
  }

  /**
   * A table with limits of its own: growing one raises the minimum of the limits that it was made
   * with, and those of the module belong to all instances. And one that answers which instance an
   * entry is of for indices that it does not have: copying asks the source with an index of the
   * destination. Null stands for the instance that asks; there is no other.
   */
  private static TableInstance table(Table declared, int initial) {
    TableLimits limits = declared.limits();
    return new TableInstance(
        new Table(declared.elementType(), new TableLimits(limits.min(), limits.max())), initial) {
      @Override
      public Instance instance(int index) {
        return index < size() ? super.instance(index) : null;
      }
    };
  }

  @Override
  protected EngineInstance newInstance(HostFunction[] imports) {
    HeapBudget.Share share = engine.budget().new Share();
    try {
      return new JvmInstance(this, imports, share);
    } catch (RuntimeException | Error e) {
      share.close();
      throw e;
    }
  }

  @Override
  protected RuntimeException refusal(Throwable failure) {
    return Failures.atInstantiation(failure);
  }
}
