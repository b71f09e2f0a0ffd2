package io.vudo.spirit.internal.wasmtime;

import io.github.kawamuray.wasmtime.Func;
import io.github.kawamuray.wasmtime.Module;
import io.github.kawamuray.wasmtime.WasmFunctionError.TrapError;
import io.github.kawamuray.wasmtime.WasmtimeException;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.internal.engine.GuestInstance;
import io.vudo.spirit.internal.engine.Trap;
import java.nio.ByteBuffer;

/** An instance in a store of its own. */
final class WasmtimeInstance extends GuestInstance<Func> {
  private final NativeInstance instance;
  private final ByteBuffer mailbox;

  WasmtimeInstance(
      WasmtimeEngine engine, WasmtimeModule module, Module compiled, HostFunction[] imports) {
    super(module, imports);
    this.instance = new NativeInstance(engine.engine(), engine.mailbox(), compiled, this::callHost);
    this.mailbox = instance.mailbox();
    try {
      initialize();
    } catch (RuntimeException e) {
      instance.close();
      throw e;
    }
  }

  /** See {@link NativeInstance#crossings}. */
  long crossings() {
    return instance.crossings();
  }

  @Override
  protected Func find(String export) {
    return instance.function(export).orElse(null);
  }

  @Override
  protected void invoke(Func function) {
    instance.call(function);
  }

  @Override
  protected Trap trap(Throwable thrown) {
    return thrown instanceof TrapError trap ? Traps.trap(trap) : null;
  }

  @Override
  protected long slot(int slot) {
    return mailbox.getLong(slot * Long.BYTES);
  }

  @Override
  protected void slot(int slot, long value) {
    mailbox.putLong(slot * Long.BYTES, value);
  }

  @Override
  protected ByteBuffer memoryNow() {
    return instance.hasMemory() ? instance.memory() : null;
  }

  @Override
  protected boolean growMemory(int pages) {
    try {
      instance.growMemory(pages);
      return true;
    } catch (WasmtimeException e) {
      return false;
    }
  }

  @Override
  protected void free() {
    instance.close();
  }
}
