package io.vudo.spirit.internal.turn;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import io.vudo.protocol.Capability.Kind;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.GuestFailure;
import io.vudo.protocol.ProcessName;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Reply;
import io.vudo.protocol.journal.v1.TupleAnswer;
import io.vudo.spirit.EngineInstance;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.Optional;

/**
 * The functions of import module {@code spirit}: the flat binding of the contract in {@code wit/}.
 *
 * <p>No function traps on what a guest passes: a pointer outside memory, a name that is none or a
 * missing capability is a status. Only a turn that must end ({@code fail}, more effects than a turn
 * may have) throws.
 */
final class FlatAbi {
  /** The import module. */
  static final String MODULE = "spirit";

  private static final int MAX_RANDOM_BYTES = 64 << 10;
  private static final int MAX_NAME_BYTES = 1_024;
  private static final int MIN_PERIOD_MILLIS = 1_000;

  static final HostBinding BINDING =
      new HostBinding(MODULE)
          .define("self", "ii", "i", (t, g, a) -> answerString(g, t.self().toString(), a))
          .define("sender", "ii", "i", (t, g, a) -> answerString(g, t.input().getSender(), a))
          .define("message_type", "ii", "i", (t, g, a) -> answerString(g, t.input().getType(), a))
          .define("message_id", "ii", "i", (t, g, a) -> answerString(g, t.input().getId(), a))
          .define("send_message", "iiiiii", "i", FlatAbi::sendMessage)
          .define("ask", "iiiiiilii", "i", FlatAbi::ask)
          .define("sleep", "l", "i", FlatAbi::sleep)
          .define("send_after", "liiiiii", "l", FlatAbi::sendAfter)
          .define("cancel_timer", "l", "i", FlatAbi::cancelTimer)
          .define("remind", "iilliiii", "l", FlatAbi::remind)
          .define("cancel_reminder", "ii", "i", FlatAbi::cancelReminder)
          .define("spawn", "iiiiii", "i", FlatAbi::spawn)
          .define("stop", "ii", "i", FlatAbi::stop)
          .define("parent", "ii", "i", (t, g, a) -> answerString(g, t.parent(), a))
          .define("monitor", "ii", "i", (t, g, a) -> relate(t, g, a, Message.Kind.MONITOR))
          .define("demonitor", "ii", "i", (t, g, a) -> relate(t, g, a, Message.Kind.DEMONITOR))
          .define("link", "ii", "i", (t, g, a) -> relate(t, g, a, Message.Kind.LINK))
          .define("unlink", "ii", "i", (t, g, a) -> relate(t, g, a, Message.Kind.UNLINK))
          .define("tuplespace_write", "iiiil", "i", FlatAbi::tuplespaceWrite)
          .define("tuplespace_read", "iiiilii", "i", (t, g, a) -> tuplespaceQuery(t, g, a, false))
          .define("tuplespace_take", "iiiilii", "i", (t, g, a) -> tuplespaceQuery(t, g, a, true))
          .define("tuplespace_read_all", "iiiiiii", "i", (t, g, a) -> TupleAbi.all(t, g, a, false))
          .define("tuplespace_take_all", "iiiiiii", "i", (t, g, a) -> TupleAbi.all(t, g, a, true))
          .define("tuplespace_count", "iiii", "l", TupleAbi::count)
          .define("tuplespace_swap", "iiiiiilii", "i", TupleAbi::swap)
          .define("tuplespace_write_leased", "iiiilii", "i", TupleAbi::writeLeased)
          .define("tuplespace_renew", "iiiil", "i", TupleAbi::renew)
          .define("tuplespace_cancel_lease", "iiii", "i", TupleAbi::cancelLease)
          .define("tuplespace_barrier", "iiiiil", "i", TupleAbi::barrier)
          .define("tuplespace_watch", "iiiiii", "i", TupleAbi::watch)
          .define("tuplespace_unwatch", "iiii", "i", TupleAbi::unwatch)
          .define("log", "iii", "", FlatAbi::log)
          .define("now", "", "l", FlatAbi::now)
          .define("random", "ii", "i", FlatAbi::random)
          .define("storage_get", "iiii", "i", FlatAbi::storageGet)
          .define("storage_put", "iiii", "i", FlatAbi::storagePut)
          .define("storage_delete", "ii", "i", FlatAbi::storageDelete)
          .define("process", "iiiiii", "i", FlatAbi::process)
          .define("fail", "iii", "", FlatAbi::fail);

