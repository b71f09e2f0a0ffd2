package io.vudo.embedded;

import io.vudo.embedded.internal.Values;
import io.vudo.embedded.internal.Version;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ValueType;
import java.io.PrintStream;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * A service that the host offers to its Spirits: a name, a version, functions written in Java, and
 * the capabilities that it declares, which are the functions that guests may import. A Spirit gets
 * a Loa by {@link SpiritOptions#loas}; it imports a function from module {@code loa:NAME}, or
 * {@code loa:NAME@VERSION}:
 *
 * <pre>{@code
 * Loa logging =
 *     Loa.named("logging", "1.0.0")
 *         .procedure("log", String.class, System.out::println)
 *         .build();
 *
 * ;; the guest
 * (import "loa:logging" "log" (func $log (param i32 i32)))
 * }</pre>
 *
 * <p>What crosses:
 *
 * <table>
 * <caption>Types of Java and of the import</caption>
 * <tr><th>Java</th><th>as a parameter</th><th>as the result</th></tr>
 * <tr><td>int, boolean</td><td>i32</td><td>i32; true is 1</td></tr>
 * <tr><td>long, float, double</td><td>i64, f32, f64</td><td>i64, f32, f64</td></tr>
 * <tr><td>String (UTF-8), byte[]</td><td>two i32: pointer, length</td>
 *   <td>i64: pointer in the high 32 bits, length in the low; null is 0</td></tr>
 * <tr><td>MemoryManager</td><td>nothing: the caller's memory</td><td>-</td></tr>
 * </table>
 *
 * <p>Functions of other types, such as records, lists and maps, are for callers by a dotted name
 * only: guests on a node reach them by {@code process}, other programs by {@code VudoClient}, with
 * JSON or MessagePack. An import of one is refused.
 *
 * <p>The buffer of a result comes from the guest's own allocator, and is the guest's. A guest that
 * exports none has it until the next call of the host.
 *
 * <p>Functions run on the thread of the guest, while its time runs; time that is up ends the call
 * when the function has returned. What a function throws ends the guest's call with {@code
 * LOA_FAILED}; a {@link VudoException} goes through as it is. Of one Spirit there is one call at a
 * time, but several Spirits may call a function at once.
 *
 * <p>Immutable; thread-safe as far as its functions are.
 */
