package io.vudo.spirit.internal.wasmtime;

import io.github.kawamuray.wasmtime.Module;
import io.github.kawamuray.wasmtime.WasmFunctionError.TrapError;
import io.github.kawamuray.wasmtime.WasmtimeException;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.internal.wasm.Layout;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;

/** Compiled code. */
final class WasmtimeModule implements CompiledModule {
  /**
   * An exported function.
   *
   * @param position its place among the exported functions
   * @param type its signature
   */
  record ExportedFunction(int position, FunctionType type) {}

  private final WasmtimeEngine engine;
  private final AdmittedModule admitted;
  private final Layout layout;
  private final Map<String, ExportedFunction> functions = new HashMap<>();
  private final Map<Integer, Integer> identities = new HashMap<>();
  private final Module module;
  private final Shared shared;

  WasmtimeModule(WasmtimeEngine engine, AdmittedModule admitted, Module module) {
    this.engine = engine;
    this.admitted = admitted;
    this.layout = Layout.of(admitted);
    this.module = module;
    this.shared = new Shared("module", module::dispose);
    int[] referenced = layout.functions();
    for (int i = 0; i < referenced.length; i++) {
      identities.put(referenced[i], i);
    }
    admitted
        .exportedFunctions()
        .forEach((name, type) -> functions.put(name, new ExportedFunction(functions.size(), type)));
  }

  @Override
  public AdmittedModule module() {
    return admitted;
  }

  Layout layout() {
    return layout;
  }

  /** The function that is exported under this name. */
  ExportedFunction function(String name) {
    ExportedFunction function = functions.get(name);
    if (function == null) {
      throw new VudoException(
          ErrorCode.FUNCTION_NOT_FOUND,
          "There is no "
              + name
              + "; it exports "
              + String.join(", ", admitted.exportedFunctions().keySet())
              + ".");
    }
    return function;
  }

  /** How the module stores a reference to this function, -1 for null; null when it cannot. */
  Integer identity(int function) {
    return identities.get(function);
  }

  int functionCount() {
    return functions.size();
  }

  @Override
  public EngineInstance instantiate(Function<AdmittedModule.Import, HostFunction> host) {
    HostFunction[] imports = new HostFunction[admitted.imports().size()];
    for (int i = 0; i < imports.length; i++) {
      imports[i] = host.apply(admitted.imports().get(i));
    }
    shared.enter();
    try {
      engine.admitInstance();
      try {
        return new WasmtimeInstance(engine, this, module, imports);
      } catch (TrapError | WasmtimeException e) {
        engine.dismissInstance();
        throw Traps.atInstantiation(e);
      } catch (RuntimeException | Error e) {
        engine.dismissInstance();
        throw e;
      }
    } finally {
      shared.leave();
    }
  }

  @Override
  public void close() {
    shared.close();
  }
}
