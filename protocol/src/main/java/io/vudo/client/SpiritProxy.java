package io.vudo.client;

import com.fasterxml.jackson.databind.JavaType;
import io.vudo.client.internal.MessagePack;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** A Spirit as an object of an interface; {@link SpiritClient#as(Class, Codec)} has the rules. */
final class SpiritProxy implements InvocationHandler {
  private static final Logger LOG = System.getLogger(SpiritProxy.class.getName());

  private final Class<?> type;
  private final SpiritClient spirit;
  private final Codec codec;
  private final Map<Method, Call> calls;

  private SpiritProxy(Class<?> type, SpiritClient spirit, Codec codec, Map<Method, Call> calls) {
    this.type = type;
    this.spirit = spirit;
    this.codec = codec;
    this.calls = calls;
  }

  static <T> T of(Class<T> type, SpiritClient spirit, Codec codec) {
    if (!type.isInterface() || type.isAnnotation()) {
      throw new VudoException(ErrorCode.INTERFACE_INVALID, type.getName() + " is no interface.");
    }
    SpiritProxy handler = new SpiritProxy(type, spirit, codec, calls(type, codec));
    try {
      return type.cast(
          Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    } catch (IllegalArgumentException e) {
      // Sealed, hidden, or not to be seen by its own class loader.
      throw new VudoException(
          ErrorCode.INTERFACE_INVALID, type.getName() + ": " + e.getMessage(), e);
    }
  }

  // What the methods mean

  /** What is done with the answer. */
  private enum Mode {
    WAIT,
    STAGE,
    FORGET
  }

  /**
   * One method.
   *
   * @param message its type
   * @param parameters the types of the payload's parts
   * @param places of these among the arguments
   * @param keyPlace of the idempotency key; -1 for none
   * @param mode whether it waits
   * @param optional whether there may be no reply
   * @param result what the reply is; {@code void} when it does not matter
   */
  private record Call(
      String message,
      boolean idempotent,
      List<JavaType> parameters,
      List<Integer> places,
      int keyPlace,
      Mode mode,
      boolean optional,
      JavaType result) {
    boolean tells() {
      return result.hasRawClass(void.class) || result.hasRawClass(Void.class);
    }
  }

  private static Map<Method, Call> calls(Class<?> type, Codec codec) {
    JavaType self = codec.type(type);
    Map<Method, Call> calls = new HashMap<>();
    Map<String, Method> byName = new HashMap<>();
    for (Method method : type.getMethods()) {
      if (Modifier.isAbstract(method.getModifiers()) && !isOfEveryObject(method)) {
        Method other = byName.putIfAbsent(method.getName(), method);
        if (other != null
            && !Arrays.equals(other.getParameterTypes(), method.getParameterTypes())
            && !(isNamed(other) && isNamed(method))) {
          throw invalid(
              method,
              "there is another method of this name, and both would send the same message type;"
                  + " give each a @MessageType.");
        }
        calls.put(method, call(method, self, codec));
      }
    }
    return calls;
  }

  private static boolean isNamed(Method method) {
    return method.isAnnotationPresent(MessageType.class);
  }

  private static boolean isOfEveryObject(Method method) {
    try {
      var unused = Object.class.getMethod(method.getName(), method.getParameterTypes());
      return true;
    } catch (NoSuchMethodException e) {
      return false;
    }
  }

  private static Call call(Method method, JavaType self, Codec codec) {
    if (method.getTypeParameters().length > 0) {
      throw invalid(method, "a method cannot have type parameters of its own.");
    }
    JavaType declaring = self.findSuperType(method.getDeclaringClass());
    List<JavaType> parameters = new ArrayList<>();
    List<Integer> places = new ArrayList<>();
    int keyPlace = -1;
    for (int i = 0; i < method.getParameterCount(); i++) {
      JavaType parameter = resolve(method, method.getGenericParameterTypes()[i], declaring, codec);
      if (!method.getParameters()[i].isAnnotationPresent(IdempotencyKey.class)) {
        if (parameter.isTypeOrSubTypeOf(Optional.class) || isStage(parameter)) {
          throw invalid(method, "a parameter is a value; got " + parameter.toCanonical() + ".");
        }
        parameters.add(parameter);
        places.add(i);
      } else if (keyPlace >= 0 || !parameter.hasRawClass(String.class)) {
        throw invalid(method, "the @IdempotencyKey is one parameter of type String.");
      } else {
        keyPlace = i;
      }
    }
    boolean idempotent = method.isAnnotationPresent(Idempotent.class);
    if (idempotent && keyPlace >= 0) {
      throw invalid(method, "it is @Idempotent and has an @IdempotencyKey.");
    }
    JavaType result = resolve(method, method.getGenericReturnType(), declaring, codec);
    Mode mode = Mode.WAIT;
    if (method.isAnnotationPresent(Tell.class)) {
      if (!result.hasRawClass(void.class)) {
        throw invalid(method, "who tells learns nothing: @Tell is for void.");
      }
      mode = Mode.FORGET;
    } else if (isStage(result)) {
      if (!result.hasRawClass(CompletionStage.class)
          && !result.hasRawClass(CompletableFuture.class)) {
        throw invalid(method, "it answers by CompletionStage or CompletableFuture.");
      }
      mode = Mode.STAGE;
      result = content(method, result, CompletionStage.class);
    }
    boolean optional = result.hasRawClass(Optional.class);
    if (optional) {
      result = content(method, result, Optional.class);
    }
    if (isStage(result) || result.hasRawClass(Optional.class)) {
      throw invalid(method, "a result is a value; got " + result.toCanonical() + ".");
    }
    return new Call(
        message(method),
        idempotent,
        List.copyOf(parameters),
        List.copyOf(places),
        keyPlace,
        mode,
        optional,
        result);
  }

  private static JavaType resolve(Method method, Type type, JavaType declaring, Codec codec) {
    try {
      return codec.type(type, declaring);
    } catch (RuntimeException e) {
      throw new VudoException(
          ErrorCode.INTERFACE_INVALID, method + ": " + type + ": " + e.getMessage(), e);
    }
  }

  private static boolean isStage(JavaType type) {
    return type.isTypeOrSubTypeOf(CompletionStage.class);
  }

  private static JavaType content(Method method, JavaType type, Class<?> container) {
    JavaType[] parameters = type.findTypeParameters(container);
    if (parameters.length != 1 || parameters[0].hasRawClass(Object.class)) {
      throw invalid(method, "of what is the " + container.getSimpleName() + "?");
    }
    return parameters[0];
  }

  private static String message(Method method) {
    MessageType named = method.getAnnotation(MessageType.class);
    try {
      return Message.of(named == null ? method.getName() : named.value()).type();
    } catch (VudoException e) {
      throw new VudoException(ErrorCode.INTERFACE_INVALID, method + ": " + e.detail(), e);
    }
  }

  private static VudoException invalid(Method method, String why) {
    return new VudoException(ErrorCode.INTERFACE_INVALID, method + ": " + why);
  }

  // What a call does

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    Call call = calls.get(method);
    if (call != null) {
      return invoke(call, arguments);
    }
    if (method.isDefault()) {
      return invokeDefault(proxy, method, arguments);
    }
    return switch (method.getName()) {
      case "equals" -> proxy == arguments[0];
      case "hashCode" -> System.identityHashCode(proxy);
      default -> type.getSimpleName() + " of " + spirit;
    };
  }

  private Object invokeDefault(Object proxy, Method method, Object[] arguments) throws Throwable {
    Class<?> declaring = method.getDeclaringClass();
    try {
      // An interface that is not public lets nobody else call its methods.
      return MethodHandles.privateLookupIn(declaring, MethodHandles.lookup())
          .unreflectSpecial(method, declaring)
          .bindTo(proxy)
          .invokeWithArguments(arguments == null ? new Object[0] : arguments);
    } catch (IllegalAccessException e) {
      // A module that does not open the package may still export it.
      return InvocationHandler.invokeDefault(proxy, method, arguments);
    }
  }

  private Object invoke(Call call, Object[] arguments) {
    CompletableFuture<Object> result;
    try {
      result =
          spirit.send(
              call.tells() ? "tell" : "ask",
              message(call, arguments),
              reply -> result(call, reply));
    } catch (VudoException e) {
      // Nothing was sent. A stage tells every failure itself.
      if (call.mode() != Mode.STAGE) {
        throw e;
      }
      return CompletableFuture.failedFuture(e);
    }
    return switch (call.mode()) {
      case WAIT -> SpiritClient.await(result);
      case STAGE -> result;
      case FORGET -> {
        var unused =
            result.whenComplete(
                (done, failure) -> {
                  if (failure != null) {
                    LOG.log(
                        Logger.Level.WARNING,
                        "{0} may not have been told {1}: {2}",
                        spirit,
                        call.message(),
                        failure.getMessage());
                  }
                });
        yield null;
      }
    };
  }

  private Message message(Call call, Object[] arguments) {
    Message message = Message.of(call.message(), payload(call, arguments));
    if (call.idempotent()) {
      return message.idempotent();
    }
    if (call.keyPlace() < 0) {
      return message;
    }
    Object key = arguments[call.keyPlace()];
    if (key == null) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID, "The idempotency key of " + call.message() + " is null.");
    }
    return message.withKey((String) key);
  }

  private byte[] payload(Call call, Object[] arguments) {
    if (call.places().isEmpty()) {
      return new byte[0];
    }
    List<Object> values = new ArrayList<>();
    call.places().forEach(place -> values.add(arguments[place]));
    if (values.size() > 1) {
      return codec.encode(values, call.parameters());
    }
    Object value = values.get(0);
    if (value == null && isPlain(call.parameters().get(0))) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID, "The payload of " + call.message() + " is null.");
    }
    if (value instanceof byte[] bytes) {
      return bytes;
    }
    return value instanceof String text
        ? text.getBytes(StandardCharsets.UTF_8)
        : codec.encode(value, call.parameters().get(0));
  }

  /** Whether it is sent and received as it is. */
  private static boolean isPlain(JavaType type) {
    return type.hasRawClass(byte[].class) || type.hasRawClass(String.class);
  }

  private Object result(Call call, Optional<byte[]> reply) {
    if (call.tells()) {
      return null;
    }
    JavaType type = call.result();
    if (reply.isEmpty()) {
      if (call.optional()) {
        return Optional.empty();
      }
      throw new VudoException(
          ErrorCode.REPLY_INVALID,
          spirit + " gave no reply to " + call.message() + "; declare Optional or void.");
    }
    Object value = value(reply.get(), type);
    return call.optional() ? Optional.ofNullable(value) : value;
  }

  private Object value(byte[] bytes, JavaType type) {
    if (type.hasRawClass(byte[].class)) {
      return bytes;
    }
    if (!type.hasRawClass(String.class)) {
      return codec.decode(bytes, type);
    }
    try {
      return MessagePack.text(bytes);
    } catch (IOException e) {
      throw new VudoException(ErrorCode.REPLY_INVALID, "The reply is no UTF-8.", e);
    }
  }
}
