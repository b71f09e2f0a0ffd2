package io.vudo.spirit.internal.turn;

import static io.vudo.spirit.internal.turn.FlatAbi.answerBuffer;
import static io.vudo.spirit.internal.turn.FlatAbi.bytes;
import static io.vudo.spirit.internal.turn.FlatAbi.key;
import static io.vudo.spirit.internal.turn.FlatAbi.require;
import static io.vudo.spirit.internal.turn.FlatAbi.requireRange;
import static io.vudo.spirit.internal.turn.FlatAbi.space;
import static io.vudo.spirit.internal.turn.FlatAbi.waitMillis;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.vudo.protocol.Capability.Kind;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.TupleAnswer;
import io.vudo.protocol.journal.v1.TuplesAnswer;
import io.vudo.spirit.EngineInstance;
import io.vudo.tuplespace.Tuplespace;
import java.util.regex.Pattern;

/**
 * The functions of {@link FlatAbi} that do more with a space than write, read or take one tuple.
 *
 * <p>What is asked of a space is asked once and recorded; what changes it leaves when the turn
 * commits.
 */
final class TupleAbi {
  private static final int MAX_PARTIES = 100_000;
  private static final int MAX_NAME_LENGTH = 256;

  /** A digit, and what its part of the space finds the tuple by. */
  private static final Pattern LEASE = Pattern.compile("[0-9]\\..{1,510}", Pattern.DOTALL);

  private static final int LEASE_NAME_AT = 2;

  private TupleAbi() {}

  static long all(HostContext host, EngineInstance guest, long[] a, boolean take) {
    String space = space(guest, a[0], a[1]);
    byte[] encoded = bytes(guest, a[2], a[3], Tuple.MAX_BYTES);
    require(host.grants().allow(take ? Kind.TUPLESPACE_TAKE : Kind.TUPLESPACE_READ, space));
    requireRange(guest, a[5], 4);
    requireRange(guest, a[6], 4);
    long limit = Integer.toUnsignedLong((int) a[4]);
    if (limit == 0) {
      throw GuestStatus.INVALID_PARAMETER;
    } else if (limit > Tuplespace.MAX_LIMIT) {
      throw GuestStatus.LIMIT_EXCEEDED;
    }
    TuplesAnswer answer =
        host.tuples(new WaitRequest.Tuples(take, space, template(encoded), (int) limit));
    if (answer.getStatus() != GuestStatus.OK) {
      return answer.getStatus();
    }
    answerBuffer(host, guest, answer.getTuples().toByteArray(), a[5], a[6]);
    answer.getHoldsList().forEach(hold -> host.confirmTake(space, hold));
    return GuestStatus.OK;
  }

  static long count(HostContext host, EngineInstance guest, long[] a) {
    String space = space(guest, a[0], a[1]);
    byte[] encoded = bytes(guest, a[2], a[3], Tuple.MAX_BYTES);
    require(host.grants().allow(Kind.TUPLESPACE_READ, space));
    return host.count(new WaitRequest.Count(space, template(encoded)));
  }

  static long swap(HostContext host, EngineInstance guest, long[] a) {
    String space = space(guest, a[0], a[1]);
    byte[] expected = bytes(guest, a[2], a[3], Tuple.MAX_BYTES);
    byte[] encoded = bytes(guest, a[4], a[5], Tuple.MAX_BYTES);
    require(
        host.grants().allow(Kind.TUPLESPACE_TAKE, space)
            && host.grants().allow(Kind.TUPLESPACE_WRITE, space));
    requireRange(guest, a[7], 4);
    requireRange(guest, a[8], 4);
    requireTtl(a[6], 0);
    byte[] replacement = TupleCodec.encode(tuple(encoded));
    TupleAnswer answer = host.tuple(new WaitRequest.Tuple(true, space, template(expected), 0));
    if (answer.getStatus() != GuestStatus.OK) {
      return answer.getStatus();
    }
    answerBuffer(host, guest, answer.getTuple().toByteArray(), a[7], a[8]);
    host.confirmTake(space, answer.getHold());
    host.writeTuple(space, replacement, a[6]);
    return GuestStatus.OK;
  }

