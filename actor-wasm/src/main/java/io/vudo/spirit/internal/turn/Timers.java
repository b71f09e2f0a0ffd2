package io.vudo.spirit.internal.turn;

import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.Timer;
import io.vudo.protocol.journal.v1.TimerFired;
import io.vudo.protocol.journal.v1.Turn;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;

/**
 * The timers and reminders of a Spirit, a part of its state: started and cancelled by the effects
 * of completed turns, fired by events of their own.
 */
final class Timers {
  /** Above the index of any effect: what a timer sends comes after all that the turn sent. */
  private static final int FIRST_INDEX = 1_000_000_000;

  private static final int INDEX_BITS = 20;

  private final Map<Long, Timer> byNumber = new HashMap<>();
  private final Map<String, Long> byName = new HashMap<>();
  private final NavigableSet<Timer> byTime =
      new TreeSet<>(Comparator.comparingLong(Timer::getDueMillis).thenComparing(Timer::getNumber));
  private int firedSinceTurn;

  /** The number of the timer that is an effect of a turn. */
  static long number(long turn, int index) {
    return (turn << INDEX_BITS) + index;
  }

  int size() {
    return byNumber.size();
  }

  boolean contains(long number) {
    return byNumber.containsKey(number);
  }

  /** The number of the reminder of this name. */
  Optional<Long> named(String name) {
    return Optional.ofNullable(byName.get(name));
  }

  /** The one that is due first. */
  Optional<Timer> next() {
    return byTime.isEmpty() ? Optional.empty() : Optional.of(byTime.first());
  }

  /** Does what a completed turn did; and a turn of any kind begins to count anew. */
  void apply(Turn turn) {
    firedSinceTurn = 0;
    for (Effect effect : turn.getEffectsList()) {
      if (effect.hasStartTimer()) {
        Timer timer = effect.getStartTimer();
        byName.computeIfPresent(
            timer.getName(),
            (name, before) -> {
              removeNumber(before);
              return null;
            });
        Timer kept = Traces.kept(timer, Traces.of(turn));
        add(kept.toBuilder().setDueMillis(turn.getTimeMillis() + kept.getDelayMillis()).build());
      } else if (effect.hasCancelTimer()) {
        remove(effect.getCancelTimer().getNumber());
      }
    }
  }

  /** The event by which the first timer fires now. */
  TimerFired fire(long lastTurn, long timeMillis) {
    return TimerFired.newBuilder()
        .setNumber(byTime.first().getNumber())
        .setPosition(Position.newBuilder().setTurn(lastTurn).setIndex(FIRST_INDEX + firedSinceTurn))
        .setTimeMillis(timeMillis)
        .build();
  }

  /** Does what the event says, and answers the timer that fired. */
  Timer apply(TimerFired fired) {
    firedSinceTurn++;
    Timer timer = byNumber.get(fired.getNumber());
    remove(timer.getNumber());
    long period = timer.getPeriodMillis();
    if (period > 0) {
      // What was missed meanwhile, one message makes up for.
      long late = Math.max(0, fired.getTimeMillis() - timer.getDueMillis());
      add(
          timer.toBuilder()
              .setDelayMillis(period)
              .setDueMillis(timer.getDueMillis() + (late / period + 1) * period)
              .build());
    }
    return timer;
  }

  private void add(Timer timer) {
    byNumber.put(timer.getNumber(), timer);
    byTime.add(timer);
    if (!timer.getName().isEmpty()) {
      byName.put(timer.getName(), timer.getNumber());
    }
  }

  private void remove(long number) {
    Timer timer = removeNumber(number);
    if (timer != null && !timer.getName().isEmpty()) {
      byName.remove(timer.getName());
    }
  }

  private Timer removeNumber(long number) {
    Timer timer = byNumber.remove(number);
    if (timer != null) {
      byTime.remove(timer);
    }
    return timer;
  }

  void clear() {
    byNumber.clear();
    byName.clear();
    byTime.clear();
    firedSinceTurn = 0;
  }

  void writeTo(SpiritHeader.Builder header) {
    header.addAllTimers(byTime).setFiredSinceTurn(firedSinceTurn);
  }

  void readFrom(SpiritHeader header) {
    clear();
    header.getTimersList().forEach(this::add);
    firedSinceTurn = header.getFiredSinceTurn();
  }
}
