package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.vudo.journal.StateSnapshot;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.wire.v1.LastOfIt;
import io.vudo.protocol.wire.v1.Offer;
import io.vudo.protocol.wire.v1.Page;
import io.vudo.protocol.wire.v1.Pages;
import io.vudo.spirit.Relocation;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * A Spirit's way to another node, as its gate sees it.
 *
 * <ol>
 *   <li>The new home makes the module ready. The pages of the memory are copied while the Spirit
 *       runs, and those that changed meanwhile again, until few do.
 *   <li>The Spirit stops after the turn at hand is durable. What is left of it goes to the new
 *       home, which makes an instance of it and stands by.
 *   <li>The host lets nothing more come to the gate, and gives the Spirit away together with all
 *       that waits. From then on it is the new home's.
 * </ol>
 *
 * <p>Until the third the Spirit goes on here if anything goes wrong. Nothing waits for the journal;
 * it has all that was answered, and lets one of the two write if both should believe to be the one.
 */
final class Departure {
  /** Of pages in one message. */
  private static final int CHUNK_BYTES = 256 << 10;

  /** Messages that may be on their way while the Spirit runs. */
  private static final int WINDOW = 4;

  /** So much may be left to copy in the pause. */
  private static final long LITTLE_BYTES = 256 << 10;

  private static final int MAX_ROUNDS = 5;

  private enum Stage {
    /** Waits for the turn at hand, to copy the pages. */
    WANTS_PAGES,
    TAKING_PAGES,
    OFFERED,
    COPYING,
    /** Waits until not too many others are stopped. */
    WANTS_PAUSE,
    /** Waits for the turn at hand, to stop. */
    WANTS_STATE,
    TAKING_STATE,
    SENT,
    GIVEN
  }

  private final SpiritContext spirits;
  private final SpiritId id;
  private final ActorRef<HostCommand> host;
  private final ActorRef<SpiritCommand> gate;
  private final ActorRef<SpiritActor.Command> child;
  private final SpiritCommand.Depart wanted;
  private final TimerScheduler<SpiritCommand> timers;
  private final String move = UUID.randomUUID().toString();

  private Stage stage = Stage.WANTS_PAGES;
  private SortedMap<Integer, byte[]> sent = new TreeMap<>();
  private SortedMap<Integer, byte[]> now = new TreeMap<>();
  private final Deque<Pages> chunks = new ArrayDeque<>();
  private int underWay;
  private int rounds;
  private boolean accepted;
  private boolean announced;
  private boolean ready;
  private boolean parted;
  private long copiedBytes;
  private long pauseBytes;
  private long turn;
  private long frozenNanos;

  Departure(
      SpiritContext spirits,
      SpiritId id,
      ActorRef<HostCommand> host,
      ActorRef<SpiritCommand> gate,
      ActorRef<SpiritActor.Command> child,
      SpiritCommand.Depart wanted,
      TimerScheduler<SpiritCommand> timers) {
    this.spirits = spirits;
    this.id = id;
    this.host = host;
    this.gate = gate;
    this.child = child;
    this.wanted = wanted;
    this.timers = timers;
    timers.startSingleTimer(
        move, new SpiritCommand.DepartLate(move, false), spirits.settings().moveTimeout());
  }

  boolean isMove(String other) {
    return move.equals(other);
  }

  /** Whether the Spirit is with that host already. */
  boolean isForHere() {
    return wanted.to().equals(host);
  }

  /** Whether somebody asked for this Spirit by its name. */
  boolean isWanted() {
    return wanted.pinned();
  }

  String node() {
    return wanted.node();
  }

  /** Whether no more turns are to begin. */
  boolean isStopping() {
    return stage.compareTo(Stage.WANTS_STATE) >= 0;
  }

  /** Whether the Spirit does nothing any more. */
  boolean isPaused() {
    return stage.compareTo(Stage.TAKING_STATE) >= 0;
  }

  boolean isGiven() {
    return stage == Stage.GIVEN;
  }

  boolean isLate(boolean paused) {
    return paused == isPaused();
  }

  /** The child has nothing to do: the moment to look at the Spirit's state. */
  void betweenBatches() {
    if (stage == Stage.WANTS_PAGES) {
      stage = Stage.TAKING_PAGES;
      child.tell(SpiritActor.CopyPages.INSTANCE);
    } else if (stage == Stage.WANTS_STATE) {
      stage = Stage.TAKING_STATE;
      timers.startSingleTimer(
          move, new SpiritCommand.DepartLate(move, true), spirits.settings().movePauseTimeout());
      child.tell(SpiritActor.Freeze.INSTANCE);
    }
  }

  void pages(SpiritCommand.PagesTaken taken) {
    if (stage != Stage.TAKING_PAGES) {
      // Asked for by an earlier move, while the Spirit was still coming up.
      return;
    }
    Steps.at(Steps.COPYING, id);
    now = taken.pages();
    if (!accepted) {
      stage = Stage.OFFERED;
      wanted
          .to()
          .tell(
              new HostCommand.Offered(
                  Offer.newBuilder()
                      .setSpirit(id.toString())
                      .setMove(move)
                      .setConfigured(taken.configured())
                      .build(),
                  gate));
    } else {
      copy();
    }
  }

  void accepted() {
    if (stage == Stage.OFFERED) {
      accepted = true;
      copy();
    }
  }

  /** Sends what differs, or stops the Spirit when that is little enough for the pause. */
  private void copy() {
    stage = Stage.COPYING;
    List<Page> changed = changes(now);
    long bytes = bytes(changed);
    rounds++;
    if (rounds > 1 && (bytes <= LITTLE_BYTES || rounds > MAX_ROUNDS)) {
      wantPause();
      return;
    }
    sent = now;
    copiedBytes += bytes;
    if (bytes <= LITTLE_BYTES) {
      announce();
    }
    cut(changed, chunks);
    if (chunks.isEmpty()) {
      wantPause();
    }
    sendChunks();
  }

