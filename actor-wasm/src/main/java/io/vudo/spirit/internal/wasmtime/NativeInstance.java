package io.vudo.spirit.internal.wasmtime;

import io.github.kawamuray.wasmtime.Disposable;
import io.github.kawamuray.wasmtime.Extern;
import io.github.kawamuray.wasmtime.Func;
import io.github.kawamuray.wasmtime.FuncType;
import io.github.kawamuray.wasmtime.Instance;
import io.github.kawamuray.wasmtime.Memory;
import io.github.kawamuray.wasmtime.Module;
import io.github.kawamuray.wasmtime.Store;
import io.vudo.spirit.internal.wasm.MailboxModule;
import io.vudo.spirit.internal.wasm.Names;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/** A store with the guest's instance and its mailbox, as the binding has them: no checks at all. */
final class NativeInstance {
  private final Store<Void> store;
  private final Instance guest;
  private final ByteBuffer mailbox;
  private final Optional<Memory> memory;
  private final Deque<Disposable> handles = new ArrayDeque<>();
  private long crossings;

  NativeInstance(
      io.github.kawamuray.wasmtime.Engine engine,
      Module mailboxModule,
      Module module,
      Runnable host) {
    store = kept(new Store<>(null, engine));
    try {
      Instance box = kept(new Instance(store, mailboxModule, List.of()));
      mailbox =
          kept(box.getMemory(store, MailboxModule.MEMORY).orElseThrow())
              .buffer(store)
              .order(ByteOrder.LITTLE_ENDIAN);
      List<Extern> imports = new ArrayList<>();
      imports.add(Extern.fromFunc(kept(box.getFunc(store, Names.LOAD).orElseThrow())));
      imports.add(Extern.fromFunc(kept(box.getFunc(store, Names.STORE).orElseThrow())));
      Func hostFunction =
          new Func(
              store,
              FuncType.empty(),
              (caller, arguments, results) -> {
                crossings++;
                host.run();
              });
      imports.add(Extern.fromFunc(kept(hostFunction)));
      guest = kept(new Instance(store, module, imports));
      memory = guest.getMemory(store, Names.MEMORY);
      memory.ifPresent(handles::push);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private <T extends Disposable> T kept(T handle) {
    handles.push(handle);
    return handle;
  }

  /** The slots, by their byte offset. */
  ByteBuffer mailbox() {
    return mailbox;
  }

  boolean hasMemory() {
    return memory.isPresent();
  }

  /** The guest's memory as it is now. */
  ByteBuffer memory() {
    crossings++;
    return memory.orElseThrow().buffer(store).order(ByteOrder.LITTLE_ENDIAN);
  }

  void growMemory(long pages) {
    crossings++;
    memory.orElseThrow().grow(store, pages);
  }

  Optional<Func> function(String name) {
    crossings++;
    Optional<Func> function = guest.getFunc(store, name);
    function.ifPresent(handles::push);
    return function;
  }

  void call(Func function) {
    crossings++;
    function.call(store);
  }

  /** How often control went from Java into native code, or back for a host function. */
  long crossings() {
    return crossings;
  }

  /** Frees everything, the store last. */
  void close() {
    while (!handles.isEmpty()) {
      handles.pop().dispose();
    }
  }
}
