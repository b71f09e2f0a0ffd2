package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.DeadLetter;
import io.vudo.protocol.journal.v1.Failed;
import io.vudo.protocol.journal.v1.LetterEvent;
import io.vudo.protocol.journal.v1.LetterSnapshot;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.TupleWrite;
import io.vudo.protocol.wire.v1.LetterAnswer;
import io.vudo.protocol.wire.v1.LetterFilter;
import io.vudo.protocol.wire.v1.LetterReplay;
import io.vudo.protocol.wire.v1.LetterRequest;
import io.vudo.spirit.DeadLetters;
import io.vudo.spirit.internal.turn.SpiritMachine;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.Tuplespace;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.SnapshotAdapter;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.RetentionCriteria;

/**
 * The register of dead letters, spread over a few sharded, event-sourced partitions by the Spirit
 * at which a letter ended. Outboxes deliver to it like to any receiver, again and again until it
 * confirms, so it recognises a repetition by the letter's position in the Spirit's history.
 *
 * <p>Thread-safe; the partitions are actors.
 */
final class LetterRegister implements DeadLetters {
  static final int PARTITIONS = 8;
  static final EntityTypeKey<Command> KEY = EntityTypeKey.create(Command.class, "dead-letters");

  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final Pattern ID = Pattern.compile("([0-7])-([1-9][0-9]{0,17})");

  private final ClusterSharding sharding;
  private final Hosts hosts;

  /** What a partition understands. */
  sealed interface Command {}

  /**
   * Somebody wants something.
   *
   * @param body what; its reply_to is not used
   */
  record Request(LetterRequest body, ActorRef<LetterAnswer> replyTo) implements Command {}

  /**
   * A replay is over.
   *
   * @param error how it failed; null when it was handled
   * @param tried whether the receiver tried and failed
   */
  private record Replayed(String id, VudoError error, boolean tried) implements Command {}

  LetterRegister(ClusterSharding sharding, Hosts hosts) {
    this.sharding = sharding;
    this.hosts = hosts;
  }

  void start(SpiritSettings settings, Tuplespace tuplespace, Clock clock) {
    sharding.init(
        Entity.of(
            KEY,
            entity ->
                Behaviors.setup(
                    context ->
                        new Partition(
                            context,
                            hosts,
                            settings,
                            tuplespace,
                            clock,
                            Integer.parseInt(entity.getEntityId())))));
  }

  /** Completes when the letter is in the register, durably. */
  CompletionStage<Void> keep(DeadLetter letter) {
    return ask(partition(letter.getSpirit()), LetterRequest.newBuilder().setKeep(letter), TIMEOUT)
        .thenAccept(kept -> {});
  }

  private static int partition(String spirit) {
    return Math.floorMod(spirit.hashCode(), PARTITIONS);
  }

  @Override
  public CompletionStage<Listing> list(String spirit, String type) {
    LetterFilter filter = LetterFilter.newBuilder().setSpirit(spirit).setType(type).build();
    CompletionStage<List<LetterAnswer>> all = CompletableFuture.completedFuture(List.of());
    for (int i = 0; i < PARTITIONS; i++) {
      all =
          all.thenCombine(
              ask(i, LetterRequest.newBuilder().setList(filter), TIMEOUT),
              (before, answer) -> {
                List<LetterAnswer> more = new ArrayList<>(before);
                more.add(answer);
                return more;
              });
    }
    return all.thenApply(
        answers ->
            new Listing(
                answers.stream()
                    .flatMap(answer -> answer.getLettersList().stream())
                    .map(LetterRegister::shown)
                    .sorted(
                        Comparator.comparingLong(io.vudo.spirit.DeadLetter::firstMillis)
                            .thenComparing(io.vudo.spirit.DeadLetter::id))
                    .toList(),
                answers.stream().mapToLong(LetterAnswer::getCrowdedOut).sum()));
  }

  @Override
  public CompletionStage<io.vudo.spirit.DeadLetter> show(String id) {
    return askAbout(id, LetterRequest.newBuilder().setShow(id), TIMEOUT)
        .thenApply(answer -> shown(answer.getLetters(0)));
  }

