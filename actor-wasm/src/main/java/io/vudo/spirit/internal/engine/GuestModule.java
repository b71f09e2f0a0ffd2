package io.vudo.spirit.internal.engine;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.ValueType;
import io.vudo.spirit.internal.wasm.Layout;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;

/** What every engine must know of a module to run instances of it. Immutable but for its life. */
public abstract class GuestModule implements CompiledModule {
  /**
   * An exported function.
   *
   * @param position its place among the exported functions
   * @param type its signature
   * @param parameterSlots the values that its parameters take in the mailbox
   * @param resultSlots the values that its results take
   */
  record ExportedFunction(int position, FunctionType type, int parameterSlots, int resultSlots) {
    static ExportedFunction of(int position, FunctionType type) {
      return new ExportedFunction(
          position, type, ValueType.slots(type.parameters()), ValueType.slots(type.results()));
    }
  }

  private final GuestEngine engine;
  private final AdmittedModule admitted;
  private final Shared shared = new Shared("module");
  private final Runnable free;
  private final Layout layout;
  private final Map<String, ExportedFunction> functions = new HashMap<>();
  private final Map<Integer, Integer> identities = new HashMap<>();

  /**
   * Belongs to an engine.
   *
   * @param free frees the code, when the module was closed and is not in use
   */
  protected GuestModule(GuestEngine engine, AdmittedModule admitted, Runnable free) {
    this.engine = engine;
    this.admitted = admitted;
    this.free = free;
    this.layout = Layout.of(admitted);
    int[] referenced = layout.functions();
    for (int i = 0; i < referenced.length; i++) {
      identities.put(referenced[i], i);
    }
    admitted
        .exportedFunctions()
        .forEach((name, type) -> functions.put(name, ExportedFunction.of(functions.size(), type)));
  }

  @Override
  public final AdmittedModule module() {
    return admitted;
  }

  final Layout layout() {
    return layout;
  }

  /** The function that is exported under this name. */
  final ExportedFunction function(String name) {
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
  final Integer identity(int function) {
    return identities.get(function);
  }

  final int functionCount() {
    return functions.size();
  }

  final GuestEngine engine() {
    return engine;
  }

  /** Makes an instance with the host's function for each import, in index order. */
  protected abstract EngineInstance newInstance(HostFunction[] imports);

  /** Why {@link #newInstance} failed; an {@link Error} that is none of its own it throws. */
  protected abstract RuntimeException refusal(Throwable failure);

  @Override
  public final EngineInstance instantiate(Function<AdmittedModule.Import, HostFunction> host) {
    HostFunction[] imports = new HostFunction[admitted.imports().size()];
    for (int i = 0; i < imports.length; i++) {
      imports[i] = host.apply(admitted.imports().get(i));
    }
    shared.enter();
    try {
      engine.admitInstance();
      try {
        return newInstance(imports);
      } catch (RuntimeException | Error e) {
        engine.dismissInstance();
        throw refusal(e);
      }
    } finally {
      shared.leave();
    }
  }

  @Override
  public final void close() {
    shared.close(free);
  }
}
