package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoError;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Those outside that watch one partition. In memory only: after a restart they come again, and know
 * by that that they may have missed something.
 *
 * <p>A watcher says from time to time how many changes it has taken in. One that is too far behind,
 * or has not been heard of for long, is dropped; so it holds up nobody and costs bounded memory.
 */
final class Watchers {
  /** One that is silent for so long is gone. */
  static final long SILENCE_MILLIS = 30_000;

  private static final class Watcher {
    final Template template;
    final ActorRef<WatchSignal> ref;
    long sent;
    long received;
    long heardAtTick;

    Watcher(Template template, ActorRef<WatchSignal> ref) {
      this.template = template;
      this.ref = ref;
    }
  }

  private final int partition;
  private final int maxWatchers;
  private final int maxBehind;
  private final Map<String, Watcher> watchers = new HashMap<>();

  /**
   * @param maxBehind how many changes may be on their way to one watcher
   */
  Watchers(int partition, int maxWatchers, int maxBehind) {
    this.partition = partition;
    this.maxWatchers = maxWatchers;
    this.maxBehind = maxBehind;
  }

  void watch(SpaceCommand.Watch watch, long tickMillis) {
    Watcher watcher = watchers.get(watch.watchId());
    if (watcher == null) {
      dropSilent(tickMillis);
      if (watchers.size() >= maxWatchers) {
        end(watch.watcher(), ErrorCode.WATCHERS_FULL, watchers.size() + " watch.");
        return;
      }
      watcher = new Watcher(watch.template(), watch.watcher());
      watchers.put(watch.watchId(), watcher);
      watch.watcher().tell(new WatchSignal.Started(partition));
    } else {
      watcher.received = watch.received();
    }
    watcher.heardAtTick = tickMillis;
  }

  void unwatch(String watchId) {
    watchers.remove(watchId);
  }

  /** Tells what became durable. */
  void publish(List<WatchSignal.Change> changes, long tickMillis) {
    if (changes.isEmpty() || watchers.isEmpty()) {
      return;
    }
    dropSilent(tickMillis);
    for (Iterator<Watcher> all = watchers.values().iterator(); all.hasNext(); ) {
      Watcher watcher = all.next();
      List<WatchSignal.Change> matching = new ArrayList<>();
      for (WatchSignal.Change change : changes) {
        if (watcher.template.matches(change.tuple())) {
          matching.add(change);
        }
      }
      long behind = watcher.sent - watcher.received + matching.size();
      if (behind > maxBehind) {
        all.remove();
        end(watcher.ref, ErrorCode.WATCH_TOO_SLOW, behind + " changes behind.");
      } else if (!matching.isEmpty()) {
        send(watcher, matching);
      }
    }
  }

  /** In messages that fit through the wire. */
  private void send(Watcher watcher, List<WatchSignal.Change> changes) {
    List<WatchSignal.Change> part = new ArrayList<>();
    long bytes = 0;
    for (WatchSignal.Change change : changes) {
      long more = change.tuple().encodedBytes();
      if (!part.isEmpty() && bytes + more > Tuple.MAX_BYTES) {
        tell(watcher, part);
        part = new ArrayList<>();
        bytes = 0;
      }
      part.add(change);
      bytes += more;
    }
    tell(watcher, part);
  }

  private void tell(Watcher watcher, List<WatchSignal.Change> changes) {
    watcher.ref.tell(new WatchSignal.Changed(partition, watcher.sent, changes));
    watcher.sent += changes.size();
  }

  private void dropSilent(long tickMillis) {
    watchers.values().removeIf(watcher -> tickMillis - watcher.heardAtTick > SILENCE_MILLIS);
  }

  private void end(ActorRef<WatchSignal> watcher, ErrorCode code, String detail) {
    watcher.tell(new WatchSignal.Ended(partition, new VudoError(code, detail)));
  }
}