  @Override
  public CompletionStage<Void> replay(String id, Duration timeout) {
    LetterReplay replay =
        LetterReplay.newBuilder().setId(id).setTimeoutMillis(timeout.toMillis()).build();
    return askAbout(id, LetterRequest.newBuilder().setReplay(replay), timeout.plus(TIMEOUT))
        .thenAccept(done -> {});
  }

  @Override
  public CompletionStage<Void> drop(String id) {
    return askAbout(id, LetterRequest.newBuilder().setDrop(id), TIMEOUT).thenAccept(done -> {});
  }

  private CompletionStage<LetterAnswer> askAbout(
      String id, LetterRequest.Builder request, Duration timeout) {
    return ID.matcher(id).matches()
        ? ask(id.charAt(0) - '0', request, timeout)
        : CompletableFuture.failedFuture(notFound(id).toException());
  }

  private static VudoError notFound(String id) {
    return new VudoError(ErrorCode.DEAD_LETTER_NOT_FOUND, "Got \"" + id + "\".");
  }

  private CompletionStage<LetterAnswer> ask(
      int partition, LetterRequest.Builder request, Duration timeout) {
    return sharding
        .entityRefFor(KEY, Integer.toString(partition))
        .<LetterAnswer>ask(replyTo -> new Request(request.build(), replyTo), timeout)
        .handle(
            (answer, failure) -> {
              if (failure != null) {
                throw new VudoException(
                    ErrorCode.JOURNAL_UNAVAILABLE,
                    "The register of dead letters did not answer: " + failure.getMessage(),
                    failure);
              }
              if (!answer.getCode().isEmpty()) {
                throw new VudoException(ErrorCode.of(answer.getCode()), answer.getDetail());
              }
              return answer;
            });
  }

  private static io.vudo.spirit.DeadLetter shown(DeadLetter letter) {
    if (letter.hasTupleWrite()) {
      TupleWrite write = letter.getTupleWrite();
      return shown(letter, "tuple", letter.getSpirit(), write.getSpace(), "", "", write.getTuple());
    }
    Message message = letter.getSend().getMessage();
    return shown(
        letter,
        message.getKind().name().toLowerCase(Locale.ROOT),
        message.getSender(),
        letter.getSend().getTo(),
        message.getId(),
        message.getType(),
        message.getPayload());
  }

  private static io.vudo.spirit.DeadLetter shown(
      DeadLetter letter,
      String kind,
      String sender,
      String receiver,
      String messageId,
      String messageType,
      ByteString payload) {
    return new io.vudo.spirit.DeadLetter(
        letter.getId(),
        letter.getSpirit(),
        kind,
        sender,
        receiver,
        messageId,
        messageType,
        payload.toByteArray(),
        letter.getPayloadBytes() > 0 ? letter.getPayloadBytes() : payload.size(),
        letter.getReason().getCode(),
        letter.getReason().getDetail(),
        letter.getAttempts(),
        letter.getReplays(),
        letter.getFirstMillis(),
        letter.getLastMillis());
  }

  /** The letters of one partition. */
  private static final class Kept {
    private final NavigableMap<Long, DeadLetter> letters = new TreeMap<>();
    private final Set<String> recent = new LinkedHashSet<>();
    private long bytes;
    private long lastNumber;
    private long crowdedOut;

    void put(DeadLetter letter) {
      DeadLetter before = letters.put(number(letter.getId()), letter);
      bytes += letter.getSerializedSize() - (before == null ? 0L : before.getSerializedSize());
    }

    void remove(String id) {
      DeadLetter letter = letters.remove(number(id));
      bytes -= letter == null ? 0 : letter.getSerializedSize();
    }

    DeadLetter get(String id) {
      return letters.get(number(id));
    }

    void remember(DeadLetter letter, int most) {
      recent.add(name(letter));
      var oldest = recent.iterator();
      while (recent.size() > most) {
        oldest.next();
        oldest.remove();
      }
    }

    private static long number(String id) {
      return Long.parseLong(id.substring(id.indexOf('-') + 1));
    }