  private FlatAbi() {}

  // The functions

  private static long sendMessage(HostContext host, EngineInstance guest, long[] a) {
    String to = name(guest, a[0], a[1]);
    String type = name(guest, a[2], a[3]);
    byte[] payload = payload(host, guest, a[4], a[5]);
    require(host.grants().allow(Kind.CROSS_SANDBOX_CALL, to));
    host.send(spiritId(to), type, payload, Message.Kind.MESSAGE);
    return GuestStatus.OK;
  }

  private static long ask(HostContext host, EngineInstance guest, long[] a) {
    String to = name(guest, a[0], a[1]);
    String type = name(guest, a[2], a[3]);
    byte[] payload = payload(host, guest, a[4], a[5]);
    require(host.grants().allow(Kind.CROSS_SANDBOX_CALL, to));
    requireRange(guest, a[7], 4);
    requireRange(guest, a[8], 4);
    Reply answer =
        host.ask(
            new WaitRequest.Reply(
                spiritId(to), type, ByteString.copyFrom(payload), waitMillis(host, a[6], 1)));
    if (answer.getStatus() == GuestStatus.OK || answer.getStatus() == GuestStatus.FAILED) {
      answerBuffer(host, guest, answer.getPayload().toByteArray(), a[7], a[8]);
    }
    return answer.getStatus();
  }

  private static long process(HostContext host, EngineInstance guest, long[] a) {
    requireRange(guest, a[4], 4);
    requireRange(guest, a[5], 4);
    // Whoever prints what went wrong finds no text, rather than what was there before.
    guest.writeMemory((int) a[4], GuestCalls.littleEndian(0));
    guest.writeMemory((int) a[5], GuestCalls.littleEndian(0));
    String name = name(guest, a[0], a[1]);
    byte[] args = payload(host, guest, a[2], a[3]);
    require(host.grants().allow(Kind.PROCESS, name));
    if (!ProcessName.isValid(name)) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    Reply answer =
        host.process(new WaitRequest.Named(name, ByteString.copyFrom(args), host.processMillis()));
    answerBuffer(host, guest, answer.getPayload().toByteArray(), a[4], a[5]);
    return answer.getStatus();
  }

  private static long sleep(HostContext host, EngineInstance guest, long[] a) {
    long millis = waitMillis(host, a[0], 0);
    if (millis > 0) {
      host.sleep(new WaitRequest.Sleep(millis));
    }
    return GuestStatus.OK;
  }

  private static long sendAfter(HostContext host, EngineInstance guest, long[] a) {
    String to = name(guest, a[1], a[2]);
    String type = name(guest, a[3], a[4]);
    byte[] payload = payload(host, guest, a[5], a[6]);
    require(host.grants().allow(Kind.CROSS_SANDBOX_CALL, to));
    return host.startTimer("", waitMillis(host, a[0], 0), 0, spiritId(to), type, payload);
  }

  private static long cancelTimer(HostContext host, EngineInstance guest, long[] a) {
    return host.cancelTimer(a[0]) ? GuestStatus.OK : GuestStatus.NOT_FOUND;
  }

  private static long remind(HostContext host, EngineInstance guest, long[] a) {
    String name = key(guest, a[0], a[1]);
    String type = name(guest, a[4], a[5]);
    byte[] payload = payload(host, guest, a[6], a[7]);
    require(host.grants().allow(Kind.CROSS_SANDBOX_CALL, host.self().toString()));
    long delayMillis = waitMillis(host, a[2], 0);
    long periodMillis = waitMillis(host, a[3], 0);
    if (periodMillis > 0 && periodMillis < MIN_PERIOD_MILLIS) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    return host.startTimer(name, delayMillis, periodMillis, host.self(), type, payload);
  }

