package io.vudo.embedded;

import io.vudo.embedded.internal.EmbeddedGuest;
import io.vudo.embedded.internal.Utf8;
import io.vudo.embedded.internal.Values;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.HostFunction;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Finds the functions that a module imports from Loa, and calls them for its guest. */
final class LoaLinker {
  private static final String PREFIX = "loa:";

  /** Import modules of the DOL compiler: the function alone says which Loa. */
  private static final List<String> ANY = List.of("loa", "vudo");

  private final LoaRegistry loas;

  /** Sees what is in the registry now. */
  LoaLinker(LoaRegistry loas) {
    this.loas = loas.snapshot();
  }

  /** A function and the Loa that it is of. */
  private record Found(Loa loa, Loa.Entry entry) {}

  /**
   * The signature of an import, or empty when it is none from a Loa.
   *
   * @throws VudoException {@code MODULE_UNKNOWN_IMPORT}, {@code CAPABILITY_DENIED}
   */
  Optional<FunctionType> find(String module, String name) {
    return isLoa(module) ? Optional.of(resolve(module, name).entry().type()) : Optional.empty();
  }

  private static boolean isLoa(String module) {
    return module.startsWith(PREFIX) || ANY.contains(module);
  }

  private Found resolve(String module, String name) {
    return module.startsWith(PREFIX)
        ? resolveNamed(module.substring(PREFIX.length()), name)
        : resolveAny(module, name);
  }

  private Found resolveNamed(String wanted, String function) {
    int at = wanted.indexOf('@');
    String name = at < 0 ? wanted : wanted.substring(0, at);
    Loa loa =
        (at < 0 ? loas.find(name) : loas.find(name, wanted.substring(at + 1)))
            .orElseThrow(
                () ->
                    unknown(
                        "It imports loa:" + wanted + "." + function + "; there is " + all() + "."));
    Loa.Entry entry = loa.entry(function);
    if (entry == null) {
      throw unknown(
          "It imports loa:"
              + wanted
              + "."
              + function
              + "; Loa "
              + loa
              + " declares "
              + String.join(", ", new TreeSet<>(loa.capabilities()))
              + ".");
    }
    if (!loa.capabilities().contains(function)) {
      throw new VudoException(
          ErrorCode.CAPABILITY_DENIED,
          "Loa "
              + loa
              + " declares "
              + String.join(", ", new TreeSet<>(loa.capabilities()))
              + "; not "
              + function
              + ".");
    }
    return new Found(loa, importable(loa, entry));
  }

  private static Loa.Entry importable(Loa loa, Loa.Entry entry) {
    if (entry.type() == null) {
      throw unknown(
          "It imports "
              + entry.name()
              + " of Loa "
              + loa
              + ", whose types in Java do not cross; guests on a node reach it by process(\""
              + loa.name()
              + "."
              + entry.name()
              + "\", …).");
    }
    return entry;
  }

  private Found resolveAny(String module, String function) {
    List<Loa> offering =
        loas.list().stream()
            .map(Loa::name)
            .distinct()
            .flatMap(name -> loas.find(name).stream())
            .filter(loa -> loa.capabilities().contains(function))
            .toList();
    if (offering.size() != 1) {
      throw unknown(
          "It imports "
              + module
              + "."
              + function
              + "; "
              + (offering.isEmpty()
                  ? "no Loa declares it: there is " + all() + "."
                  : offering.size()
                      + " Loa declare it, so name one: loa:"
                      + offering.get(0).name()
                      + "."));
    }
    Loa loa = offering.get(0);
    return new Found(loa, importable(loa, loa.entry(function)));
  }

  private String all() {
    List<Loa> registered = loas.list();
    return registered.isEmpty()
        ? "no Loa"
        : registered.stream().map(Loa::toString).collect(Collectors.joining(", "));
  }

  private static VudoException unknown(String detail) {
    return new VudoException(ErrorCode.MODULE_UNKNOWN_IMPORT, detail);
  }

  /** The function behind an import, or empty when it is none from a Loa. */
  Optional<HostFunction> bind(
      AdmittedModule.Import wanted, EmbeddedGuest guest, Supplier<MemoryManager> memory) {
    if (!isLoa(wanted.module())) {
      return Optional.empty();
    }
    Found found = resolve(wanted.module(), wanted.name());
    return Optional.of(guest.marked((instance, bits) -> call(found, instance, bits, memory.get())));
  }

  private static long call(
      Found found, EngineInstance instance, long[] bits, MemoryManager memory) {
    Loa.Entry entry = found.entry();
    Object[] arguments = arguments(found, instance, bits, memory);
    Object result;
    try {
      result = entry.body().call(arguments);
    } catch (VudoException e) {
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failed(found, e);
    } catch (Exception e) {
      throw failed(found, e);
    }
    if (entry.result() == void.class) {
      return 0;
    }
    if (Values.isBuffer(entry.result())) {
      return result == null ? 0 : memory.give(buffer(found, result));
    }
    return Values.bits(entry.type().results().get(0), result)
        .orElseThrow(() -> failed(found, wrongResult(found, result)));
  }

  private static byte[] buffer(Found found, Object result) {
    if (result instanceof String text) {
      return Utf8.encode(text);
    }
    if (result instanceof byte[] bytes) {
      return bytes;
    }
    throw failed(found, wrongResult(found, result));
  }

  private static ClassCastException wrongResult(Found found, Object result) {
    return new ClassCastException(
        "It answered " + result + ", and not " + found.entry().result().getName());
  }

  private static VudoException failed(Found found, Exception cause) {
    return new VudoException(
        ErrorCode.LOA_FAILED,
        found.loa() + ", " + found.entry().name() + ": " + cause + ".",
        cause);
  }

  private static Object[] arguments(
      Found found, EngineInstance instance, long[] bits, MemoryManager memory) {
    List<Class<?>> parameters = found.entry().parameters();
    Object[] arguments = new Object[parameters.size()];
    int next = 0;
    for (int i = 0; i < arguments.length; i++) {
      Class<?> parameter = parameters.get(i);
      if (parameter == MemoryManager.class) {
        arguments[i] = memory;
      } else if (Values.isBuffer(parameter)) {
        byte[] bytes = read(found, instance, (int) bits[next], (int) bits[next + 1]);
        arguments[i] = parameter == String.class ? Utf8.decode(bytes) : bytes;
        next += 2;
      } else {
        Object value = Values.value(found.entry().type().parameters().get(next), bits[next]);
        boolean truth = parameter == boolean.class || parameter == Boolean.class;
        arguments[i] = truth ? (Object) !value.equals(0) : value;
        next++;
      }
    }
    return arguments;
  }

  private static byte[] read(Found found, EngineInstance instance, int pointer, int length) {
    if (length < 0 || !instance.inMemory(pointer, length)) {
      throw new VudoException(
          ErrorCode.TRAP_MEMORY_OUT_OF_BOUNDS,
          "It called "
              + found.entry().name()
              + " of Loa "
              + found.loa()
              + " with pointer "
              + Integer.toUnsignedString(pointer)
              + ", length "
              + Integer.toUnsignedString(length)
              + "; memory has "
              + instance.memoryBytes()
              + " bytes.");
    }
    return instance.readMemory(pointer, length);
  }
}
