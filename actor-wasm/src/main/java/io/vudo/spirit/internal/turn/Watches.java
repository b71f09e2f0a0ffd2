package io.vudo.spirit.internal.turn;

import com.google.protobuf.ByteString;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.TupleUnwatch;
import io.vudo.protocol.journal.v1.TupleWatch;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * The tuples that a Spirit watches: a part of its state, which changes by effects of completed
 * turns and ends with its life.
 *
 * <p>A guest knows a watch by a name, a space by an id that is never used again. So what a space
 * tells of an earlier watch of a name is not taken for what the newest one tells, and a watch that
 * nobody knows any more can be ended. Confined to its machine.
 */
public final class Watches {
  /** Above all that {@link Relations} sends at the end of a life. */
  private static final int FIRST_INDEX = 2_100_000_000;

  private static final byte ARRAY_OF_3 = (byte) 0x93;
  private static final byte NIL = (byte) 0xc0;

  private record Key(String space, String name) {}

  private final Map<Key, TupleWatch> watches = new LinkedHashMap<>();

  /** The space of a watch, which its id names. */
  public static String spaceOf(String id) {
    return id.substring(id.lastIndexOf('#') + 1);
  }

  /** What a space knows a watch by; it names the space, too. */
  static String id(SpiritId self, long turn, int index, String space) {
    return self + "#" + turn + "#" + index + "#" + space;
  }

  /** How many there are beside the one of this name. */
  int sizeWithout(String space, String name) {
    return watches.size() - (watches.containsKey(new Key(space, name)) ? 1 : 0);
  }

  /**
   * Does what an effect of the guest says, and answers what leaves: of a watch also which one it
   * takes the place of, of the end of a watch its id, and nothing when there is none.
   */
  Optional<Effect> leaving(Effect effect) {
    if (effect.hasTupleWatch()) {
      TupleWatch watch = effect.getTupleWatch();
      TupleWatch before =
          watches.put(
              new Key(watch.getSpace(), watch.getName()),
              watch.toBuilder().clearTemplate().build());
      return before == null
          ? Optional.of(effect)
          : Optional.of(
              Effect.newBuilder()
                  .setTupleWatch(watch.toBuilder().setReplaces(before.getId()))
                  .build());
    } else if (effect.hasTupleUnwatch()) {
      TupleUnwatch end = effect.getTupleUnwatch();
      return Optional.ofNullable(watches.remove(new Key(end.getSpace(), end.getName())))
          .map(Watches::end);
    }
    return Optional.of(effect);
  }

  private static Effect end(TupleWatch watch) {
    return Effect.newBuilder()
        .setTupleUnwatch(
            TupleUnwatch.newBuilder()
                .setSpace(watch.getSpace())
                .setName(watch.getName())
                .setId(watch.getId()))
        .build();
  }

  /** The message as the guest gets it; empty when there is no such watch any more. */
  Optional<Message> message(Message told) {
    return watches.values().stream()
        .filter(watch -> watch.getId().equals(told.getWatch()))
        .findFirst()
        .map(watch -> told.toBuilder().setPayload(payload(watch, told.getPayload())).build());
  }

  /** {@code [name, space, tuple]}; put together of its parts, as a tuple may be nested deeply. */
  private static ByteString payload(TupleWatch watch, ByteString tuple) {
    byte[] names = TupleCodec.encode(Tuple.of(watch.getName(), watch.getSpace()));
    names[0] = ARRAY_OF_3;
    return ByteString.copyFrom(names)
        .concat(tuple.isEmpty() ? ByteString.copyFrom(new byte[] {NIL}) : tuple);
  }

  /**
   * Ends all of them with a life.
   *
   * @param outbox takes what the spaces are told
   */
  void end(long lastTurn, BiConsumer<Position, Effect> outbox) {
    int index = FIRST_INDEX;
    for (TupleWatch watch : watches.values()) {
      outbox.accept(Position.newBuilder().setTurn(lastTurn).setIndex(index++).build(), end(watch));
    }
    watches.clear();
  }

  void writeTo(SpiritHeader.Builder header) {
    header.addAllTupleWatches(watches.values());
  }

  void readFrom(SpiritHeader header) {
    watches.clear();
    header
        .getTupleWatchesList()
        .forEach(watch -> watches.put(new Key(watch.getSpace(), watch.getName()), watch));
  }
}