    private static String name(DeadLetter letter) {
      return letter.getSpirit()
          + "#"
          + letter.getPosition().getTurn()
          + "#"
          + letter.getPosition().getIndex();
    }
  }

  private static final class Partition extends EventSourcedBehavior<Command, LetterEvent, Kept> {
    private final ActorContext<Command> context;
    private final Hosts hosts;
    private final SpiritSettings settings;
    private final Tuplespace tuplespace;
    private final Clock clock;
    private final int number;

    /** Who waits for the replays under way. */
    private final Map<String, List<ActorRef<LetterAnswer>>> replaying = new HashMap<>();

    private Partition(
        ActorContext<Command> context,
        Hosts hosts,
        SpiritSettings settings,
        Tuplespace tuplespace,
        Clock clock,
        int number) {
      super(PersistenceId.ofUniqueId("dead-letters|" + number));
      this.context = context;
      this.hosts = hosts;
      this.settings = settings;
      this.tuplespace = tuplespace;
      this.clock = clock;
      this.number = number;
    }

    @Override
    public String journalPluginId() {
      return settings.journalPlugin();
    }

    @Override
    public String snapshotPluginId() {
      return settings.snapshotPlugin();
    }

    @Override
    public Kept emptyState() {
      return new Kept();
    }

    @Override
    public CommandHandler<Command, LetterEvent, Kept> commandHandler() {
      return newCommandHandlerBuilder()
          .forAnyState()
          .onCommand(Request.class, this::onRequest)
          .onCommand(Replayed.class, this::onReplayed)
          .build();
    }

    private Effect<LetterEvent, Kept> onRequest(Kept kept, Request request) {
      LetterRequest body = request.body();
      ActorRef<LetterAnswer> replyTo = request.replyTo();
      return switch (body.getRequestCase()) {
        case KEEP -> keep(kept, body.getKeep(), replyTo);
        case LIST -> Effect().reply(replyTo, list(kept, body.getList()));
        case SHOW -> {
          DeadLetter letter = kept.get(body.getShow());
          yield Effect()
              .reply(
                  replyTo,
                  letter == null
                      ? refused(notFound(body.getShow()))
                      : LetterAnswer.newBuilder().addLetters(letter).build());
        }
        case DROP ->
            kept.get(body.getDrop()) == null
                ? Effect().reply(replyTo, refused(notFound(body.getDrop())))
                : Effect()
                    .persist(LetterEvent.newBuilder().addRemoved(body.getDrop()).build())
                    .thenReply(replyTo, now -> LetterAnswer.getDefaultInstance());
        case REPLAY -> replay(kept, body.getReplay(), replyTo);
        case REQUEST_NOT_SET ->
            Effect()
                .reply(
                    replyTo,
                    refused(
                        new VudoError(
                            ErrorCode.REQUEST_INVALID, "This version does not know the request.")));
      };
    }

    private static LetterAnswer refused(VudoError error) {
      return LetterAnswer.newBuilder()
          .setCode(error.code().name())
          .setDetail(error.detail())
          .build();
    }

    private Effect<LetterEvent, Kept> keep(
        Kept kept, DeadLetter letter, ActorRef<LetterAnswer> replyTo) {
      if (kept.recent.contains(Kept.name(letter))) {
        return Effect().reply(replyTo, LetterAnswer.getDefaultInstance());
      }
      DeadLetter named = letter.toBuilder().setId(number + "-" + (kept.lastNumber + 1)).build();
      LetterEvent.Builder event = LetterEvent.newBuilder().setKept(named);
      long bytes = kept.bytes + named.getSerializedSize();
      int count = kept.letters.size() + 1;
      for (DeadLetter oldest : kept.letters.values()) {
        if (count <= settings.maxDeadLetters() && bytes <= settings.maxDeadLetterBytes()) {
          break;
        }
        event.addCrowdedOut(oldest.getId());
        count--;
        bytes -= oldest.getSerializedSize();
      }
      return Effect()
          .persist(event.build())
          .thenRun(
              () -> {
                if (event.getCrowdedOutCount() > 0) {
                  context
                      .getLog()
                      .warn(
                          "Dead letters {} are dropped: there is no room for more"
                              + " (vudo.spirit.max-dead-letters, max-dead-letter-bytes)",
                          event.getCrowdedOutList());
                }
                context
                    .getLog()
                    .warn(
                        "Dead letter {}: {} at {}, {} {}",
                        named.getId(),
                        named.hasSend()
                            ? named.getSend().getMessage().getId()
                            : "a write into " + named.getTupleWrite().getSpace(),
                        named.getSpirit(),
                        named.getReason().getCode(),
                        named.getReason().getDetail());
                replyTo.tell(LetterAnswer.getDefaultInstance());
              });
    }

