package io.vudo.spirit.internal.turn;

import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.HostFunction;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Everything that a guest may import, whichever binding it was written against. */
public final class HostFunctions {
  private static final Map<String, HostBinding> BINDINGS =
      List.of(FlatAbi.BINDING, WasiPreview1.BINDING).stream()
          .collect(Collectors.toUnmodifiableMap(HostBinding::module, Function.identity()));

  private HostFunctions() {}

  /** The signature of a host function, or empty when there is none of this name. */
  public static Optional<FunctionType> typeOf(String module, String name) {
    return Optional.ofNullable(BINDINGS.get(module)).flatMap(binding -> binding.typeOf(name));
  }

  /** The functions of an import module, in the order of its contract; none of an unknown one. */
  public static Map<String, FunctionType> functions(String module) {
    HostBinding binding = BINDINGS.get(module);
    return binding == null ? Map.of() : binding.functions();
  }

  /** Binds an import, which admission has let pass, to whoever runs the guest when it calls. */
  static HostFunction bind(AdmittedModule.Import wanted, Supplier<? extends HostContext> current) {
    return BINDINGS.get(wanted.module()).bind(wanted.name(), current);
  }
}
