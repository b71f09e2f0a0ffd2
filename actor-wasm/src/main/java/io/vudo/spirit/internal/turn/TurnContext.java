package io.vudo.spirit.internal.turn;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.CancelTimer;
import io.vudo.protocol.journal.v1.ConfirmTake;
import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.LeaseEnd;
import io.vudo.protocol.journal.v1.LeaseRenewal;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.Reply;
import io.vudo.protocol.journal.v1.Send;
import io.vudo.protocol.journal.v1.StorageDelete;
import io.vudo.protocol.journal.v1.StoragePut;
import io.vudo.protocol.journal.v1.Timer;
import io.vudo.protocol.journal.v1.TupleAnswer;
import io.vudo.protocol.journal.v1.TupleUnwatch;
import io.vudo.protocol.journal.v1.TupleWatch;
import io.vudo.protocol.journal.v1.TupleWrite;
import io.vudo.protocol.journal.v1.TuplesAnswer;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.Tuplespace;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * What the host functions see of the turn that calls them: its input, the answers recorded so far,
 * the effects that leave at commit.
 *
 * <p>The first answers of a re-run or replay come from the record; a live turn goes on with fresh
 * ones after the last, a replay must not need any.
 */
final class TurnContext implements HostContext {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final long REPLAY_NANOS = TimeUnit.DAYS.toNanos(1);

  /** No timer has this number. */
  private static final long NOTHING_CANCELLED = 0;

  /** Why the turn runs. */
  enum Mode {
    /** To happen; after the recorded answers it gets fresh ones. */
    LIVE,
    /** To do once more what its record says. */
    REPLAY,
    /** To see what becomes of a recorded input; there are no answers but the recorded ones. */
    REHEARSAL
  }

  private final SpiritId self;
  private final long number;
  private final Message input;
  private final Grants grants;
  private final SpiritLimits limits;
  private final TurnLimits bounds;
  private final Clock clock;
  private final Mode mode;
  private final long deadlineNanos;
  private final List<Answer> answers;
  private final List<Effect> effects = new ArrayList<>();
  private final List<TurnLog> logs = new ArrayList<>();
  private final OutputLines stdout;
  private final OutputLines stderr;
  private final Timers timers;
  private final Relations relations;
  private final String parent;
  private int related;
  private final Watches watches;
  private int watched;
  private final Set<Long> started = new HashSet<>();
  private final Map<String, Long> startedNames = new HashMap<>();
  private final Set<Long> cancelled = new HashSet<>();
  private int timersStarted;
  private Storage storage;
  private boolean storageIsOwn;
  private long monotonicNanos = Long.MIN_VALUE;
  private int nextAnswer;
  private long effectBytes;
  private long answerBytes;

  TurnContext(
      SpiritId self,
      long number,
      Message input,
      Grants grants,
      SpiritLimits limits,
      TurnLimits bounds,
      Clock clock,
      Mode mode,
      List<Answer> recorded,
      Timers timers,
      Storage storage,
      Relations relations,
      Watches watches,
      String parent) {
    this.timers = timers;
    this.relations = relations;
    this.watches = watches;
    this.parent = parent;
    this.storage = storage;
    this.self = self;
    this.number = number;
    this.input = input;
    this.grants = grants;
    this.limits = limits;
    this.bounds = bounds;
    this.clock = clock;
    this.mode = mode;
    // What completed once completes again, however busy the node is then.
    this.deadlineNanos =
        System.nanoTime()
            + (mode == Mode.REPLAY
                ? REPLAY_NANOS
                : TimeUnit.MILLISECONDS.toNanos(limits.turnTimeoutMillis()));
    this.answers = new ArrayList<>(recorded);
    this.stdout = new OutputLines(2, bounds.maxLogLineBytes(), this::log);
    this.stderr = new OutputLines(3, bounds.maxLogLineBytes(), this::log);
    for (Answer answer : recorded) {
      answerBytes += answer.getSerializedSize();
    }
  }

  @Override
  public SpiritId self() {
    return self;
  }

  @Override
  public Message input() {
    return input;
  }

  @Override
  public String parent() {
    return parent;
  }

  @Override
  public Grants grants() {
    return grants;
  }

  @Override
  public SpiritLimits limits() {
    return limits;
  }

  @Override
  public long deadlineNanos() {
    return deadlineNanos;
  }

