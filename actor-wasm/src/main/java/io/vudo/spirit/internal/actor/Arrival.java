package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import io.vudo.journal.StateSnapshot;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.wire.v1.LastOfIt;
import io.vudo.protocol.wire.v1.Page;
import io.vudo.protocol.wire.v1.Pages;
import io.vudo.protocol.wire.v1.Step;
import java.util.List;
import java.util.TreeMap;
import org.apache.pekko.actor.typed.ActorRef;

/** A Spirit that is on its way to this node, and what has come of it so far. */
final class Arrival {
  private final String spirit;
  private final String move;
  private final ActorRef<SpiritCommand> from;
  private final long sinceNanos = System.nanoTime();
  private final TreeMap<Integer, byte[]> pages = new TreeMap<>();
  private ActorRef<SpiritCommand> gate;
  private SpiritGate.StandBy standBy;

  /** All but the last part of what the Spirit is beside its memory. */
  private ByteString header = ByteString.EMPTY;

  /**
   * @param move which of the Spirit's moves it is
   * @param from its gate on the node that it leaves
   */
  Arrival(String spirit, String move, ActorRef<SpiritCommand> from) {
    this.spirit = spirit;
    this.move = move;
    this.from = from;
  }

  String move() {
    return move;
  }

  ActorRef<SpiritCommand> from() {
    return from;
  }

  long sinceNanos() {
    return sinceNanos;
  }

  /** The gate of the Spirit that stands by; null before. */
  ActorRef<SpiritCommand> gate() {
    return gate;
  }

  void standsBy(ActorRef<SpiritCommand> standing, SpiritGate.StandBy how) {
    gate = standing;
    standBy = how;
  }

  /** How it stands by; null before. */
  SpiritGate.StandBy standBy() {
    return standBy;
  }

  void take(Pages more) {
    take(more.getPagesList());
    header = header.concat(more.getHeaderPart());
  }

  private void take(List<Page> more) {
    for (Page page : more) {
      ByteString bytes = page.getBytes();
      if (bytes.isEmpty()) {
        pages.remove(page.getNumber());
      } else {
        pages.put(page.getNumber(), bytes.toByteArray());
      }
    }
  }

  /** All of it. */
  StateSnapshot state(LastOfIt rest) {
    take(rest.getPagesList());
    // A memory that has shrunk, because a new life began, has fewer.
    pages.tailMap((int) (rest.getMemoryBytes() / StateSnapshot.PAGE_BYTES), true).clear();
    StateSnapshot state =
        StateSnapshot.full(header.concat(rest.getHeader()), rest.getMemoryBytes(), pages);
    pages.clear();
    return state;
  }

  /** Tells the old home. */
  void say(Step.Kind kind, VudoError error) {
    Step.Builder step = Step.newBuilder().setSpirit(spirit).setMove(move).setKind(kind);
    if (error != null) {
      step.setCode(error.code().name()).setDetail(error.detail());
    }
    from.tell(new SpiritCommand.Stepped(step.build()));
  }
}
