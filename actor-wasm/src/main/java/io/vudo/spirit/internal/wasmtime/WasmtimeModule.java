package io.vudo.spirit.internal.wasmtime;

import io.github.kawamuray.wasmtime.Module;
import io.github.kawamuray.wasmtime.WasmFunctionError.TrapError;
import io.github.kawamuray.wasmtime.WasmtimeException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.internal.engine.GuestModule;
import io.vudo.spirit.internal.engine.Thrown;

/** Compiled code. */
final class WasmtimeModule extends GuestModule {
  private final WasmtimeEngine engine;
  private final Module module;

  WasmtimeModule(WasmtimeEngine engine, AdmittedModule admitted, Module module) {
    super(engine, admitted, module::dispose);
    this.engine = engine;
    this.module = module;
  }

  @Override
  protected EngineInstance newInstance(HostFunction[] imports) {
    return new WasmtimeInstance(engine, this, module, imports);
  }

  @Override
  protected RuntimeException refusal(Throwable failure) {
    return failure instanceof TrapError || failure instanceof WasmtimeException
        ? Traps.atInstantiation((RuntimeException) failure)
        : Thrown.again(failure);
  }
}