    private static LetterAnswer list(Kept kept, LetterFilter filter) {
      LetterAnswer.Builder answer = LetterAnswer.newBuilder().setCrowdedOut(kept.crowdedOut);
      kept.letters.values().stream()
          .filter(letter -> matches(letter, filter))
          .map(Partition::withoutPayload)
          .forEach(answer::addLetters);
      return answer.build();
    }

    private static boolean matches(DeadLetter letter, LetterFilter filter) {
      List<String> spirits =
          letter.hasSend()
              ? List.of(
                  letter.getSpirit(),
                  letter.getSend().getTo(),
                  letter.getSend().getMessage().getSender())
              : List.of(letter.getSpirit());
      return (filter.getSpirit().isEmpty() || spirits.contains(filter.getSpirit()))
          && (filter.getType().isEmpty()
              || spirits.stream().anyMatch(spirit -> spirit.startsWith(filter.getType() + "/")));
    }

    private static DeadLetter withoutPayload(DeadLetter letter) {
      DeadLetter.Builder bare = letter.toBuilder();
      if (letter.hasSend()) {
        bare.setPayloadBytes(letter.getSend().getMessage().getPayload().size());
        bare.getSendBuilder().getMessageBuilder().clearPayload();
      } else {
        bare.setPayloadBytes(letter.getTupleWrite().getTuple().size());
        bare.getTupleWriteBuilder().clearTuple();
      }
      return bare.build();
    }

    private Effect<LetterEvent, Kept> replay(
        Kept kept, LetterReplay replay, ActorRef<LetterAnswer> replyTo) {
      DeadLetter letter = kept.get(replay.getId());
      if (letter == null) {
        return Effect().reply(replyTo, refused(notFound(replay.getId())));
      }
      List<ActorRef<LetterAnswer>> others = replaying.get(letter.getId());
      if (others != null) {
        others.add(replyTo);
        return Effect().none();
      }
      replaying.put(letter.getId(), new ArrayList<>(List.of(replyTo)));
      Duration timeout = Duration.ofMillis(Math.max(1, replay.getTimeoutMillis()));
      context.pipeToSelf(
          letter.hasSend() ? send(letter, timeout) : write(letter),
          (done, failure) ->
              failure == null
                  ? done
                  : new Replayed(letter.getId(), failed(letter, failure, timeout), false));
      return Effect().none();
    }

    private static VudoError failed(DeadLetter letter, Throwable failure, Duration timeout) {
      return failure instanceof TimeoutException
          ? new VudoError(
              ErrorCode.ASK_TIMEOUT,
              letter.getSend().getTo() + " did not answer in " + timeout.toMillis() + " ms.")
          : Courier.error(failure);
    }

    private CompletionStage<Replayed> send(DeadLetter letter, Duration timeout) {
      // Its place in the sender's sequence is taken; the receiver remembers it by its id.
      Message message =
          letter.getSend().getMessage().toBuilder()
              .clearPosition()
              .clearPrevious()
              .setId(SpiritMachine.LETTER_PREFIX + letter.getId() + ":" + letter.getReplays())
              .build();
      return hosts
          .<DeliveryReply>ask(
              letter.getSend().getTo(),
              replyTo -> new SpiritCommand.Deliver(message, replyTo),
              timeout)
          .thenApply(
              reply -> {
                if (reply instanceof DeliveryReply.Refused refused) {
                  return new Replayed(letter.getId(), refused.error(), false);
                }
                if (reply instanceof DeliveryReply.HandledBadly bad) {
                  return new Replayed(
                      letter.getId(),
                      new VudoError(
                          ErrorCode.of(bad.outcome().getCode()), bad.outcome().getDetail()),
                      true);
                }
                return new Replayed(letter.getId(), null, true);
              });
    }