  private static long cancelReminder(HostContext host, EngineInstance guest, long[] a) {
    return host.cancelReminder(key(guest, a[0], a[1])) ? GuestStatus.OK : GuestStatus.NOT_FOUND;
  }

  private static long storageGet(HostContext host, EngineInstance guest, long[] a) {
    String key = key(guest, a[0], a[1]);
    require(host.grants().allow(Kind.STORAGE_READ));
    requireRange(guest, a[2], 4);
    requireRange(guest, a[3], 4);
    Optional<ByteString> value = host.stored(key);
    if (value.isEmpty()) {
      return GuestStatus.NOT_FOUND;
    }
    answerBuffer(host, guest, value.get().toByteArray(), a[2], a[3]);
    return GuestStatus.OK;
  }

  private static long storagePut(HostContext host, EngineInstance guest, long[] a) {
    String key = key(guest, a[0], a[1]);
    ByteString value = ByteString.copyFrom(payload(host, guest, a[2], a[3]));
    require(host.grants().allow(Kind.STORAGE_WRITE));
    if (!host.store(key, value)) {
      throw GuestStatus.LIMIT_EXCEEDED;
    }
    return GuestStatus.OK;
  }

  private static long storageDelete(HostContext host, EngineInstance guest, long[] a) {
    String key = key(guest, a[0], a[1]);
    require(host.grants().allow(Kind.STORAGE_DELETE));
    host.delete(key);
    return GuestStatus.OK;
  }

  static String key(EngineInstance guest, long pointer, long length) {
    String key = name(guest, pointer, length);
    if (key.isEmpty()) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    return key;
  }

  static long waitMillis(HostContext host, long millis, long least) {
    if (millis < least) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    if (millis > host.maxWaitMillis()) {
      throw GuestStatus.LIMIT_EXCEEDED;
    }
    return millis;
  }

  private static long spawn(HostContext host, EngineInstance guest, long[] a) {
    String type = name(guest, a[0], a[1]);
    String id = name(guest, a[2], a[3]);
    byte[] argument = payload(host, guest, a[4], a[5]);
    require(host.grants().allow(Kind.SPAWN_SANDBOX, type));
    host.send(spiritId(type + "/" + id), "spawn", argument, Message.Kind.SPAWN);
    return GuestStatus.OK;
  }

  private static long stop(HostContext host, EngineInstance guest, long[] a) {
    SpiritId target = spiritId(name(guest, a[0], a[1]));
    require(target.equals(host.self()) || host.grants().allow(Kind.SPAWN_SANDBOX, target.type()));
    host.send(target, "stop", new byte[0], Message.Kind.STOP);
    return GuestStatus.OK;
  }

  private static long relate(HostContext host, EngineInstance guest, long[] a, Message.Kind kind) {
    SpiritId target = spiritId(name(guest, a[0], a[1]));
    require(host.grants().allow(Kind.SPAWN_SANDBOX, target.type()));
    if (target.equals(host.self())) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    host.send(target, Relations.type(kind), new byte[0], kind);
    return GuestStatus.OK;
  }

  private static long tuplespaceWrite(HostContext host, EngineInstance guest, long[] a) {
    String space = space(guest, a[0], a[1]);
    byte[] encoded = bytes(guest, a[2], a[3], Tuple.MAX_BYTES);
    require(host.grants().allow(Kind.TUPLESPACE_WRITE, space));
    if (a[4] < 0) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    try {
      // Decoded and encoded again: what is stored is canonical whatever the guest's encoder does.
      encoded = TupleCodec.encode(TupleCodec.decodeTuple(encoded));
    } catch (VudoException e) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    host.writeTuple(space, encoded, a[4]);
    return GuestStatus.OK;
  }

