package io.vudo.spirit.internal.wasmtime;

import io.github.kawamuray.wasmtime.Module;
import io.github.kawamuray.wasmtime.WasmFunctionError.TrapError;
import io.github.kawamuray.wasmtime.WasmtimeException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.internal.engine.GuestModule;
import io.vudo.spirit.internal.engine.Shared;
import java.util.function.Function;

/** Compiled code. */
final class WasmtimeModule extends GuestModule {
  private final WasmtimeEngine engine;
  private final Module module;
  private final Shared shared;

  WasmtimeModule(WasmtimeEngine engine, AdmittedModule admitted, Module module) {
    super(admitted);
    this.engine = engine;
    this.module = module;
    this.shared = new Shared("module", module::dispose);
  }

  @Override
  public EngineInstance instantiate(Function<AdmittedModule.Import, HostFunction> host) {
    HostFunction[] imports = bind(host);
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