  long number() {
    return number;
  }

  boolean isRehearsal() {
    return mode == Mode.REHEARSAL;
  }

  List<Answer> answers() {
    return answers;
  }

  /** The answers that the guest got. */
  List<Answer> usedAnswers() {
    return answers.subList(0, nextAnswer);
  }

  List<Effect> effects() {
    return effects;
  }

  /** What the guest has logged; a line without an end is ended. */
  List<TurnLog> logs() {
    stdout.end();
    stderr.end();
    return logs;
  }

  // Answers

  @Override
  public long nowNanos() {
    Answer recorded = recorded(Answer.AnswerCase.NOW_NANOS);
    if (recorded != null) {
      return recorded.getNowNanos();
    }
    Instant now = clock.instant();
    long nanos =
        Math.addExact(Math.multiplyExact(now.getEpochSecond(), 1_000_000_000L), now.getNano());
    return record(Answer.newBuilder().setNowNanos(nanos).build()).getNowNanos();
  }

  /** The recorded clock, held back where the node's own was set back during the turn. */
  @Override
  public long monotonicNanos() {
    monotonicNanos = Math.max(monotonicNanos, nowNanos());
    return monotonicNanos;
  }

  @Override
  public byte[] random(int length) {
    Answer recorded = recorded(Answer.AnswerCase.RANDOM);
    if (recorded != null) {
      if (recorded.getRandom().size() != length) {
        throw diverged("random asked for " + length + " bytes, the record has another length");
      }
      return recorded.getRandom().toByteArray();
    }
    byte[] bytes = new byte[length];
    RANDOM.nextBytes(bytes);
    record(Answer.newBuilder().setRandom(ByteString.copyFrom(bytes)).build());
    return bytes;
  }

  @Override
  public TupleAnswer tuple(WaitRequest.Tuple request) {
    return answered(Answer.AnswerCase.TUPLE, request).getTuple();
  }

  @Override
  public TuplesAnswer tuples(WaitRequest.Tuples request) {
    return answered(Answer.AnswerCase.TUPLES, request).getTuples();
  }

  @Override
  public long count(WaitRequest.Count request) {
    return answered(Answer.AnswerCase.COUNTED, request).getCounted();
  }

  @Override
  public int barrier(WaitRequest.Barrier request) {
    return answered(Answer.AnswerCase.PASSED, request).getPassed();
  }

  @Override
  public Reply ask(WaitRequest.Reply request) {
    return answered(Answer.AnswerCase.REPLY, request).getReply();
  }

  @Override
  public Reply process(WaitRequest.Named request) {
    return answered(Answer.AnswerCase.PROCESSED, request).getProcessed();
  }

  @Override
  public long processMillis() {
    return bounds.processMillis();
  }

  @Override
  public void sleep(WaitRequest.Sleep request) {
    answered(Answer.AnswerCase.SLEPT, request);
  }

  @Override
  public long maxWaitMillis() {
    return bounds.maxWaitMillis();
  }

  /** The recorded answer; without one the turn is unwound to get it. */
  private Answer answered(Answer.AnswerCase kind, WaitRequest request) {
    Answer recorded = recorded(kind);
    if (recorded == null) {
      checkAnswers();
      throw new SuspendTurn(request);
    }
    return recorded;
  }

  private Answer recorded(Answer.AnswerCase expected) {
    if (nextAnswer == answers.size()) {
      if (mode != Mode.LIVE) {
        throw diverged("the guest asked for " + expected + " after the last recorded answer");
      }
      return null;
    }
    Answer answer = answers.get(nextAnswer++);
    if (answer.getAnswerCase() != expected) {
      throw diverged(
          "answer "
              + nextAnswer
              + " is "
              + answer.getAnswerCase()
              + ", the guest asked for "
              + expected);
    }
    return answer;
  }

  private Answer record(Answer answer) {
    answerBytes += answer.getSerializedSize();
    checkAnswers();
    answers.add(answer);
    nextAnswer++;
    return answer;
  }

  private void checkAnswers() {
    if (answers.size() >= bounds.maxAnswers() || answerBytes > bounds.maxAnswerBytes()) {
      throw new VudoException(
          ErrorCode.EFFECT_LIMIT_EXCEEDED,
          "A turn may ask the host for at most "
              + bounds.maxAnswers()
              + " answers and "
              + bounds.maxAnswerBytes()
              + " bytes of them.");
    }
  }