  private static long tuplespaceQuery(
      HostContext host, EngineInstance guest, long[] a, boolean take) {
    String space = space(guest, a[0], a[1]);
    byte[] encoded = bytes(guest, a[2], a[3], Tuple.MAX_BYTES);
    require(host.grants().allow(take ? Kind.TUPLESPACE_TAKE : Kind.TUPLESPACE_READ, space));
    requireRange(guest, a[5], 4);
    requireRange(guest, a[6], 4);
    long timeoutMillis = waitMillis(host, a[4], 0);
    Template template = TupleAbi.template(encoded);
    TupleAnswer answer = host.tuple(new WaitRequest.Tuple(take, space, template, timeoutMillis));
    if (answer.getStatus() != GuestStatus.OK) {
      return answer.getStatus();
    }
    answerBuffer(host, guest, answer.getTuple().toByteArray(), a[5], a[6]);
    if (take) {
      host.confirmTake(space, answer.getHold());
    }
    return GuestStatus.OK;
  }

  private static long log(HostContext host, EngineInstance guest, long[] a) {
    require(host.grants().allow(Kind.ACTUATOR_LOG));
    requireRange(guest, a[1], a[2]);
    long length = Integer.toUnsignedLong((int) a[2]);
    int kept = (int) Math.min(length, host.maxLogLineBytes());
    host.log(
        (int) Math.max(0, Math.min(4, a[0])),
        guest.readMemory((int) a[1], kept),
        (int) Math.min(length, Integer.MAX_VALUE));
    return GuestStatus.OK;
  }

  private static long now(HostContext host, EngineInstance guest, long[] a) {
    require(host.grants().allow(Kind.SENSOR_TIME));
    return host.nowNanos();
  }

  private static long random(HostContext host, EngineInstance guest, long[] a) {
    require(host.grants().allow(Kind.SENSOR_RANDOM));
    requireRange(guest, a[0], a[1]);
    if (Integer.toUnsignedLong((int) a[1]) > MAX_RANDOM_BYTES) {
      throw GuestStatus.LIMIT_EXCEEDED;
    }
    guest.writeMemory((int) a[0], host.random((int) a[1]));
    return GuestStatus.OK;
  }

  private static long fail(HostContext host, EngineInstance guest, long[] a) {
    String text;
    if (guest.inMemory((int) a[1], (int) a[2])) {
      long length = Integer.toUnsignedLong((int) a[2]);
      text =
          new String(
              guest.readMemory((int) a[1], (int) Math.min(length, host.maxLogLineBytes())), UTF_8);
    } else {
      text = "(the message's pointer and length lie outside of memory)";
    }
    throw new VudoException(
        ErrorCode.APPLICATION_ERROR, new GuestFailure((int) a[0], text).detail());
  }

  // Crossing the boundary

  static void require(boolean granted) {
    if (!granted) {
      throw GuestStatus.CAPABILITY_DENIED;
    }
  }

  static void requireRange(EngineInstance guest, long pointer, long length) {
    if (!guest.inMemory((int) pointer, (int) length)) {
      throw GuestStatus.INVALID_MEMORY;
    }
  }

  static byte[] bytes(EngineInstance guest, long pointer, long length, int most) {
    requireRange(guest, pointer, length);
    if (Integer.toUnsignedLong((int) length) > most) {
      throw GuestStatus.LIMIT_EXCEEDED;
    }
    return guest.readMemory((int) pointer, (int) length);
  }

  private static byte[] payload(HostContext host, EngineInstance guest, long pointer, long length) {
    return bytes(guest, pointer, length, host.limits().maxPayloadBytes());
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

  static String space(EngineInstance guest, long pointer, long length) {
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

  static void answerBuffer(
      HostContext host, EngineInstance guest, byte[] bytes, long outPointer, long outLength) {
    int address = (int) guest.call(GuestCalls.ALLOC, host.deadlineNanos(), bytes.length)[0];
    if (address == 0 || !guest.inMemory(address, bytes.length)) {
      throw GuestStatus.INVALID_MEMORY;
    }
    guest.writeMemory(address, bytes);
    guest.writeMemory((int) outPointer, GuestCalls.littleEndian(address));
    guest.writeMemory((int) outLength, GuestCalls.littleEndian(bytes.length));
  }
}