  static long writeLeased(HostContext host, EngineInstance guest, long[] a) {
    String space = space(guest, a[0], a[1]);
    byte[] encoded = bytes(guest, a[2], a[3], Tuple.MAX_BYTES);
    require(host.grants().allow(Kind.TUPLESPACE_WRITE, space));
    requireRange(guest, a[5], a[6]);
    requireTtl(a[4], 1);
    Tuple tuple = tuple(encoded);
    byte[] lease = host.nextLease(tuple).getBytes(UTF_8);
    if (lease.length > Integer.toUnsignedLong((int) a[6])) {
      throw GuestStatus.BUFFER_TOO_SMALL;
    }
    guest.writeMemory((int) a[5], lease);
    host.writeTuple(space, TupleCodec.encode(tuple), a[4]);
    return lease.length;
  }

  static long renew(HostContext host, EngineInstance guest, long[] a) {
    String space = space(guest, a[0], a[1]);
    String lease = key(guest, a[2], a[3]);
    requireLease(host, space, lease);
    requireTtl(a[4], 0);
    host.renewLease(space, lease, a[4]);
    return GuestStatus.OK;
  }

  static long cancelLease(HostContext host, EngineInstance guest, long[] a) {
    String space = space(guest, a[0], a[1]);
    String lease = key(guest, a[2], a[3]);
    requireLease(host, space, lease);
    host.endLease(space, lease);
    return GuestStatus.OK;
  }

  static long barrier(HostContext host, EngineInstance guest, long[] a) {
    String space = space(guest, a[0], a[1]);
    String name = shortKey(guest, a[2], a[3]);
    require(host.grants().allow(Kind.TUPLESPACE_WRITE, space));
    long parties = Integer.toUnsignedLong((int) a[4]);
    if (parties < 1 || parties > MAX_PARTIES) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    return host.barrier(
        new WaitRequest.Barrier(space, name, (int) parties, waitMillis(host, a[5], 1)));
  }

  static long watch(HostContext host, EngineInstance guest, long[] a) {
    String space = space(guest, a[0], a[1]);
    byte[] encoded = bytes(guest, a[2], a[3], Tuple.MAX_BYTES);
    String name = shortKey(guest, a[4], a[5]);
    require(host.grants().allow(Kind.TUPLESPACE_READ, space));
    host.watchTuples(space, name, template(encoded));
    return GuestStatus.OK;
  }

  static long unwatch(HostContext host, EngineInstance guest, long[] a) {
    String space = space(guest, a[0], a[1]);
    String name = shortKey(guest, a[2], a[3]);
    require(host.grants().allow(Kind.TUPLESPACE_READ, space));
    host.unwatchTuples(space, name);
    return GuestStatus.OK;
  }

  static Template template(byte[] encoded) {
    try {
      return TupleCodec.decodeTemplate(encoded);
    } catch (VudoException e) {
      throw GuestStatus.INVALID_PARAMETER;
    }
  }

  private static Tuple tuple(byte[] encoded) {
    try {
      return TupleCodec.decodeTuple(encoded);
    } catch (VudoException e) {
      throw GuestStatus.INVALID_PARAMETER;
    }
  }

  /** A lease of another's tuple lets one take it away, so that needs what a take needs, too. */
  private static void requireLease(HostContext host, String space, String lease) {
    boolean own = lease.startsWith(host.self() + "#", LEASE_NAME_AT);
    require(
        host.grants().allow(Kind.TUPLESPACE_WRITE, space)
            && (own || host.grants().allow(Kind.TUPLESPACE_TAKE, space)));
    if (!LEASE.matcher(lease).matches()) {
      throw GuestStatus.INVALID_PARAMETER;
    }
  }

  private static void requireTtl(long ttlMillis, long least) {
    if (ttlMillis < least) {
      throw GuestStatus.INVALID_PARAMETER;
    }
  }

  private static String shortKey(EngineInstance guest, long pointer, long length) {
    String name = key(guest, pointer, length);
    if (name.length() > MAX_NAME_LENGTH) {
      throw GuestStatus.INVALID_PARAMETER;
    }
    return name;
  }
}