  private VudoException diverged(String what) {
    return new VudoException(
        ErrorCode.REPLAY_DIVERGED, "Turn " + number + " of " + self + ": " + what + ".");
  }

  /** Whether every recorded answer was used; a re-run that needs fewer has taken another path. */
  boolean usedAllAnswers() {
    return nextAnswer == answers.size();
  }

  // Effects

  @Override
  public void send(SpiritId to, String type, byte[] payload, Message.Kind kind) {
    if (mode == Mode.LIVE
        && (kind == Message.Kind.MONITOR || kind == Message.Kind.LINK)
        && relations.size(kind) + ++related > bounds.maxWatchers()) {
      throw new VudoException(
          ErrorCode.EFFECT_LIMIT_EXCEEDED,
          "A Spirit may watch, and be linked to, at most "
              + bounds.maxWatchers()
              + " others; more than vudo.spirit.max-watchers.");
    }
    Message message =
        Message.newBuilder()
            .setId(self + "#" + number + "#" + effects.size())
            .setSender(self.toString())
            .setType(type)
            .setPayload(ByteString.copyFrom(payload))
            .setKind(kind)
            .setPosition(nextPosition())
            .build();
    add(
        Effect.newBuilder()
            .setSend(Send.newBuilder().setTo(to.toString()).setMessage(message))
            .build());
  }

  @Override
  public void writeTuple(String space, byte[] tuple, long ttlMillis) {
    add(
        Effect.newBuilder()
            .setTupleWrite(
                TupleWrite.newBuilder()
                    .setSpace(space)
                    .setTuple(ByteString.copyFrom(tuple))
                    .setTtlMillis(ttlMillis))
            .build());
  }

  @Override
  public void confirmTake(String space, String hold) {
    add(
        Effect.newBuilder()
            .setConfirmTake(ConfirmTake.newBuilder().setSpace(space).setHold(hold))
            .build());
  }

  @Override
  public String nextLease(Tuple tuple) {
    return Tuplespace.leaseName(
        tuple,
        new OperationId.Turn(
            self, new OperationId.Position(number, effects.size()), OperationId.Position.NONE));
  }

  @Override
  public void renewLease(String space, String lease, long ttlMillis) {
    add(
        Effect.newBuilder()
            .setLeaseRenewal(
                LeaseRenewal.newBuilder().setSpace(space).setLease(lease).setTtlMillis(ttlMillis))
            .build());
  }

  @Override
  public void endLease(String space, String lease) {
    add(
        Effect.newBuilder()
            .setLeaseEnd(LeaseEnd.newBuilder().setSpace(space).setLease(lease))
            .build());
  }

  @Override
  public void watchTuples(String space, String name, Template template) {
    if (mode == Mode.LIVE && watches.sizeWithout(space, name) + ++watched > bounds.maxWatchers()) {
      throw new VudoException(
          ErrorCode.EFFECT_LIMIT_EXCEEDED,
          "A Spirit may have at most "
              + bounds.maxWatchers()
              + " watches of tuples; more than vudo.spirit.max-watchers.");
    }
    add(
        Effect.newBuilder()
            .setTupleWatch(
                TupleWatch.newBuilder()
                    .setSpace(space)
                    .setName(name)
                    .setTemplate(ByteString.copyFrom(TupleCodec.encode(template)))
                    .setId(Watches.id(self, number, effects.size(), space)))
            .build());
  }

  @Override
  public void unwatchTuples(String space, String name) {
    add(
        Effect.newBuilder()
            .setTupleUnwatch(TupleUnwatch.newBuilder().setSpace(space).setName(name))
            .build());
  }

  @Override
  public long startTimer(
      String name, long delayMillis, long periodMillis, SpiritId to, String type, byte[] payload) {
    long number = Timers.number(this.number, effects.size());
    if (mode == Mode.LIVE && timers.size() + ++timersStarted > bounds.maxTimers()) {
      throw new VudoException(
          ErrorCode.EFFECT_LIMIT_EXCEEDED,
          "A Spirit may have at most " + bounds.maxTimers() + " timers and reminders.");
    }
    add(
        Effect.newBuilder()
            .setStartTimer(
                Timer.newBuilder()
                    .setNumber(number)
                    .setName(name)
                    .setDelayMillis(delayMillis)
                    .setPeriodMillis(periodMillis)
                    .setSend(
                        Send.newBuilder()
                            .setTo(to.toString())
                            .setMessage(
                                Message.newBuilder()
                                    .setType(type)
                                    .setPayload(ByteString.copyFrom(payload)))))
            .build());
    started.add(number);
    if (!name.isEmpty()) {
      startedNames.put(name, number);
    }
    return number;
  }

