package io.vudo.spirit.internal.engine;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.Engine;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** What engines do alike: they count instances, have threads, and live until the last user left. */
public abstract class GuestEngine implements Engine {
  private final Shared shared = new Shared("engine");
  private final AtomicInteger live = new AtomicInteger();
  private final GuestPool guests = new GuestPool();
  private final CompilerPool compilers;

  protected GuestEngine(Duration compileTimeout) {
    this.compilers = new CompilerPool(compileTimeout);
  }

  /** Frees what the engine holds, once, when it was closed and nothing of it is in use. */
  protected abstract void free();

  /** See {@link CompilerPool#compile}; the engine stays until the task has ended. */
  protected final <T> T compile(AdmittedModule module, Supplier<T> task, Consumer<T> dispose) {
    shared.enter();
    return compilers.compile(module, task, dispose, shared::leave);
  }

  /** Counts an instance in. */
  final void admitInstance() {
    int now = live.incrementAndGet();
    if (now > maxInstances()) {
      live.decrementAndGet();
      throw new VudoException(
          ErrorCode.RESIDENCY_LIMIT, "The engine holds " + maxInstances() + " instances.");
    }
    try {
      shared.enter();
    } catch (IllegalStateException e) {
      live.decrementAndGet();
      throw e;
    }
  }

  /** Counts an instance out. */
  final void dismissInstance() {
    live.decrementAndGet();
    shared.leave();
  }

  final GuestPool guests() {
    return guests;
  }

  @Override
  public final int liveInstances() {
    return live.get();
  }

  @Override
  public final void close() {
    guests.close();
    compilers.close();
    shared.close(this::free);
  }
}
