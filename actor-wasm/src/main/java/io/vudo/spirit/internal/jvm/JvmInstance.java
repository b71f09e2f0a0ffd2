package io.vudo.spirit.internal.jvm;

import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.runtime.Machine;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.internal.engine.GuestInstance;
import io.vudo.spirit.internal.engine.Trap;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** An instance on the heap. */
final class JvmInstance extends GuestInstance<Integer> {
  private static final long[] NO_VALUES = {};
  private static final int SLOTS_AT_FIRST = 16;

  private final JvmModule module;
  private final HeapBudget.Share share;
  private final Machine machine;
  private final GuestMemory memory;
  private long[] mailbox = new long[SLOTS_AT_FIRST];

  JvmInstance(JvmModule module, HostFunction[] imports, HeapBudget.Share share) {
    super(module, imports);
    this.module = module;
    this.share = share;
    Instance instance = module.newInstance(this::load, this::store, this::host, share);
    this.machine = instance.getMachine();
    this.memory = (GuestMemory) instance.memory();
    initialize();
  }

  private long[] load(Instance instance, long... arguments) {
    return new long[] {slot((int) arguments[0])};
  }

  private long[] store(Instance instance, long... arguments) {
    slot((int) arguments[0], arguments[1]);
    return NO_VALUES;
  }

  private long[] host(Instance instance, long... arguments) {
    callHost();
    return NO_VALUES;
  }

  @Override
  protected Integer find(String export) {
    return module.export(export);
  }

  @Override
  protected void invoke(Integer function) {
    // Compiled code stops at an interrupt; what stops a guest is its deadline.
    boolean interrupted = Thread.interrupted();
    try {
      machine.call(function, NO_VALUES);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  protected Trap trap(Throwable thrown) {
    return Traps.trap(thrown);
  }

  @Override
  protected long slot(int slot) {
    return slot < mailbox.length ? mailbox[slot] : 0;
  }

  @Override
  protected void slot(int slot, long value) {
    if (slot >= mailbox.length) {
      mailbox = Arrays.copyOf(mailbox, Math.max(slot + 1, mailbox.length * 2));
    }
    mailbox[slot] = value;
  }

  @Override
  protected ByteBuffer memoryNow() {
    return memory == null ? null : memory.view();
  }

  @Override
  protected boolean growMemory(int pages) {
    return memory.grow(pages) >= 0;
  }

  @Override
  protected void free() {
    share.close();
  }
}