  @Override
  public boolean cancelTimer(long wanted) {
    return cancel(started.contains(wanted) || timers.contains(wanted), wanted);
  }

  @Override
  public boolean cancelReminder(String name) {
    Long mine = startedNames.remove(name);
    Optional<Long> wanted = mine == null ? timers.named(name) : Optional.of(mine);
    return cancel(wanted.isPresent(), wanted.orElse(0L));
  }

  /** Whether there was one is recorded: timers fire between the turns. */
  private boolean cancel(boolean found, long wanted) {
    Answer recorded = recorded(Answer.AnswerCase.CANCELLED);
    Answer answer =
        recorded == null
            ? record(
                Answer.newBuilder()
                    .setCancelled(found && !cancelled.contains(wanted) ? wanted : NOTHING_CANCELLED)
                    .build())
            : recorded;
    if (answer.getCancelled() == NOTHING_CANCELLED) {
      return false;
    }
    cancelled.add(answer.getCancelled());
    add(
        Effect.newBuilder()
            .setCancelTimer(CancelTimer.newBuilder().setNumber(answer.getCancelled()))
            .build());
    return true;
  }

  @Override
  public Optional<ByteString> stored(String key) {
    return storage.get(key);
  }

  @Override
  public boolean store(String key, ByteString value) {
    if (storage.bytesWith(key, value) > bounds.maxStorageBytes()) {
      return false;
    }
    add(
        Effect.newBuilder()
            .setStoragePut(StoragePut.newBuilder().setKey(key).setValue(value))
            .build());
    ownStorage().put(key, value);
    return true;
  }

  @Override
  public void delete(String key) {
    add(Effect.newBuilder().setStorageDelete(StorageDelete.newBuilder().setKey(key)).build());
    ownStorage().delete(key);
  }

  /** Changed by this turn only; what others see follows when it completes. */
  private Storage ownStorage() {
    if (!storageIsOwn) {
      storage = storage.copy();
      storageIsOwn = true;
    }
    return storage;
  }

  private Position nextPosition() {
    return Position.newBuilder().setTurn(number).setIndex(effects.size()).build();
  }

  private void add(Effect effect) {
    effectBytes += effect.getSerializedSize();
    if (effects.size() >= bounds.maxEffects() || effectBytes > bounds.maxEffectBytes()) {
      throw new VudoException(
          ErrorCode.EFFECT_LIMIT_EXCEEDED,
          "A turn may have at most "
              + bounds.maxEffects()
              + " effects and "
              + bounds.maxEffectBytes()
              + " bytes of them.");
    }
    effects.add(effect);
  }

  @Override
  public void log(int level, byte[] text, int originalLength) {
    if (mode != Mode.LIVE || logs.size() > bounds.maxLogLines()) {
      return;
    }
    if (logs.size() == bounds.maxLogLines()) {
      logs.add(new TurnLog(3, "… more lines than a turn may log; the rest is dropped"));
      return;
    }
    String line = new String(text, java.nio.charset.StandardCharsets.UTF_8);
    logs.add(new TurnLog(level, originalLength > text.length ? line + "…" : line));
  }

  @Override
  public int maxLogLineBytes() {
    return bounds.maxLogLineBytes();
  }

  // What a program of an operating system would have: nothing here is the node's own

  @Override
  public List<String> arguments() {
    return List.of(self.toString());
  }

  @Override
  public List<String> environment() {
    return List.of("VUDO_SPIRIT_ID=" + self, "VUDO_SPIRIT_TYPE=" + self.type());
  }

  @Override
  public void write(StandardStream stream, byte[] bytes) {
    if (mode == Mode.LIVE && logs.size() <= bounds.maxLogLines()) {
      (stream == StandardStream.STDOUT ? stdout : stderr).write(bytes);
    }
  }

  @Override
  public RuntimeException exit(int code) {
    return new VudoException(
        ErrorCode.GUEST_EXITED, "Exit code " + Integer.toUnsignedString(code) + ".");
  }
}