public final class Loa {
  private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9_.-]{0,63}");
  private static final int MOST_PARAMETERS = 100;

  /** What a function does. */
  @FunctionalInterface
  public interface Body {
    /**
     * Runs.
     *
     * @param arguments boxed, one a parameter
     * @return boxed, of the declared result; ignored for void
     * @throws Exception ends the guest's call
     */
    Object call(Object[] arguments) throws Exception;
  }

  /**
   * A function.
   *
   * @param name as guests import it
   * @param parameters of Java
   * @param result of Java
   * @param generic the parameters with their type arguments
   * @param type of the import; null when it cannot be imported
   * @param body what it does
   */
  record Entry(
      String name,
      List<Class<?>> parameters,
      List<Type> generic,
      Class<?> result,
      FunctionType type,
      Body body) {}

  private final String name;
  private final Version version;
  private final Map<String, Entry> entries;
  private final Set<String> capabilities;

  private Loa(String name, Version version, Map<String, Entry> entries, Set<String> capabilities) {
    this.name = name;
    this.version = version;
    this.entries = entries;
    this.capabilities = capabilities;
  }

  /**
   * Begins a Loa.
   *
   * @param name a letter and up to 63 of letters, digits, {@code '_'}, {@code '-'}, {@code '.'}
   * @param version semantic, such as {@code 1.0.0}
   * @throws VudoException {@code LOA_INVALID}
   */
  public static Builder named(String name, String version) {
    return new Builder(name, version);
  }

  /**
   * The Loa of an object: its class, or one interface that this implements, is a {@link
   * LoaService}, and methods of that are {@link LoaFunction}s.
   *
   * @throws VudoException {@code LOA_INVALID}
   */
  public static Loa of(Object implementation) {
    Class<?> contract = contract(implementation.getClass());
    LoaService service = contract.getAnnotation(LoaService.class);
    Builder builder = named(service.name(), service.version());
    List<Method> methods =
        Arrays.stream(contract.getMethods())
            .filter(method -> method.isAnnotationPresent(LoaFunction.class))
            .filter(method -> !Modifier.isStatic(method.getModifiers()) && !method.isBridge())
            .sorted((a, b) -> a.getName().compareTo(b.getName()))
            .toList();
    for (Method method : methods) {
      String declared = method.getAnnotation(LoaFunction.class).value();
      try {
        method.setAccessible(true);
      } catch (InaccessibleObjectException e) {
        throw invalid(service.name(), "its module keeps " + method + " closed.", e);
      }
      builder.function(
          declared.isEmpty() ? method.getName() : declared,
          List.of(method.getParameterTypes()),
          List.of(method.getGenericParameterTypes()),
          method.getReturnType(),
          arguments -> invoke(method, implementation, arguments));
    }
    return builder.build();
  }

  private static Object invoke(Method method, Object target, Object[] arguments) throws Exception {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof Exception cause) {
        throw cause;
      }
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw e;
    }
  }

  private static Class<?> contract(Class<?> type) {
    Set<Class<?>> marked = new LinkedHashSet<>();
    collect(type, marked);
    if (marked.size() != 1) {
      throw invalid(
          type.getName(),
          marked.isEmpty()
              ? "neither it nor an interface of it is a LoaService."
              : "it is more than one LoaService: " + marked + ".",
          null);
    }
    return marked.iterator().next();
  }

  private static void collect(Class<?> type, Set<Class<?>> marked) {
    if (type == null) {
      return;
    }
    if (type.isAnnotationPresent(LoaService.class)) {
      marked.add(type);
    }
    collect(type.getSuperclass(), marked);
    for (Class<?> contract : type.getInterfaces()) {
      collect(contract, marked);
    }
  }

  /**
   * The Loa that modules of the DOL compiler expect, {@code core} 1.0.0; a {@link LoaRegistry} has
   * it from the start, printing to {@link System#out}. Its functions: {@code vudo_print} and {@code
   * vudo_println} (text), {@code vudo_now} (milliseconds since 1970, i64), {@code vudo_random} (f64
   * from 0 to below 1) and {@code vudo_alloc} (bytes, as {@link MemoryManager#alloc(int)}).
   *
   * @param out where it prints
   */
  public static Loa core(PrintStream out) {
    Objects.requireNonNull(out);
    return named("core", "1.0.0")
        .procedure("vudo_print", String.class, out::print)
        .procedure("vudo_println", String.class, out::println)
        .supplier("vudo_now", long.class, System::currentTimeMillis)
        .supplier("vudo_random", double.class, () -> ThreadLocalRandom.current().nextDouble())
        .function(
            "vudo_alloc",
            MemoryManager.class,
            int.class,
            int.class,
            (memory, size) -> memory.alloc(size))
        .build();
  }

  /** The name. */
  public String name() {
    return name;
  }

  /** The semantic version. */
  public String version() {
    return version.text();
  }

  /** The functions that guests may import. */
  public Set<String> capabilities() {
    return capabilities;
  }

  /**
   * All functions that can be imported, by name, with the types of their imports; those that are
   * not declared, too.
   */
  public Map<String, FunctionType> functions() {
    Map<String, FunctionType> types = new TreeMap<>();
    entries.forEach(
        (function, entry) -> {
          if (entry.type() != null) {
            types.put(function, entry.type());
          }
        });
    return types;
  }

  /**
   * The Java types of a function's parameters, with type arguments where an annotated method has
   * them.
   *
   * @throws VudoException {@code LOA_INVALID} when there is no such function
   */
  public List<Type> parameters(String function) {
    return known(function).generic();
  }

  /**
   * Calls a function from Java. Declared or not makes no difference.
   *
   * @param arguments boxed, one for each of {@link #parameters}
   * @return boxed; null for void
   * @throws Exception what the function throws; {@code LOA_INVALID} when there is none of this name
   */
  public Object call(String function, Object... arguments) throws Exception {
    return known(function).body().call(arguments);
  }

  private Entry known(String function) {
    Entry entry = entries.get(function);
    if (entry == null) {
      throw invalid(name, "it has no function \"" + function + "\".", null);
    }
    return entry;
  }

  Version parsedVersion() {
    return version;
  }

  Entry entry(String function) {
    return entries.get(function);
  }

  /** For example {@code logging 1.0.0}. */
  @Override
  public String toString() {
    return name + " " + version;
  }

  private static VudoException invalid(String name, String reason, Throwable cause) {
    return new VudoException(ErrorCode.LOA_INVALID, name + ": " + reason, cause);
  }

  /** Puts a {@link Loa} together. Not thread-safe. */
  public static final class Builder {
    private final String name;
    private final Version version;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private Set<String> capabilities;

    private Builder(String name, String version) {
      if (!NAME.matcher(name).matches()) {
        throw invalid("\"" + name + "\"", "this is no name of a Loa.", null);
      }
      this.name = name;
      this.version =
          Version.parse(version)
              .orElseThrow(() -> invalid(name, "\"" + version + "\" is no version.", null));
    }

    /**
     * Adds a function of any signature.
     *
     * @param function the name that guests import
     * @param parameters types of its parameters
     * @param result type of its result, or {@code void.class}
     * @throws VudoException {@code LOA_INVALID} for a second function of this name
     */
    public Builder function(
        String function, List<Class<?>> parameters, Class<?> result, Body body) {
      return function(function, parameters, List.copyOf(parameters), result, body);
    }

    private Builder function(
        String function,
        List<Class<?>> parameters,
        List<Type> generic,
        Class<?> result,
        Body body) {
      Objects.requireNonNull(body);
      if (function.isEmpty() || entries.containsKey(function)) {
        throw invalid(name, "there is a function \"" + function + "\" already, or no name.", null);
      }
      FunctionType type = importType(parameters, result).orElse(null);
      if (parameters.size() > MOST_PARAMETERS
          || (type != null && type.parameters().size() > MOST_PARAMETERS)) {
        throw invalid(name, function + " has more than " + MOST_PARAMETERS + " parameters.", null);
      }
      entries.put(
          function, new Entry(function, List.copyOf(parameters), generic, result, type, body));
      return this;
    }

    /** The type of the import; empty when a type of Java does not cross. */
    private static Optional<FunctionType> importType(List<Class<?>> parameters, Class<?> result) {
      List<ValueType> types = new ArrayList<>();
      for (Class<?> parameter : parameters) {
        if (Values.isBuffer(parameter)) {
          types.add(ValueType.I32);
          types.add(ValueType.I32);
        } else if (parameter != MemoryManager.class) {
          Optional<ValueType> type = Values.typeOf(parameter);
          if (type.isEmpty()) {
            return Optional.empty();
          }
          types.add(type.get());
        }
      }
      if (result == void.class) {
        return Optional.of(new FunctionType(types, List.of()));
      }
      Optional<ValueType> answered =
          Values.isBuffer(result) ? Optional.of(ValueType.I64) : Values.typeOf(result);
      return answered.map(type -> new FunctionType(types, List.of(type)));
    }

    /** Adds a function of one parameter without a result. */
    public <A> Builder procedure(String function, Class<A> parameter, Consumer<? super A> body) {
      Objects.requireNonNull(body);
      return function(
          function,
          List.of(parameter),
          void.class,
          arguments -> {
            body.accept(as(parameter, arguments[0]));
            return null;
          });
    }

    /** Adds a function without parameters. */
    public <R> Builder supplier(String function, Class<R> result, Supplier<? extends R> body) {
      Objects.requireNonNull(body);
      return function(function, List.of(), result, arguments -> body.get());
    }

    /** Adds a function of one parameter. */
    public <A, R> Builder function(
        String function,
        Class<A> parameter,
        Class<R> result,
        Function<? super A, ? extends R> body) {
      Objects.requireNonNull(body);
      return function(
          function,
          List.of(parameter),
          result,
          arguments -> body.apply(as(parameter, arguments[0])));
    }

    /** Adds a function of two parameters. */
    public <A, B, R> Builder function(
        String function,
        Class<A> first,
        Class<B> second,
        Class<R> result,
        BiFunction<? super A, ? super B, ? extends R> body) {
      Objects.requireNonNull(body);
      return function(
          function,
          List.of(first, second),
          result,
          arguments -> body.apply(as(first, arguments[0]), as(second, arguments[1])));
    }

    /**
     * Declares which functions guests may import; without this, all of them. The others are for
     * later versions, or for other Loa that share the code.
     */
    public Builder capabilities(String... functions) {
      capabilities = new LinkedHashSet<>(List.of(functions));
      return this;
    }

    /**
     * The Loa.
     *
     * @throws VudoException {@code LOA_INVALID} without functions, or when a capability is none of
     *     them
     */
    public Loa build() {
      if (entries.isEmpty()) {
        throw invalid(name, "it has no functions.", null);
      }
      Set<String> declared = capabilities == null ? entries.keySet() : capabilities;
      for (String capability : declared) {
        if (!entries.containsKey(capability)) {
          throw invalid(
              name, "it declares " + capability + ", but has no function of this name.", null);
        }
      }
      return new Loa(name, version, Map.copyOf(entries), Set.copyOf(declared));
    }
  }

  /** The linker has made the argument of the parameter's type; a primitive one is boxed. */
  @SuppressWarnings("unchecked")
  private static <A> A as(Class<A> type, Object argument) {
    return type.isPrimitive() ? (A) argument : type.cast(argument);
  }
}
