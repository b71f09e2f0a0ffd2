package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.TupleAnswer;
import io.vudo.protocol.journal.v1.TuplesAnswer;
import io.vudo.spirit.internal.turn.GuestStatus;
import io.vudo.spirit.internal.turn.WaitRequest;
import io.vudo.tuplespace.Held;
import io.vudo.tuplespace.Tuplespace;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** Asks spaces what they can answer at once. */
final class Queries {
  private static final int FIX_ARRAY = 0x90;
  private static final int FIX_ARRAY_MAX = 15;
  private static final int ARRAY_16 = 0xdc;

  private final Tuplespace tuplespace;
  private final SpiritId id;

  Queries(Tuplespace tuplespace, SpiritId id) {
    this.tuplespace = tuplespace;
    this.id = id;
  }

  /** The space whose tuples would be held; empty when none would. */
  static String spaceOfHold(WaitRequest request) {
    if (request instanceof WaitRequest.Tuple tuple && tuple.take()) {
      return tuple.space();
    }
    return request instanceof WaitRequest.Tuples tuples && tuples.take() ? tuples.space() : "";
  }

  /**
   * Asks.
   *
   * @param holdId for what is to be held; used once
   */
  CompletionStage<Answer> ask(WaitRequest request, String holdId) {
    if (request instanceof WaitRequest.Tuple wanted) {
      return wanted.take()
          ? tuplespace
              .hold(wanted.space(), id, holdId, wanted.template())
              .thenApply(held -> held.map(one -> held(one, wanted.space())).orElse(notFound()))
          : tuplespace
              .read(wanted.space(), wanted.template())
              .thenApply(tuple -> tuple.map(one -> held(new Held("", one), "")).orElse(notFound()));
    } else if (request instanceof WaitRequest.Tuples wanted) {
      return wanted.take()
          ? tuplespace
              .holdAll(wanted.space(), id, holdId, wanted.template(), wanted.limit())
              .thenApply(
                  held ->
                      answer(
                          TuplesAnswer.newBuilder()
                              .setTuples(encoded(held.stream().map(Held::tuple).toList()))
                              .addAllHolds(held.stream().map(Held::hold).toList())
                              .setSpace(wanted.space())))
          : tuplespace
              .readAll(wanted.space(), wanted.template(), wanted.limit())
              .thenApply(tuples -> answer(TuplesAnswer.newBuilder().setTuples(encoded(tuples))));
    }
    WaitRequest.Count wanted = (WaitRequest.Count) request;
    return tuplespace
        .count(wanted.space(), wanted.template())
        .thenApply(count -> Answer.newBuilder().setCounted(count).build());
  }

  /** The answer when the space did not give one. */
  static Answer away(WaitRequest request) {
    if (request instanceof WaitRequest.Tuple) {
      return answer(TupleAnswer.newBuilder().setStatus(GuestStatus.TIMEOUT));
    }
    return request instanceof WaitRequest.Tuples
        ? answer(TuplesAnswer.newBuilder().setStatus(GuestStatus.TIMEOUT))
        : Answer.newBuilder().setCounted(GuestStatus.TIMEOUT).build();
  }

  private static Answer notFound() {
    return answer(TupleAnswer.newBuilder().setStatus(GuestStatus.NOT_FOUND));
  }

  private static Answer held(Held held, String space) {
    return answer(
        TupleAnswer.newBuilder()
            .setTuple(ByteString.copyFrom(TupleCodec.encode(held.tuple())))
            .setHold(held.hold())
            .setSpace(space));
  }

  private static Answer answer(TupleAnswer.Builder tuple) {
    return Answer.newBuilder().setTuple(tuple).build();
  }

  private static Answer answer(TuplesAnswer.Builder tuples) {
    return Answer.newBuilder().setTuples(tuples).build();
  }

  /** A MessagePack array, which may be larger than a tuple. */
  private static ByteString encoded(List<Tuple> tuples) {
    int size = tuples.size();
    ByteString.Output bytes = ByteString.newOutput();
    if (size <= FIX_ARRAY_MAX) {
      bytes.write(FIX_ARRAY | size);
    } else {
      bytes.write(ARRAY_16);
      bytes.write(size >>> 8);
      bytes.write(size);
    }
    for (Tuple tuple : tuples) {
      byte[] one = TupleCodec.encode(tuple);
      bytes.write(one, 0, one.length);
    }
    return bytes.toByteString();
  }
}
