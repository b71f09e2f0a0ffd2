package io.vudo.embedded.internal;

import io.vudo.embedded.Export;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.FunctionType;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Java interfaces over a module's exports. */
public final class SpiritInterface implements InvocationHandler {

  /** Calls an export with boxed values. */
  @FunctionalInterface
  public interface Caller {
    /** As {@link Calls#call}. */
    Object call(boolean packed, String function, Object... arguments);
  }

  /** What a method does. */
  @FunctionalInterface
  private interface Action {
    Object run(Object proxy, Object[] arguments) throws Throwable;
  }

  private static final Object[] NONE = {};

  private static final Map<Class<?>, Class<?>> UNBOXED =
      Map.of(
          Boolean.class, boolean.class,
          Byte.class, byte.class,
          Short.class, short.class,
          Integer.class, int.class,
          Long.class, long.class,
          Float.class, float.class,
          Double.class, double.class);

  private final String name;
  private final Map<Method, Action> actions = new HashMap<>();

  private SpiritInterface(String name) {
    this.name = name;
  }

  /**
   * An implementation of an interface.
   *
   * @param exports of the module
   * @param caller calls one
   * @param name what {@code toString} says
   * @throws VudoException {@code INTERFACE_MISMATCH}
   */
  public static <T> T of(
      Class<T> contract, Map<String, FunctionType> exports, Caller caller, String name) {
    if (!contract.isInterface()) {
      throw mismatch(contract.getName() + " is no interface.", null);
    }
    SpiritInterface handler = new SpiritInterface(contract.getSimpleName() + " of " + name);
    for (Method method : contract.getMethods()) {
      if (Modifier.isStatic(method.getModifiers()) || isObjects(method)) {
        continue;
      }
      handler.actions.put(
          method,
          method.isDefault() ? written(contract, method) : exported(method, exports, caller));
    }
    try {
      return contract.cast(
          Proxy.newProxyInstance(contract.getClassLoader(), new Class<?>[] {contract}, handler));
    } catch (IllegalArgumentException e) {
      throw mismatch(contract.getName() + " cannot be implemented: " + e.getMessage() + ".", e);
    }
  }

  private static boolean isObjects(Method method) {
    try {
      Object.class.getMethod(method.getName(), method.getParameterTypes());
      return true;
    } catch (NoSuchMethodException e) {
      return false;
    }
  }

  private static Action written(Class<?> contract, Method method) {
    MethodHandle body;
    try {
      Class<?> declaring = method.getDeclaringClass();
      body =
          MethodHandles.privateLookupIn(declaring, MethodHandles.lookup())
              .unreflectSpecial(method, declaring)
              .asFixedArity();
    } catch (IllegalAccessException e) {
      throw mismatch(method + ": the module of " + contract.getName() + " keeps it closed.", e);
    }
    return (proxy, arguments) -> {
      List<Object> all = new ArrayList<>();
      all.add(proxy);
      all.addAll(Arrays.asList(arguments));
      return body.invokeWithArguments(all);
    };
  }

  private static Action exported(Method method, Map<String, FunctionType> exports, Caller caller) {
    String export = export(method, exports);
    FunctionType type = exports.get(export);
    Class<?> result = unboxed(method.getReturnType());
    List<Class<?>> parameters = new ArrayList<>();
    for (Class<?> parameter : method.getParameterTypes()) {
      parameters.add(unboxed(parameter));
    }
    if (!Signatures.takes(type, parameters) || !Signatures.answers(type, result)) {
      throw mismatch(method + " does not fit export " + export + " " + type + ".", null);
    }
    boolean packed = Values.isBuffer(result);
    return (proxy, arguments) -> Signatures.result(result, caller.call(packed, export, arguments));
  }

  private static String export(Method method, Map<String, FunctionType> exports) {
    Export named = method.getAnnotation(Export.class);
    if (named != null) {
      return known(method, named.value(), exports);
    }
    String snake =
        method.getName().replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
    return exports.containsKey(method.getName()) || !exports.containsKey(snake)
        ? known(method, method.getName(), exports)
        : snake;
  }

  private static String known(Method method, String export, Map<String, FunctionType> exports) {
    if (!exports.containsKey(export)) {
      throw mismatch(
          method
              + ": there is no export "
              + export
              + "; there are "
              + String.join(", ", exports.keySet())
              + ".",
          null);
    }
    return export;
  }

  private static Class<?> unboxed(Class<?> type) {
    return UNBOXED.getOrDefault(type, type);
  }

  private static VudoException mismatch(String detail, Throwable cause) {
    return new VudoException(ErrorCode.INTERFACE_MISMATCH, detail, cause);
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    Action action = actions.get(method);
    if (action != null) {
      return action.run(proxy, arguments == null ? NONE : arguments);
    }
    return switch (method.getName()) {
      case "equals" -> proxy == arguments[0];
      case "hashCode" -> System.identityHashCode(proxy);
      default -> name;
    };
  }
}
