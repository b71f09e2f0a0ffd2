package io.vudo.spirit.internal.turn;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.vudo.journal.PageTracker;
import io.vudo.journal.SnapshotChain;
import io.vudo.journal.StateSnapshot;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.TupleCodec;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.BarrierWait;
import io.vudo.protocol.journal.v1.Completed;
import io.vudo.protocol.journal.v1.Configured;
import io.vudo.protocol.journal.v1.DeadLettered;
import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.Failed;
import io.vudo.protocol.journal.v1.Forked;
import io.vudo.protocol.journal.v1.Halted;
import io.vudo.protocol.journal.v1.Marker;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Pending;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.ProcessWait;
import io.vudo.protocol.journal.v1.Remembered;
import io.vudo.protocol.journal.v1.Retrying;
import io.vudo.protocol.journal.v1.Send;
import io.vudo.protocol.journal.v1.Sleep;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.Suspended;
import io.vudo.protocol.journal.v1.Swapped;
import io.vudo.protocol.journal.v1.TableRow;
import io.vudo.protocol.journal.v1.Timer;
import io.vudo.protocol.journal.v1.TimerFired;
import io.vudo.protocol.journal.v1.Trace;
import io.vudo.protocol.journal.v1.TupleWait;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.protocol.journal.v1.Wait;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.internal.wasm.LayoutComparison;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * One Spirit without its actor: the instance, its turns, and everything that must survive.
 *
 * <p>A turn runs on the live instance. The machine also keeps an <em>image</em> of an earlier state
 * and the turns since; when a turn fails or suspends, the instance is thrown away, and the next one
 * is made from the image by running those turns again. Turns are deterministic, so this is exact.
 * It costs nothing while turns succeed; the image is renewed once the turns since have burnt about
 * as much as renewing costs, so rolling back stays cheap too.
 *
 * <p>Not thread-safe. The caller journals every {@link Turn} that {@link #attempt} answers before
 * anything of it leaves; if that fails, the machine must be thrown away.
 */
public final class SpiritMachine implements AutoCloseable {
  /** The prefix of message ids that outside callers chose themselves: their idempotency keys. */
  public static final String KEY_PREFIX = "key:";

  /** The prefix of ids of dead letters that are replayed; their outcomes are remembered too. */
  public static final String LETTER_PREFIX = "letter:";

  private static final String WAIT_SEPARATOR = "?";

  private static final int MAX_TURNS_SINCE_IMAGE = 64;
  private static final long MAX_BYTES_SINCE_IMAGE = 1 << 20;
  private static final long IMAGE_BASE_FUEL = 50_000;
  private static final int IMAGE_BYTES_PER_FUEL = 8;

  private final SpiritId id;
  private final ModuleSource modules;
  private final Clock clock;
  private final TurnLimits bounds;

  // What survives
  private Configured configured;
  private SpiritLimits limits = SpiritLimits.DEFAULTS;
  private Grants grants = Grants.of(List.of());
  private long lastTurn;
  private long life;
  private boolean born;
  private final Outbox outbox = new Outbox();
  private final Inbox inbox;
  private final Timers timers = new Timers();
  private final Supervisor supervisor;
  private final Relations relations;
  private final Watches watches = new Watches();
  private Storage storage = new Storage();

  /** The last swap, if it failed; null otherwise. */
  private Swapped refusedSwap;

  /** The turn that waits; null when none does. */
  private Suspended suspended;

  // The image, and what happened since
  private PageTracker pages = new PageTracker();
  private final SnapshotChain chain = new SnapshotChain();
  private boolean hasImage;

  /** The digest of the module whose state the image is; empty without one. */
  private String imageModule = "";

  private long[] globals = {};
  private int[][] tables = {};
  private Storage storageOfImage = new Storage();
  private final List<Turn> sinceImage = new ArrayList<>();
  private long fuelSinceImage;
  private long bytesSinceImage;

  private EngineInstance instance;
  private AdmittedModule admitted;
  private TurnContext current;
  private long replayedTurns;

  // Hashes of the state
  private final HashSchedule hashes;
  private ByteString knownHash = ByteString.EMPTY;

  /** What the state of the snapshot that recovery began with must hash to; empty when unknown. */
  private ByteString expectedHash = ByteString.EMPTY;

  private long expectedTurn;

  /** The pages of a fork whose beginning is being replayed. */
  private final SortedMap<Integer, byte[]> forkedPages = new TreeMap<>();

  /** A machine that takes hashes of the state as often as it costs little. */
  public SpiritMachine(
      SpiritId id,
      ModuleSource modules,
      Clock clock,
      TurnLimits bounds,
      int maxSenders,
      int maxKeys,
      int maxKeyBytes) {
    this(id, modules, clock, bounds, maxSenders, maxKeys, maxKeyBytes, HashSchedule.AMORTIZED);
  }

  /**
   * A machine that knows nothing yet.
   *
   * @param maxSenders what the inbox remembers
   * @param maxKeys what the inbox remembers
   * @param maxKeyBytes what the inbox remembers
   * @param hashEveryTurns after how many turns a record carries the hash of the state; 0 to let the
   *     cost decide
   */
  public SpiritMachine(
      SpiritId id,
      ModuleSource modules,
      Clock clock,
      TurnLimits bounds,
      int maxSenders,
      int maxKeys,
      int maxKeyBytes,
      int hashEveryTurns) {
    this.id = id;
    this.modules = modules;
    this.clock = clock;
    this.bounds = bounds;
    this.supervisor = new Supervisor(id);
    this.relations = new Relations(id, bounds.maxWatchers());
    this.inbox = new Inbox(maxSenders, maxKeys, maxKeyBytes);
    this.hashes = new HashSchedule(hashEveryTurns);
  }

  // What it is

  public SpiritId id() {
    return id;
  }

  public Optional<Configured> configured() {
    return Optional.ofNullable(configured);
  }

  public SpiritLimits limits() {
    return limits;
  }

  public boolean born() {
    return born;
  }

  public long lastTurn() {
    return lastTurn;
  }

  /** Turns that were run again to get here: at recovery and after each rollback. */
  public long replayedTurns() {
    return replayedTurns;
  }

  public long memoryBytes() {
    return instance != null ? instance.memoryBytes() : pages.sizeBytes();
  }

  public boolean hasInstance() {
    return instance != null;
  }

  // Messages

  /** Whether the message is new, was handled before, or came before one that it must follow. */
  public Verdict judge(Message message) {
    return inbox.judge(message);
  }

  public Optional<Remembered> outcome(Message message) {
    return inbox.outcome(message);
  }

  /** What has not been confirmed by its receiver, oldest first. */
  public List<Pending> deliveries() {
    return outbox.deliveries();
  }

  public boolean hasDeliveries() {
    return !outbox.isEmpty();
  }

  /** How many effects no receiver has confirmed yet. */
  public int undelivered() {
    return outbox.size();
  }

  public boolean acknowledge(Position position) {
    return outbox.acknowledge(position);
  }

  /**
   * Gives up an effect that its receiver refused for good: a dead letter takes its place.
   *
   * @return the event to journal before that letter leaves; empty when there is nothing to keep
   */
  public Optional<SpiritEvent> giveUp(Position position, VudoError error) {
    DeadLettered event =
        DeadLettered.newBuilder()
            .setPosition(position)
            .setReason(Letters.reason(error))
            .setTimeMillis(clock.millis())
            .build();
    return apply(event)
        ? Optional.of(SpiritEvent.newBuilder().setDeadLettered(event).build())
        : Optional.empty();
  }

  private boolean apply(DeadLettered event) {
    Effect refused = outbox.get(event.getPosition());
    Optional<Effect> letter =
        refused == null
            ? Optional.empty()
            : Letters.ofRefused(
                id, event.getPosition(), refused, event.getReason(), event.getTimeMillis());
    letter.ifPresent(kept -> outbox.replace(event.getPosition(), kept));
    return letter.isPresent();
  }

  /** Whether an effect has become a dead letter. */
  public boolean isGivenUp(Position position) {
    Effect effect = outbox.get(position);
    return effect != null && effect.hasDeadLetter();
  }

  public List<Position> takeAcknowledged() {
    return outbox.takeAcknowledged();
  }

  public int unjournaledAcknowledgements() {
    return outbox.unjournaledAcknowledgements();
  }

  /** Whether there is something to do that no message will cause. */
  public boolean needsWaking() {
    return isRemembered()
        || hasDeliveries()
        || suspended != null
        || timers.size() > 0
        || supervisor.retrying().isPresent();
  }

  /** Whether the Spirit lives and is to stay in memory. */
  public boolean isRemembered() {
    return born && configured.getRemembered();
  }

  /** Whether an id is that of a wait, not of a message that a turn sent. */
  public static boolean isWait(String id) {
    return id.indexOf(WAIT_SEPARATOR) >= 0;
  }

  /** The message that failed and is to be tried again before any other. */
  public Optional<Retrying> retrying() {
    return supervisor.retrying();
  }

  /** Why the Spirit takes no messages, if that is so. */
  public Optional<Halted> halted() {
    return supervisor.halted();
  }

  /**
   * Takes messages again after it was halted.
   *
   * @return the event to journal
   */
  public SpiritEvent restart(Message message) {
    Turn turn =
        Turn.newBuilder()
            .setNumber(lastTurn + 1)
            .setTimeMillis(clock.millis())
            .setInput(message)
            .setCompleted(Completed.getDefaultInstance())
            .build();
    apply(turn);
    return SpiritEvent.newBuilder().setTurn(turn).build();
  }

  /** Whether a turn was the host's alone: the guest was not called, and a replay must not do so. */
  public static boolean isHosts(Turn turn) {
    return turn.getByHost() || turn.getInput().getKind() == Message.Kind.RESTART;
  }

  /**
   * Whether a message is about watches and links, and so for {@link #handleByHost} and not for the
   * guest: one that may come to any address, and begins no life.
   */
  public boolean isForHost(Message message) {
    return Relations.isForHost(message.getKind())
        || (message.getKind() == Message.Kind.DOWN && !born && halted().isEmpty());
  }

  /**
   * Handles a message that is for the host.
   *
   * @return the turn to journal
   */
  public Turn handleByHost(Message message) {
    Turn.Builder record =
        Turn.newBuilder()
            .setNumber(lastTurn + 1)
            .setTimeMillis(clock.millis())
            .setInput(message)
            .setCompleted(Completed.getDefaultInstance())
            .setByHost(true);
    if (relations.ends(message)) {
      supervisor.haltWith(
          record, message.getPayload().toStringUtf8(), Configurations.supervision(configured));
      relations.tellOfHalt(record);
    } else {
      relations.answer(
          record,
          halted()
              .map(halted -> halted.getReason().getCode())
              .or(() -> born ? Optional.empty() : Optional.of(Relations.NOT_FOUND)));
    }
    Turn turn = record.build();
    apply(turn);
    return turn;
  }

  /** Whether an effect of a turn that halted the Spirit is what its parent hears of it. */
  public static boolean tellsParent(Effect effect) {
    return effect.getSend().getMessage().getType().equals(Supervisor.CHILD_FAILED);
  }

  /**
   * What a space tells of a tuple that this Spirit watches, as the guest gets it; empty when it
   * does not watch that any more.
   */
  public Optional<Message> watched(Message told) {
    return born ? watches.message(told) : Optional.empty();
  }

  /** The timer that is due first. */
  public Optional<Timer> nextTimer() {
    return timers.next();
  }

  /**
   * Sends the message of the timer that is due first.
   *
   * @return the event to journal
   */
  public SpiritEvent fireTimer() {
    TimerFired fired = timers.fire(lastTurn, clock.millis());
    fire(fired);
    return SpiritEvent.newBuilder().setTimerFired(fired).build();
  }

  private void fire(TimerFired fired) {
    Timer timer = timers.apply(fired);
    Position position = fired.getPosition();
    outbox.add(
        position,
        Effect.newBuilder()
            .setSend(
                Send.newBuilder()
                    .setTo(timer.getSend().getTo())
                    .setMessage(
                        timer.getSend().getMessage().toBuilder()
                            .setId(id + "#" + position.getTurn() + "#" + position.getIndex())
                            .setSender(id.toString())
                            .setPosition(position)))
            .build());
  }

  /** The turn that waits for an answer, if one does. */
  public Optional<Suspended> suspended() {
    return Optional.ofNullable(suspended);
  }

  /** Whether the turn that waits has this hold, or waits for its tuple. */
  public boolean holdPending(String hold) {
    return suspended != null
        && (suspended.getWait().getId().equals(hold)
            || suspended.getAnswersList().stream().anyMatch(answer -> Holds.has(answer, hold)));
  }

  /** Whether a committed turn took the tuple of this hold and the space does not know yet. */
  public boolean holdCommitted(String hold) {
    return outbox.contains(hold);
  }

  // Configuration

  /**
   * Follows the deployment: a Spirit that is not born takes over all of it, a living one the limits
   * and capabilities of its own module.
   *
   * @return the event to journal, if anything changed
   */
  public Optional<SpiritEvent> follow(Deployment deployment) {
    Configured next;
    if (!born) {
      next = Configurations.of(deployment);
    } else if (configured.getDeploymentRevision() < deployment.revision()
        && configured.getModuleDigest().equals(deployment.digest().hex())) {
      next = Configurations.renewed(configured, deployment, memoryBytes());
    } else {
      return Optional.empty();
    }
    if (next.equals(configured)) {
      return Optional.empty();
    }
    configure(next);
    return Optional.of(SpiritEvent.newBuilder().setConfigured(next).build());
  }

  private void configure(Configured next) {
    // The turns since the image were run under the old limits and must not be run under the new.
    if (born && !sinceImage.isEmpty()) {
      instance();
      renewImage();
    }
    discardInstance();
    configured = next;
    limits = Configurations.limits(next);
    grants = Grants.of(next.getCapabilitiesList());
  }

  /**
   * Goes on with another engine, with the same state. All that can fail happens first: when this
   * throws, the Spirit is on the old engine as before.
   *
   * @param engine the engine's name
   * @return the event to journal; empty when it runs there already
   * @throws VudoException {@code SPIRIT_NOT_FOUND} when no Spirit lives here; what the engine says
   *     of the module ({@code MODULE_UNSUPPORTED}, {@code MODULE_COMPILE_TIMEOUT}) or of one more
   *     instance ({@code RESIDENCY_LIMIT})
   */
  public Optional<SpiritEvent> migrate(String engine) {
    if (!born) {
      throw new VudoException(ErrorCode.SPIRIT_NOT_FOUND, "Got \"" + id + "\".");
    }
    if (engine.equals(configured.getEngine())) {
      return Optional.empty();
    }
    Configured next = configured.toBuilder().setEngine(engine).build();
    CompiledModule module = modules.load(next);
    bringImageUpToDate();
    EngineInstance moved = restored(module);
    discardInstance();
    configured = next;
    instance = moved;
    admitted = module.module();
    return Optional.of(SpiritEvent.newBuilder().setConfigured(next).build());
  }

  // Another module

  /** Why the Spirit did not follow the last swap of its type; empty when it did. */
  public Optional<Swapped> refusedSwap() {
    return Optional.ofNullable(refusedSwap);
  }

  /**
   * Whether a swap concerns this Spirit: it lives, was last configured before, runs another module,
   * and has not tried yet.
   */
  public boolean isBehind(Deployment swap) {
    return born
        && configured.getDeploymentRevision() < swap.revision()
        && !configured.getModuleDigest().equals(swap.digest().hex())
        && (refusedSwap == null
            || refusedSwap.getConfigured().getDeploymentRevision() < swap.revision());
  }

  /**
   * Goes on with another module. The memory is kept where it means the same to that; otherwise the
   * guests bring the state over by {@code spirit_save} and {@code spirit_load}. All that can fail
   * happens first: when this throws, the Spirit has its module and its state as before.
   *
   * @param target the deployment of that module
   * @param comparison of the module before with that module
   * @param maxSavedBytes the most that {@code spirit_save} may answer
   * @return the event to journal
   * @throws VudoException {@code SPIRIT_NOT_FOUND} when no Spirit lives here; {@code
   *     SWAP_INCOMPATIBLE}, {@code SWAP_FAILED}; what the engine says of the module or of one more
   *     instance ({@code RESIDENCY_LIMIT})
   */
  public SpiritEvent swap(Deployment target, LayoutComparison comparison, int maxSavedBytes) {
    if (!born) {
      throw new VudoException(ErrorCode.SPIRIT_NOT_FOUND, "Got \"" + id + "\".");
    }
    readyToMove();
    Configured next = Configurations.swapped(configured, target, memoryBytes());
    CompiledModule module = modules.load(next);
    List<String> differences = new ArrayList<>(comparison.differences());
    if (differences.isEmpty() && !comparison.areInitial(tables)) {
      differences.add("the Spirit has changed its tables");
    }
    Swapped.Builder swapped = swapped(next);
    EngineInstance moved;
    if (differences.isEmpty()) {
      discardInstance();
      moved = kept(module);
    } else {
      byte[] saved = save(module.module(), differences, maxSavedBytes);
      TurnContext turn = transferContext(next, TurnContext.Mode.LIVE, List.of());
      moved = loaded(module, next, turn, saved);
      swapped
          .setSaved(ByteString.copyFrom(saved))
          .addAllAnswers(turn.usedAnswers())
          .setFuelUsed(Configurations.limits(next).fuelPerTurn() - moved.fuel());
    }
    ByteString hash = ByteString.copyFrom(StateHash.of(moved));
    install(next, module, moved, swapped.hasSaved(), hash);
    return SpiritEvent.newBuilder().setSwapped(swapped.setStateHash(hash)).build();
  }

  /**
   * Notes that the Spirit does not follow a swap, and why; it does not try again.
   *
   * @return the event to journal
   */
  public SpiritEvent refuseSwap(Deployment target, VudoError why) {
    refusedSwap =
        swapped(Configurations.swapped(configured, target, memoryBytes()))
            .setFailed(Failed.newBuilder().setCode(why.code().name()).setDetail(why.detail()))
            .build();
    return SpiritEvent.newBuilder().setSwapped(refusedSwap).build();
  }

  private Swapped.Builder swapped(Configured next) {
    return Swapped.newBuilder()
        .setConfigured(next)
        .setFromModuleDigest(configured.getModuleDigest())
        .setTurn(lastTurn)
        .setTimeMillis(clock.millis());
  }

  /** Sees to it that the image is the state of now, and that it is the one that was saved. */
  private void readyToMove() {
    bringImageUpToDate();
    if (!expectedHash.isEmpty()) {
      instance();
    }
  }

  private TurnContext transferContext(
      Configured next, TurnContext.Mode mode, List<Answer> recorded) {
    return new TurnContext(
        id,
        lastTurn,
        Message.newBuilder().setType("swap").build(),
        Grants.of(next.getCapabilitiesList()),
        Configurations.limits(next),
        bounds,
        clock,
        mode,
        recorded,
        timers,
        storage,
        relations,
        watches,
        supervisor.parent());
  }

  /** The image as the new module's; tables are those with which an instance of it begins. */
  private EngineInstance kept(CompiledModule module) {
    EngineInstance fresh = instantiate(module);
    return wholeOrClosed(fresh, () -> writeMemoryAndGlobals(fresh));
  }

  private byte[] save(AdmittedModule next, List<String> differences, int maxBytes) {
    EngineInstance guest = instance();
    StateTransfer.check(admitted, next, differences);
    TurnContext turn = transferContext(configured, TurnContext.Mode.LIVE, List.of());
    try {
      guest.setFuel(limits.fuelPerTurn());
      return transfer(
          turn,
          StateTransfer.SAVE,
          () -> StateTransfer.save(guest, turn.deadlineNanos(), maxBytes));
    } finally {
      // It may have changed something on the way.
      discardInstance();
    }
  }

  private EngineInstance loaded(
      CompiledModule module, Configured next, TurnContext turn, byte[] saved) {
    EngineInstance fresh = instantiate(module);
    return wholeOrClosed(
        fresh,
        () -> {
          fresh.setFuel(Configurations.limits(next).fuelPerTurn());
          transfer(
              turn,
              StateTransfer.LOAD,
              () -> {
                StateTransfer.load(fresh, module.module(), turn.deadlineNanos(), saved);
                return saved;
              });
        });
  }

  /** Lets a guest work on its state; it may ask the host, but do nothing to others. */
  private byte[] transfer(TurnContext turn, String what, Supplier<byte[]> work) {
    current = turn;
    try {
      byte[] result = work.get();
      if (!turn.effects().isEmpty()) {
        throw new VudoException(
            ErrorCode.SWAP_FAILED,
            what + " sent a message, or wrote or started something, which it must not do.");
      }
      if (!turn.usedAllAnswers()) {
        throw new VudoException(
            ErrorCode.REPLAY_DIVERGED, what + " asked the host for fewer answers.");
      }
      return result;
    } catch (SuspendTurn suspended) {
      throw new VudoException(
          ErrorCode.SWAP_FAILED, what + " asked for something that takes a while.", suspended);
    } catch (VudoException failure) {
      throw switch (failure.code()) {
        case SWAP_FAILED, REPLAY_DIVERGED, RESIDENCY_LIMIT -> failure;
        default ->
            new VudoException(
                ErrorCode.SWAP_FAILED,
                what + ": " + failure.code() + " " + failure.detail(),
                failure);
      };
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError | LinkageError fault) {
      throw new VudoException(ErrorCode.SWAP_FAILED, what + ": " + fault, fault);
    } finally {
      current = null;
    }
  }

  /**
   * Takes over a state in another module.
   *
   * @param anew whether that is another memory than the one before
   */
  private void install(
      Configured next, CompiledModule module, EngineInstance moved, boolean anew, ByteString hash) {
    discardInstance();
    if (anew) {
      clearImage();
    }
    configured = next;
    limits = Configurations.limits(next);
    grants = Grants.of(next.getCapabilitiesList());
    refusedSwap = null;
    instance = moved;
    admitted = module.module();
    renewImage();
    knownHash = hash;
  }

  /** Does again what the journal says of a swap. */
  private void replaySwap(Swapped swapped) {
    if (swapped.hasFailed()) {
      refusedSwap = swapped;
      return;
    }
    readyToMove();
    discardInstance();
    Configured next = swapped.getConfigured();
    CompiledModule module = modules.load(next);
    EngineInstance moved;
    if (swapped.hasSaved()) {
      TurnContext turn = transferContext(next, TurnContext.Mode.REPLAY, swapped.getAnswersList());
      try {
        moved = loaded(module, next, turn, swapped.getSaved().toByteArray());
      } catch (VudoException failure) {
        throw failure.code() == ErrorCode.RESIDENCY_LIMIT
            ? failure
            : diverged(lastTurn, "the swap after it fails now: " + failure.detail());
      }
    } else {
      moved = kept(module);
    }
    ByteString hash = ByteString.copyFrom(StateHash.of(moved));
    if (!hash.equals(swapped.getStateHash())) {
      moved.close();
      throw diverged(
          lastTurn,
          "the swap after it made another state; its hash is "
              + hex(hash)
              + ", recorded is "
              + hex(swapped.getStateHash()));
    }
    install(next, module, moved, swapped.hasSaved(), hash);
  }

  /** SHA-256 of the state as of the last turn, as {@link StateHash} says; the Spirit must live. */
  public String stateHash() {
    return hex(ByteString.copyFrom(StateHash.of(instance())));
  }

  private static String hex(ByteString hash) {
    return HexFormat.of().formatHex(hash.toByteArray());
  }

  /** The state after the last turn. */
  public SpiritState state() {
    bringImageUpToDate();
    ByteString hash =
        born ? ByteString.copyFrom(StateHash.of(pages, globals, tables)) : ByteString.EMPTY;
    SpiritHeader.Builder header = headerOfState().setStateHash(hash);
    chain.failed();
    return new SpiritState(id, header.build(), pages.sizeBytes(), pages.takeAll());
  }

  /**
   * The event that goes before a snapshot. It carries the hash of the state when taking it costs
   * little beside writing the snapshot.
   */
  public SpiritEvent marker() {
    Marker.Builder marker = Marker.newBuilder();
    if (born) {
      bringImageUpToDate();
      marker.setStateHash(hash(hashes.isDueWithLeave(pages.sizeBytes())));
    }
    return SpiritEvent.newBuilder().setMarker(marker).build();
  }

  /** Gives the instance back; the next turn gets a new one, with the same state. */
  public void rest() {
    if (instance != null) {
      bringImageUpToDate();
      discardInstance();
    }
  }

  // Turns

  /** Runs the turn of a message that stands for itself, as the longer form says. */
  public Attempt attempt(Message message, List<Answer> recorded) {
    return attempt(message, null, Redelivery.NONE, recorded);
  }

  /**
   * Runs a turn.
   *
   * @param message of kind MESSAGE for a Spirit that is born, SPAWN for one that is not
   * @param following what is to be handled next, if the message is the birth that it caused; else
   *     null
   * @param redelivery how the message is tried again when it fails and nobody waits for the answer
   * @param recorded the answers of an earlier attempt that was suspended, and the one it lacked
   * @throws VudoException when the turn could not be tried at all; nothing happened then
   */
  public Attempt attempt(
      Message message, Message following, Redelivery redelivery, List<Answer> recorded) {
    return attempt(message, following, redelivery, recorded, null);
  }

  /**
   * Runs a turn.
   *
   * @param trace the turn's span; null when it has none
   */
  public Attempt attempt(
      Message message,
      Message following,
      Redelivery redelivery,
      List<Answer> recorded,
      Trace trace) {
    TurnContext turn = context(lastTurn + 1, message, TurnContext.Mode.LIVE, recorded);
    try {
      return new Attempt.Finished(
          run(turn, following, redelivery, clock.millis(), trace), List.copyOf(turn.logs()));
    } catch (SuspendTurn suspended) {
      discardInstance();
      return new Attempt.Suspended(suspended.request(), List.copyOf(turn.answers()));
    }
  }

  /**
   * Runs a recorded message anew, whatever its record says of the outcome: the guest gets the input
   * and the answers of the record. The outcome becomes part of this machine's state, as a live
   * turn's does.
   *
   * @return the turn as it went now; it failed with {@code REPLAY_DIVERGED} when the guest asked
   *     for answers that the record does not have
   */
  public Turn rehearse(Turn recorded) {
    Turn now =
        run(
            context(
                recorded.getNumber(),
                recorded.getInput(),
                TurnContext.Mode.REHEARSAL,
                recorded.getAnswersList()),
            null,
            Redelivery.ofRehearsal(recorded),
            recorded.getTimeMillis(),
            null);
    // Nobody will deliver them, and nobody confirm them.
    outbox.clear();
    return now;
  }

  /**
   * Notes that the turn of a message waits, until another attempt at it finishes or waits again.
   *
   * @param message the turn's input
   * @param following what is to be handled next, if the input is the birth that it caused; else
   *     null
   * @param waiting the attempt that lacked an answer
   * @param replyTo where the outcome goes, for whoever asks {@link #suspended()}
   * @return the event to journal
   */
  public SpiritEvent suspend(
      Message message, Message following, Attempt.Suspended waiting, String replyTo) {
    return suspend(message, following, waiting, replyTo, null, 0);
  }

  /**
   * The same of a turn that has a span.
   *
   * @param trace the turn's span; null when it has none
   * @param beganMillis when the turn began, if it has one
   */
  public SpiritEvent suspend(
      Message message,
      Message following,
      Attempt.Suspended waiting,
      String replyTo,
      Trace trace,
      long beganMillis) {
    long number = lastTurn + 1;
    WaitRequest request = waiting.request();
    int index = waiting.answers().size();
    String waitId = id + "#" + number + WAIT_SEPARATOR + index;
    long now = clock.millis();
    Wait.Builder wait =
        Wait.newBuilder()
            .setId(waitId)
            .setTimeoutMillis(request.timeoutMillis())
            .setDeadlineMillis(now + request.timeoutMillis());
    Message.Builder asked =
        Message.newBuilder()
            .setId(waitId)
            .setSender(id.toString())
            .setKind(Message.Kind.QUESTION)
            .setPosition(Position.newBuilder().setTurn(number).setIndex(index));
    if (trace != null || message.hasTrace()) {
      asked.setTrace(trace != null ? trace : Traces.of(message));
    }
    if (request instanceof WaitRequest.Reply question) {
      asked.setType(question.type()).setPayload(question.payload());
      wait.setQuestion(Send.newBuilder().setTo(question.to().toString()).setMessage(asked));
    } else if (request instanceof WaitRequest.Named process) {
      asked.setPayload(process.args());
      wait.setProcess(ProcessWait.newBuilder().setName(process.name()).setMessage(asked));
    } else if (request instanceof WaitRequest.Tuple tuple) {
      wait.setTuple(
          TupleWait.newBuilder()
              .setSpace(tuple.space())
              .setTemplate(ByteString.copyFrom(TupleCodec.encode(tuple.template())))
              .setTake(tuple.take()));
    } else if (request instanceof WaitRequest.Barrier barrier) {
      wait.setBarrier(
          BarrierWait.newBuilder()
              .setSpace(barrier.space())
              .setName(barrier.name())
              .setParties(barrier.parties()));
    } else {
      wait.setSleep(Sleep.getDefaultInstance());
    }
    Suspended.Builder event =
        Suspended.newBuilder()
            .setNumber(number)
            .setTimeMillis(now)
            .setInput(message)
            .addAllAnswers(waiting.answers())
            .setWait(wait)
            .setReplyTo(replyTo);
    if (following != null) {
      event.setFollowing(following);
    }
    if (trace != null) {
      event.setTrace(trace).setBeganMillis(beganMillis);
    }
    suspended = event.build();
    return SpiritEvent.newBuilder().setSuspended(suspended).build();
  }

  /**
   * Runs a turn whose outcome is not known, and takes it over.
   *
   * @param following what else cannot be handled when the turn fails; null for nothing
   * @param trace the turn's span; null when it has none
   */
  private Turn run(
      TurnContext turn, Message following, Redelivery redelivery, long timeMillis, Trace trace) {
    EngineInstance guest = instance();
    Message message = turn.input();
    Turn.Builder record =
        Turn.newBuilder().setNumber(turn.number()).setTimeMillis(timeMillis).setInput(message);
    if (trace != null) {
      record.setTrace(trace);
    }
    try {
      Optional<byte[]> reply = call(guest, turn);
      if (!turn.usedAllAnswers() && !turn.isRehearsal()) {
        throw new VudoException(
            ErrorCode.REPLAY_DIVERGED,
            "The second attempt asked for fewer answers than the first.");
      }
      long fuelUsed = limits.fuelPerTurn() - guest.fuel();
      record
          .addAllAnswers(turn.usedAnswers())
          .addAllEffects(turn.effects())
          .setFuelUsed(fuelUsed)
          .setCompleted(completed(reply));
      hashes.ran(fuelUsed);
      if (hashes.isDue(guest.memoryBytes())) {
        record.setStateHash(ByteString.copyFrom(StateHash.of(guest)));
        hashes.taken();
      }
    } catch (SuspendTurn suspended) {
      throw suspended;
    } catch (VudoException failure) {
      record.addAllAnswers(turn.usedAnswers()).setFuelUsed(limits.fuelPerTurn() - guest.fuel());
      discardInstance();
      if (failure.code() == ErrorCode.RESIDENCY_LIMIT) {
        // The engine ran out of room while the guest grew: the node's want, not the guest's fault.
        throw failure;
      }
      record.setFailed(failed(message, failure.code(), failure.detail()));
    } catch (OutOfMemoryError e) {
      record.addAllAnswers(turn.usedAnswers()).setFuelUsed(limits.fuelPerTurn() - guest.fuel());
      discardInstance();
      record.setFailed(failed(message, ErrorCode.TRAP_OTHER, "The node had no memory left."));
    } catch (RuntimeException | StackOverflowError | LinkageError fault) {
      record.addAllAnswers(turn.usedAnswers()).setFuelUsed(limits.fuelPerTurn() - guest.fuel());
      discardInstance();
      record.setFailed(failed(message, ErrorCode.INTERNAL_ERROR, fault.toString()));
    } finally {
      current = null;
    }
    if (turn.isRehearsal()) {
      // The next attempt is in the record as well.
      if (record.hasFailed() && redelivery.then().getRetryAtMillis() > 0) {
        record.setSupervised(redelivery.then());
      }
    } else {
      supervisor.decide(
          record, following, Configurations.supervision(configured), redelivery, clock.millis());
      if (record.getSupervised().getHalted()) {
        relations.tellOfHalt(record);
      }
    }
    Turn done = record.build();
    apply(done);
    return done;
  }

  /**
   * Notes the end of this life; the next message begins a new one from an empty state.
   *
   * @return the event to journal
   */
  public SpiritEvent stop(Message message) {
    SpiritEvent event =
        SpiritEvent.newBuilder()
            .setStopped(
                io.vudo.protocol.journal.v1.Stopped.newBuilder()
                    .setInput(message)
                    .setTimeMillis(clock.millis()))
            .build();
    end(message);
    return event;
  }

  private void apply(Turn turn) {
    lastTurn = turn.getNumber();
    suspended = null;
    if (turn.getInput().getKind() == Message.Kind.RESTART) {
      inbox.handled(turn.getInput(), turn);
      supervisor.restart();
      return;
    }
    if (!supervisor.apply(turn)) {
      return;
    }
    inbox.handled(turn.getInput(), turn);
    boolean asked = turn.hasCompleted() && !isHosts(turn);
    outbox.add(id, turn, asked ? this::leaving : Optional::of);
    relations.apply(turn);
    if (isHosts(turn)) {
      return;
    }
    if (turn.hasFailed()) {
      // With its birth: nobody will send it again.
      Letters.givenUp(turn)
          .filter(message -> !message.equals(turn.getInput()))
          .ifPresent(message -> inbox.handled(message, turn));
      return;
    }
    timers.apply(turn);
    storage.apply(turn);
    knownHash = turn.getStateHash();
    if (turn.getInput().getKind() == Message.Kind.SPAWN) {
      born = true;
      life++;
    }
    sinceImage.add(turn);
    fuelSinceImage += turn.getFuelUsed();
    bytesSinceImage += turn.getSerializedSize();
    if (instance != null
        && (sinceImage.size() >= MAX_TURNS_SINCE_IMAGE
            || bytesSinceImage >= MAX_BYTES_SINCE_IMAGE
            || fuelSinceImage >= IMAGE_BASE_FUEL + instance.memoryBytes() / IMAGE_BYTES_PER_FUEL)) {
      renewImage();
    }
  }

  private Optional<Effect> leaving(Effect effect) {
    return relations.leaving(effect).flatMap(watches::leaving);
  }

  private void end(Message message) {
    inbox.handled(message);
    discardInstance();
    suspended = null;
    timers.clear();
    supervisor.end();
    relations.end(
        lastTurn,
        (position, effect) -> outbox.add(position, Traces.leaving(effect, Traces.of(message))));
    watches.end(lastTurn, outbox::add);
    storage = new Storage();
    born = false;
    refusedSwap = null;
    knownHash = ByteString.EMPTY;
    clearImage();
  }

  private Optional<byte[]> call(EngineInstance guest, TurnContext turn) {
    current = turn;
    guest.setFuel(limits.fuelPerTurn());
    byte[] payload = turn.input().getPayload().toByteArray();
    if (turn.input().getKind() == Message.Kind.SPAWN) {
      GuestCalls.bear(guest, admitted, turn.deadlineNanos(), payload);
      return Optional.empty();
    }
    return GuestCalls.handle(guest, turn.deadlineNanos(), payload, limits.maxPayloadBytes());
  }

  private TurnContext context(
      long number, Message input, TurnContext.Mode mode, List<Answer> recorded) {
    return context(number, input, mode, recorded, storage);
  }

  private TurnContext context(
      long number, Message input, TurnContext.Mode mode, List<Answer> recorded, Storage stored) {
    return new TurnContext(
        id,
        number,
        input,
        grants,
        limits,
        bounds,
        clock,
        mode,
        recorded,
        timers,
        stored,
        relations,
        watches,
        supervisor.parentAt(input));
  }

  private static Completed completed(Optional<byte[]> reply) {
    Completed.Builder completed = Completed.newBuilder();
    reply.ifPresent(bytes -> completed.setReply(ByteString.copyFrom(bytes)));
    return completed.build();
  }

  private static Failed failed(Message message, ErrorCode code, String detail) {
    return message.getKind() == Message.Kind.SPAWN
        ? Failed.newBuilder()
            .setCode(ErrorCode.SPIRIT_INIT_FAILED.name())
            .setDetail(code + ": " + code.summary() + " " + detail)
            .build()
        : Failed.newBuilder().setCode(code.name()).setDetail(detail).build();
  }

  // Recovery

  /** Begins from a snapshot; events after it follow through {@link #replay}. */
  public void recover(StateSnapshot snapshot) {
    SpiritHeader header;
    try {
      header = SpiritHeader.parseFrom(snapshot.header());
    } catch (InvalidProtocolBufferException e) {
      throw new VudoException(ErrorCode.SNAPSHOT_CORRUPT, id + ": " + e.getMessage(), e);
    }
    take(snapshot, header);
  }

  private void take(StateSnapshot snapshot, SpiritHeader header) {
    lastTurn = header.getLastTurn();
    life = header.getLife();
    born = header.getBorn();
    outbox.readFrom(header);
    inbox.readFrom(header);
    timers.readFrom(header);
    supervisor.readFrom(header);
    relations.readFrom(header);
    watches.readFrom(header);
    storage = Storage.readFrom(header);
    suspended = header.hasSuspended() ? header.getSuspended() : null;
    if (header.hasConfigured()) {
      configure(header.getConfigured());
    }
    clearImage();
    if (born) {
      chain.recovered(snapshot);
      pages.loadFrom(snapshot);
      globals = header.getGlobalsList().stream().mapToLong(Long::longValue).toArray();
      tables =
          header.getTablesList().stream()
              .map(row -> row.getFunctionsList().stream().mapToInt(Integer::intValue).toArray())
              .toArray(int[][]::new);
      storageOfImage = storage.copy();
      hasImage = true;
      imageModule =
          header.getStateModuleDigest().isEmpty()
              ? header.getConfigured().getModuleDigest()
              : header.getStateModuleDigest();
      refusedSwap = header.hasRefusedSwap() ? header.getRefusedSwap() : null;
      knownHash = header.getStateHash();
      expectedHash = knownHash;
      expectedTurn = lastTurn;
    }
  }

  /**
   * Applies an event of the journal. A completed turn runs again and must do what its record says.
   *
   * @throws VudoException {@code REPLAY_DIVERGED}
   */
  public void replay(SpiritEvent event) {
    switch (event.getEventCase()) {
      case CONFIGURED -> configure(event.getConfigured());
      case TURN -> {
        Turn turn = event.getTurn();
        if (turn.hasCompleted() && !isHosts(turn)) {
          rerun(instance(), turn, storage);
        }
        apply(turn);
      }
      case STOPPED -> end(event.getStopped().getInput());
      case ACKNOWLEDGED -> event.getAcknowledged().getPositionsList().forEach(outbox::forget);
      case MARKER -> {
        if (born && !event.getMarker().getStateHash().isEmpty()) {
          checkHash(instance(), lastTurn, event.getMarker().getStateHash());
        }
      }
      case FORKED_PAGES ->
          event
              .getForkedPages()
              .getPagesList()
              .forEach(page -> forkedPages.put(page.getNumber(), page.getContent().toByteArray()));
      case FORKED -> begin(event.getForked());
      case SWAPPED -> replaySwap(event.getSwapped());
      case BATCH -> event.getBatch().getEventsList().forEach(this::replay);
      case SUSPENDED -> suspended = event.getSuspended();
      case DEAD_LETTERED -> apply(event.getDeadLettered());
      case TIMER_FIRED -> fire(event.getTimerFired());
      case EVENT_NOT_SET ->
          throw new VudoException(
              ErrorCode.JOURNAL_VERSION, id + ": the journal holds an event of a newer version.");
    }
  }

  /** The state with which a fork begins. */
  private void begin(Forked forked) {
    if (forkedPages.size() != forked.getPageCount()) {
      throw new VudoException(
          ErrorCode.JOURNAL_CORRUPT,
          id + ": it begins with " + forkedPages.size() + " pages of " + forked.getPageCount());
    }
    take(
        StateSnapshot.full(ByteString.EMPTY, forked.getMemoryBytes(), forkedPages),
        forked.getHeader());
    forkedPages.clear();
  }

  private void rerun(EngineInstance guest, Turn recorded, Storage stored) {
    TurnContext turn =
        context(
            recorded.getNumber(),
            recorded.getInput(),
            TurnContext.Mode.REPLAY,
            recorded.getAnswersList(),
            stored);
    Optional<byte[]> reply;
    try {
      reply = call(guest, turn);
    } catch (VudoException e) {
      discardInstance();
      if (e.code() == ErrorCode.REPLAY_DIVERGED || e.code() == ErrorCode.RESIDENCY_LIMIT) {
        throw e;
      }
      throw diverged(
          recorded, "it completed before and now ends with " + e.code() + " " + e.detail());
    } finally {
      current = null;
    }
    long fuel = limits.fuelPerTurn() - guest.fuel();
    Optional<String> effect =
        TurnTexts.differenceOfEffects(recorded.getEffectsList(), turn.effects());
    if (effect.isPresent()) {
      throw diverged(recorded, effect.get());
    }
    if (!turn.usedAllAnswers()) {
      throw diverged(recorded, "it asked the host for fewer answers");
    }
    if (!completed(reply).equals(recorded.getCompleted())) {
      throw diverged(recorded, "its reply differs");
    }
    if (fuel != recorded.getFuelUsed()) {
      throw diverged(
          recorded, "it burnt " + fuel + " units of fuel, not " + recorded.getFuelUsed());
    }
    if (!recorded.getStateHash().isEmpty()) {
      checkHash(guest, recorded.getNumber(), recorded.getStateHash());
    }
    replayedTurns++;
  }

  private void checkHash(EngineInstance guest, long turn, ByteString recorded) {
    ByteString now = ByteString.copyFrom(StateHash.of(guest));
    if (!now.equals(recorded)) {
      throw diverged(
          turn,
          "the state after it differs; its hash is " + hex(now) + ", recorded is " + hex(recorded));
    }
  }

  private VudoException diverged(Turn recorded, String what) {
    return diverged(recorded.getNumber(), what);
  }

  private VudoException diverged(long turn, String what) {
    discardInstance();
    return new VudoException(
        ErrorCode.REPLAY_DIVERGED, "Turn " + turn + " of " + id + ": " + what + ".");
  }

  // Snapshots

  /**
   * Everything as of the last turn; memory as a delta where that is shorter.
   *
   * @param sequenceNumber under which the journal will keep it
   */
  public StateSnapshot snapshot(long sequenceNumber) {
    bringImageUpToDate();
    SpiritHeader.Builder header = headerOfAll();
    if (born) {
      header.setStateHash(hash(hashes.isDueWithSnapshot(pages.sizeBytes())));
    }
    return chain.take(sequenceNumber, header.build().toByteString(), pages);
  }

  private SpiritHeader.Builder headerOfAll() {
    SpiritHeader.Builder header = headerOfState();
    outbox.writeTo(header);
    inbox.writeTo(header);
    timers.writeTo(header);
    supervisor.writeTo(header);
    relations.writeTo(header);
    watches.writeTo(header);
    if (suspended != null) {
      header.setSuspended(suspended);
    }
    return header;
  }

  /**
   * The pages of the memory as of the last turn, zero pages left out. One that did not change
   * between two calls is the same array; none is written to afterwards.
   */
  public SortedMap<Integer, byte[]> sharePages() {
    bringImageUpToDate();
    return pages.shareAll();
  }

  /** Everything as of the last turn, for another node; the next snapshot does not depend on it. */
  public StateSnapshot handOver() {
    bringImageUpToDate();
    SpiritHeader.Builder header = headerOfAll();
    return StateSnapshot.full(header.build().toByteString(), pages.sizeBytes(), pages.shareAll());
  }

  /** Makes an instance now rather than with the next turn, if there is one to make. */
  public void prepare() {
    if (born && suspended == null) {
      instance();
    }
  }

  /** The hash of the image, if it is known or due; empty otherwise. */
  private ByteString hash(boolean due) {
    if (knownHash.isEmpty() && due) {
      knownHash = ByteString.copyFrom(StateHash.of(pages, globals, tables));
      hashes.taken();
    }
    return knownHash;
  }

  /** All but memory, outbox and inbox; the image is up to date. */
  private SpiritHeader.Builder headerOfState() {
    SpiritHeader.Builder header =
        SpiritHeader.newBuilder()
            .setLastTurn(lastTurn)
            .setLife(life)
            .setBorn(born)
            .setParent(supervisor.parent());
    if (configured != null) {
      header.setConfigured(configured);
    }
    header.setStateModuleDigest(imageModule);
    if (refusedSwap != null) {
      header.setRefusedSwap(refusedSwap);
    }
    for (long global : globals) {
      header.addGlobals(global);
    }
    for (int[] table : tables) {
      TableRow.Builder row = TableRow.newBuilder();
      for (int function : table) {
        row.addFunctions(function);
      }
      header.addTables(row);
    }
    storage.writeTo(header);
    return header;
  }

  /** The last snapshot could not be stored; the next one does not build on it. */
  public void snapshotFailed() {
    chain.failed();
  }

  private void bringImageUpToDate() {
    if (born && (!hasImage || !sinceImage.isEmpty())) {
      instance();
      renewImage();
    }
  }

  private void renewImage() {
    instance.withMemory(memory -> pages.update(memory));
    globals = instance.readGlobals();
    tables = instance.readTables();
    storageOfImage = storage.copy();
    hasImage = true;
    imageModule = admitted.digest().hex();
    expectedHash = ByteString.EMPTY;
    sinceImage.clear();
    fuelSinceImage = 0;
    bytesSinceImage = 0;
  }

  private void clearImage() {
    pages = new PageTracker();
    // A new tracker knows nothing of the pages that the last snapshot holds.
    chain.failed();
    hasImage = false;
    imageModule = "";
    expectedHash = ByteString.EMPTY;
    globals = new long[0];
    tables = new int[0][];
    storageOfImage = new Storage();
    sinceImage.clear();
    fuelSinceImage = 0;
    bytesSinceImage = 0;
  }

  // The instance

  private EngineInstance instance() {
    if (instance != null) {
      return instance;
    }
    CompiledModule module = modules.load(configured);
    admitted = module.module();
    EngineInstance fresh = restored(module);
    boolean whole = false;
    try {
      Storage then = storageOfImage.copy();
      for (Turn turn : sinceImage) {
        rerun(fresh, turn, then);
        then.apply(turn);
      }
      whole = true;
    } finally {
      if (!whole) {
        fresh.close();
      }
    }
    instance = fresh;
    return instance;
  }

  /** A new instance in the state of the image. */
  private EngineInstance restored(CompiledModule module) {
    if (hasImage && !imageModule.equals(module.module().digest().hex())) {
      // Only a swap brings a state from one module to another.
      throw new VudoException(
          ErrorCode.SNAPSHOT_MISMATCH,
          id + ": it is of sha256:" + imageModule + ", to run it is " + module.module().digest());
    }
    EngineInstance fresh = instantiate(module);
    return wholeOrClosed(
        fresh,
        () -> {
          if (hasImage) {
            writeMemoryAndGlobals(fresh);
            fresh.writeTables(tables);
          }
          if (!expectedHash.isEmpty()) {
            checkHash(fresh, expectedTurn, expectedHash);
            expectedHash = ByteString.EMPTY;
          }
        });
  }

  private EngineInstance instantiate(CompiledModule module) {
    return module.instantiate(wanted -> HostFunctions.bind(wanted, () -> current));
  }

  private void writeMemoryAndGlobals(EngineInstance fresh) {
    if (pages.sizeBytes() > fresh.memoryBytes()) {
      fresh.growMemoryTo(pages.sizeBytes());
    }
    fresh.withMemory(memory -> pages.restoreInto(memory));
    fresh.writeGlobals(globals);
  }

  /** Answers the instance after this work, or closes it when the work failed. */
  private static EngineInstance wholeOrClosed(EngineInstance fresh, Runnable work) {
    boolean whole = false;
    try {
      work.run();
      whole = true;
      return fresh;
    } finally {
      if (!whole) {
        fresh.close();
      }
    }
  }

  private void discardInstance() {
    if (instance != null) {
      instance.close();
      instance = null;
    }
  }

  @Override
  public void close() {
    discardInstance();
  }
}
