package io.vudo.spirit.internal.turn;

import static io.vudo.spirit.ValueType.I32;
import static io.vudo.spirit.ValueType.I64;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.vudo.protocol.Capability.Kind;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.TupleAnswer;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.ValueType;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The functions of import module {@code spirit}: the flat binding of the contract in {@code wit/}.
 *
 * <p>No function traps on what a guest passes: a pointer outside memory, a name that is none or a
 * missing capability is a status. Only a turn that must end ({@code fail}, more effects than a turn
 * may have) throws.
 */
public final class FlatAbi {
  /** The import module. */
  public static final String MODULE = "spirit";

  private static final int MAX_RANDOM_BYTES = 64 << 10;
  private static final int MAX_NAME_BYTES = 1_024;

  @FunctionalInterface
  private interface Body {
    long call(TurnContext turn, EngineInstance guest, long[] a);
  }

  private record Entry(FunctionType type, Body body) {}

  private static final Map<String, Entry> TABLE = new LinkedHashMap<>();

  static {
    define("self", "ii", "i", (t, g, a) -> answerString(g, t.self().toString(), a));
    define("sender", "ii", "i", (t, g, a) -> answerString(g, t.input().getSender(), a));
    define("message_type", "ii", "i", (t, g, a) -> answerString(g, t.input().getType(), a));
    define("message_id", "ii", "i", (t, g, a) -> answerString(g, t.input().getId(), a));
    define("send_message", "iiiiii", "i", FlatAbi::sendMessage);
    define("spawn", "iiiiii", "i", FlatAbi::spawn);
    define("stop", "ii", "i", FlatAbi::stop);
    define("tuplespace_write", "iiiil", "i", FlatAbi::tuplespaceWrite);
    define("tuplespace_read", "iiiilii", "i", (t, g, a) -> tuplespaceQuery(t, g, a, false));
    define("tuplespace_take", "iiiilii", "i", (t, g, a) -> tuplespaceQuery(t, g, a, true));
    define("log", "iii", "", FlatAbi::log);
    define("now", "", "l", FlatAbi::now);
    define("random", "ii", "i", FlatAbi::random);
    define("fail", "iii", "", FlatAbi::fail);
  }

  private FlatAbi() {}

  /** The signature of a host function, or empty when there is none of this name. */
  public static Optional<FunctionType> typeOf(String module, String name) {
    return MODULE.equals(module)
        ? Optional.ofNullable(TABLE.get(name)).map(Entry::type)
        : Optional.empty();
  }

  /** The names and signatures of all functions, in the order of the contract. */
  public static Map<String, FunctionType> functions() {
    Map<String, FunctionType> types = new LinkedHashMap<>();
    TABLE.forEach((name, entry) -> types.put(name, entry.type()));
    return types;
  }

  /** Binds an import to the turn that is under way when it is called. */
  static HostFunction bind(AdmittedModule.Import wanted, Supplier<TurnContext> current) {
    Entry entry = TABLE.get(wanted.name());
    return (guest, arguments) -> {
      try {
        return entry.body().call(current.get(), guest, arguments);
      } catch (GuestStatus status) {
        return status.status();
      }
    };
  }

  private static void define(String name, String parameters, String results, Body body) {
    TABLE.put(name, new Entry(new FunctionType(types(parameters), types(results)), body));
  }

  private static List<ValueType> types(String letters) {
    return letters.chars().mapToObj(letter -> letter == 'l' ? I64 : I32).toList();
  }

  // The functions

  private static long sendMessage(TurnContext turn, EngineInstance guest, long[] a) {
    String to = name(guest, a[0], a[1]);
    String type = name(guest, a[2], a[3]);
    byte[] payload = payload(turn, guest, a[4], a[5]);
    require(turn.grants().allow(Kind.CROSS_SANDBOX_CALL, to));
    turn.send(spiritId(to), type, payload, Message.Kind.MESSAGE);
    return GuestStatus.OK;
  }

  private static long spawn(TurnContext turn, EngineInstance guest, long[] a) {
    String type = name(guest, a[0], a[1]);
    String id = name(guest, a[2], a[3]);
    byte[] argument = payload(turn, guest, a[4], a[5]);
    require(turn.grants().allow(Kind.SPAWN_SANDBOX, type));
    turn.send(spiritId(type + "/" + id), "spawn", argument, Message.Kind.SPAWN);
    return GuestStatus.OK;
  }

  private static long stop(TurnContext turn, EngineInstance guest, long[] a) {
    SpiritId target = spiritId(name(guest, a[0], a[1]));
    require(target.equals(turn.self()) || turn.grants().allow(Kind.SPAWN_SANDBOX, target.type()));
    turn.send(target, "stop", new byte[0], Message.Kind.STOP);
    return GuestStatus.OK;
  }

  private static long tuplespaceWrite(TurnContext turn, EngineInstance guest, long[] a) {
    String space = space(guest, a[0], a[1]);
    byte[] encoded = bytes(guest, a[2], a[3], Tuple.MAX_BYTES);
    require(turn.grants().allow(Kind.TUPLESPACE_WRITE, space));
    if (a[4] < 0) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    try {
      // Decoded and encoded again: what is stored is canonical whatever the guest's encoder does.
      encoded = TupleCodec.encode(TupleCodec.decodeTuple(encoded));
    } catch (VudoException e) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    turn.writeTuple(space, encoded, a[4]);
    return GuestStatus.OK;
  }