  /** The Spirit stops soon. */
  private void announce() {
    if (!announced) {
      announced = true;
      wanted.to().tell(new HostCommand.StandUp(id.toString(), move));
    }
  }

  private void wantPause() {
    announce();
    stage = Stage.WANTS_PAUSE;
    host.tell(new HostCommand.WantsPause(id.toString()));
  }

  /** Few enough others are stopped. */
  void mayPause() {
    if (stage == Stage.WANTS_PAUSE) {
      stage = Stage.WANTS_STATE;
    }
  }

  void copied() {
    underWay--;
    sendChunks();
    if (stage == Stage.COPYING && underWay == 0 && chunks.isEmpty()) {
      // What changed meanwhile; of a small memory that fits into the pause anyway.
      if (copiedBytes <= LITTLE_BYTES) {
        wantPause();
      } else {
        stage = Stage.WANTS_PAGES;
      }
    }
  }

  private void sendChunks() {
    while (underWay < WINDOW && !chunks.isEmpty()) {
      underWay++;
      wanted.to().tell(new HostCommand.Copied(chunks.poll()));
    }
  }

  void state(SpiritCommand.StateTaken taken) {
    if (stage != Stage.TAKING_STATE) {
      return;
    }
    Steps.at(Steps.FROZEN, id);
    frozenNanos = taken.frozenNanos();
    turn = taken.turn();
    StateSnapshot state = taken.state();
    Deque<Pages> last = new ArrayDeque<>();
    cut(changes(state.pages()), last);
    List<Page> rest = last.isEmpty() ? List.of() : last.pollLast().getPagesList();
    for (Pages pages : last) {
      pauseBytes += bytes(pages.getPagesList());
      wanted.to().tell(new HostCommand.Copied(pages));
    }
    // What it remembers beside its memory may be larger than a message between nodes.
    ByteString header = state.header();
    for (; header.size() > CHUNK_BYTES; header = header.substring(CHUNK_BYTES)) {
      Pages.Builder part = Pages.newBuilder().setSpirit(id.toString()).setMove(move);
      part.setHeaderPart(header.substring(0, CHUNK_BYTES));
      wanted.to().tell(new HostCommand.Copied(part.build()));
    }
    LastOfIt all =
        LastOfIt.newBuilder()
            .setSpirit(id.toString())
            .setMove(move)
            .addAllPages(rest)
            .setMemoryBytes(state.memoryBytes())
            .setHeader(header)
            .setSequenceNumber(taken.sequenceNumber())
            .setDurable(taken.durable())
            .setEventsSinceSnapshot(taken.eventsSinceSnapshot())
            .build();
    pauseBytes += bytes(rest) + state.header().size();
    wanted.to().tell(new HostCommand.Rest(all));
    stage = Stage.SENT;
    // Meanwhile what comes waits at the host.
    host.tell(new HostCommand.Parting(id.toString()));
  }

  /** The new home stands by; true when the Spirit can be given away. */
  boolean ready() {
    ready = true;
    return parted;
  }

  /** Nothing can come to the gate any more; true when the Spirit can be given away. */
  boolean parted() {
    parted = true;
    return ready;
  }

  /**
   * Gives the Spirit away.
   *
   * @param waiting what waits for it, in order
   */
  void give(List<SpiritCommand> waiting) {
    stage = Stage.GIVEN;
    timers.startSingleTimer(
        move, new SpiritCommand.DepartLate(move, true), spirits.settings().movePauseTimeout());
    host.tell(
        new HostCommand.HandOver(
            id.toString(), move, wanted.to(), wanted.pinned(), List.copyOf(waiting)));
  }

  Relocation relocation() {
    return new Relocation(
        id,
        spirits.hosts().self(),
        wanted.node(),
        turn,
        isPaused() ? TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - frozenNanos) : 0,
        copiedBytes,
        pauseBytes,
        spirits.clock().millis());
  }

  /** The Spirit stays. */
  void cancel() {
    end();
    wanted.to().tell(new HostCommand.Dropped(id.toString(), move));
    child.tell(SpiritActor.GoOn.INSTANCE);
  }

  void end() {
    timers.cancel(move);
  }

  /** What of these pages the new home does not have. Unchanged pages are the same arrays. */
  private List<Page> changes(SortedMap<Integer, byte[]> pages) {
    List<Page> changed = new ArrayList<>();
    for (Map.Entry<Integer, byte[]> page : pages.entrySet()) {
      if (sent.get(page.getKey()) != page.getValue()) {
        changed.add(
            Page.newBuilder()
                .setNumber(page.getKey())
                .setBytes(UnsafeByteOperations.unsafeWrap(page.getValue()))
                .build());
      }
    }
    for (Integer number : sent.keySet()) {
      if (!pages.containsKey(number)) {
        changed.add(Page.newBuilder().setNumber(number).setBytes(ByteString.EMPTY).build());
      }
    }
    return changed;
  }

  private static long bytes(List<Page> pages) {
    return pages.stream().mapToLong(page -> page.getBytes().size()).sum();
  }

  private void cut(List<Page> pages, Deque<Pages> into) {
    Pages.Builder chunk = null;
    long bytes = 0;
    for (Page page : pages) {
      if (chunk == null) {
        chunk = Pages.newBuilder().setSpirit(id.toString()).setMove(move);
        bytes = 0;
      }
      chunk.addPages(page);
      bytes += page.getBytes().size();
      if (bytes >= CHUNK_BYTES) {
        into.add(chunk.build());
        chunk = null;
      }
    }
    if (chunk != null) {
      into.add(chunk.build());
    }
  }
}