    private CompletionStage<Replayed> write(DeadLetter letter) {
      TupleWrite write = letter.getTupleWrite();
      return tuplespace
          .write(
              write.getSpace(),
              TupleCodec.decodeTuple(write.getTuple().toByteArray()),
              write.getTtlMillis(),
              OperationId.key(SpiritMachine.LETTER_PREFIX + letter.getId()))
          .thenApply(done -> new Replayed(letter.getId(), null, true));
    }

    private Effect<LetterEvent, Kept> onReplayed(Kept kept, Replayed replayed) {
      List<ActorRef<LetterAnswer>> waiting = replaying.remove(replayed.id());
      LetterAnswer answer =
          replayed.error() == null ? LetterAnswer.getDefaultInstance() : refused(replayed.error());
      DeadLetter letter = kept.get(replayed.id());
      if (letter == null) {
        return Effect().none().thenRun(() -> waiting.forEach(asker -> asker.tell(answer)));
      }
      LetterEvent.Builder event = LetterEvent.newBuilder();
      if (replayed.error() == null) {
        event.addRemoved(replayed.id());
      } else if (replayed.tried() || replayed.error().code() != ErrorCode.ASK_TIMEOUT) {
        event.setFailedAgain(
            DeadLetter.newBuilder()
                .setId(letter.getId())
                .setReason(
                    Failed.newBuilder()
                        .setCode(replayed.error().code().name())
                        .setDetail(replayed.error().detail()))
                // The outcome is remembered under the old number; another try needs another one.
                .setReplays(letter.getReplays() + (replayed.tried() ? 1 : 0))
                .setLastMillis(clock.millis()));
      } else {
        return Effect().none().thenRun(() -> waiting.forEach(asker -> asker.tell(answer)));
      }
      return Effect()
          .persist(event.build())
          .thenRun(() -> waiting.forEach(asker -> asker.tell(answer)));
    }

    @Override
    public EventHandler<Kept, LetterEvent> eventHandler() {
      return (kept, event) -> {
        if (event.hasKept()) {
          kept.lastNumber = Kept.number(event.getKept().getId());
          kept.put(event.getKept());
          kept.remember(event.getKept(), settings.maxDeadLetters());
        }
        event.getRemovedList().forEach(kept::remove);
        event.getCrowdedOutList().forEach(kept::remove);
        kept.crowdedOut += event.getCrowdedOutCount();
        if (event.hasFailedAgain()) {
          DeadLetter again = event.getFailedAgain();
          DeadLetter before = kept.get(again.getId());
          if (before != null) {
            kept.put(
                before.toBuilder()
                    .setReason(again.getReason())
                    .setReplays(again.getReplays())
                    .setLastMillis(again.getLastMillis())
                    .build());
          }
        }
        return kept;
      };
    }

    @Override
    public RetentionCriteria retentionCriteria() {
      return RetentionCriteria.snapshotEvery(1_000, 2).withDeleteEventsOnSnapshot();
    }

    @Override
    public SnapshotAdapter<Kept> snapshotAdapter() {
      return new SnapshotAdapter<>() {
        @Override
        public Object toJournal(Kept kept) {
          return LetterSnapshot.newBuilder()
              .addAllLetters(kept.letters.values())
              .setLastNumber(kept.lastNumber)
              .setCrowdedOut(kept.crowdedOut)
              .addAllRecent(kept.recent)
              .build();
        }

        @Override
        public Kept fromJournal(Object snapshot) {
          LetterSnapshot stored = (LetterSnapshot) snapshot;
          Kept kept = new Kept();
          stored.getLettersList().forEach(kept::put);
          kept.lastNumber = stored.getLastNumber();
          kept.crowdedOut = stored.getCrowdedOut();
          kept.recent.addAll(stored.getRecentList());
          return kept;
        }
      };
    }
  }
}