  private static long tuplespaceQuery(
      TurnContext turn, EngineInstance guest, long[] a, boolean take) {
    String space = space(guest, a[0], a[1]);
    byte[] encoded = bytes(guest, a[2], a[3], Tuple.MAX_BYTES);
    require(turn.grants().allow(take ? Kind.TUPLESPACE_TAKE : Kind.TUPLESPACE_READ, space));
    requireRange(guest, a[5], 4);
    requireRange(guest, a[6], 4);
    if (a[4] != 0) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    Template template;
    try {
      template = TupleCodec.decodeTemplate(encoded);
    } catch (VudoException e) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    TupleAnswer answer = turn.tuple(new SpaceRequest(take, space, template));
    if (answer.getStatus() != GuestStatus.OK) {
      return answer.getStatus();
    }
    answerBuffer(turn, guest, answer.getTuple().toByteArray(), a[5], a[6]);
    if (take) {
      turn.confirmTake(space, answer.getHold());
    }
    return GuestStatus.OK;
  }

  private static long log(TurnContext turn, EngineInstance guest, long[] a) {
    require(turn.grants().allow(Kind.ACTUATOR_LOG));
    requireRange(guest, a[1], a[2]);
    long length = Integer.toUnsignedLong((int) a[2]);
    int kept = (int) Math.min(length, turn.maxLogLineBytes());
    turn.log(
        (int) Math.max(0, Math.min(4, a[0])),
        guest.readMemory((int) a[1], kept),
        (int) Math.min(length, Integer.MAX_VALUE));
    return GuestStatus.OK;
  }

  private static long now(TurnContext turn, EngineInstance guest, long[] a) {
    require(turn.grants().allow(Kind.SENSOR_TIME));
    return turn.nowNanos();
  }

  private static long random(TurnContext turn, EngineInstance guest, long[] a) {
    require(turn.grants().allow(Kind.SENSOR_RANDOM));
    requireRange(guest, a[0], a[1]);
    if (Integer.toUnsignedLong((int) a[1]) > MAX_RANDOM_BYTES) {
      throw GuestStatus.LIMIT_EXCEEDED;
    }
    guest.writeMemory((int) a[0], turn.random((int) a[1]));
    return GuestStatus.OK;
  }

  private static long fail(TurnContext turn, EngineInstance guest, long[] a) {
    String text;
    if (guest.inMemory((int) a[1], (int) a[2])) {
      long length = Integer.toUnsignedLong((int) a[2]);
      text =
          new String(
              guest.readMemory((int) a[1], (int) Math.min(length, turn.maxLogLineBytes())), UTF_8);
    } else {
      text = "(the message's pointer and length lie outside of memory)";
    }
    throw new VudoException(ErrorCode.APPLICATION_ERROR, "Code " + (int) a[0] + ": " + text);
  }

  // Crossing the boundary

  private static void require(boolean granted) {
    if (!granted) {
      throw GuestStatus.CAPABILITY_DENIED;
    }
  }

  private static void requireRange(EngineInstance guest, long pointer, long length) {
    if (!guest.inMemory((int) pointer, (int) length)) {
      throw GuestStatus.INVALID_MEMORY;
    }
  }

  private static byte[] bytes(EngineInstance guest, long pointer, long length, int most) {
    requireRange(guest, pointer, length);
    if (Integer.toUnsignedLong((int) length) > most) {
      throw GuestStatus.LIMIT_EXCEEDED;
    }
    return guest.readMemory((int) pointer, (int) length);
  }

  private static byte[] payload(TurnContext turn, EngineInstance guest, long pointer, long length) {
    return bytes(guest, pointer, length, turn.limits().maxPayloadBytes());
  }

  private static String name(EngineInstance guest, long pointer, long length) {
    try {
      return UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes(guest, pointer, length, MAX_NAME_BYTES)))
          .toString();
    } catch (CharacterCodingException e) {
      throw GuestStatus.INVALID_PARAMETER;
    }
  }

  private static String space(EngineInstance guest, long pointer, long length) {
    String name = name(guest, pointer, length);
    try {
      return io.vudo.protocol.SpaceName.check(name);
    } catch (VudoException e) {
      throw GuestStatus.INVALID_PARAMETER;
    }
  }

  private static SpiritId spiritId(String text) {
    try {
      return SpiritId.parse(text);
    } catch (VudoException e) {
      throw GuestStatus.INVALID_PARAMETER;
    }
  }

  private static long answerString(EngineInstance guest, String text, long[] a) {
    byte[] bytes = text.getBytes(UTF_8);
    if (bytes.length <= Integer.toUnsignedLong((int) a[1])) {
      requireRange(guest, a[0], bytes.length);
      guest.writeMemory((int) a[0], bytes);
    }
    return bytes.length;
  }

  private static void answerBuffer(
      TurnContext turn, EngineInstance guest, byte[] bytes, long outPointer, long outLength) {
    int address = (int) guest.call(GuestCalls.ALLOC, turn.deadlineNanos(), bytes.length)[0];
    if (address == 0 || !guest.inMemory(address, bytes.length)) {
      throw GuestStatus.INVALID_MEMORY;
    }
    guest.writeMemory(address, bytes);
    guest.writeMemory((int) outPointer, littleEndian(address));
    guest.writeMemory((int) outLength, littleEndian(bytes.length));
  }

  private static byte[] littleEndian(int value) {
    return new byte[] {
      (byte) value, (byte) (value >>> 8), (byte) (value >>> 16), (byte) (value >>> 24)
    };
  }
}
