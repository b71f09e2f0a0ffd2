package io.vudo.spirit.internal.actor;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Configured;
import io.vudo.protocol.journal.v1.Failed;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.Swapped;
import io.vudo.protocol.wire.v1.SwapEnd;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.DeploymentSource;
import io.vudo.spirit.SpiritSwaps;
import io.vudo.spirit.SwapCheck;
import io.vudo.spirit.SwapProgress;
import io.vudo.spirit.internal.history.JournalHistory;
import io.vudo.spirit.internal.turn.SpiritMachine;
import io.vudo.spirit.internal.wasm.LayoutComparison;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the Spirits of a node over to other modules, and knows how far that has come. Thread-safe:
 * Spirits move themselves on the threads of guests, others ask and tell.
 */
final class Swaps implements SpiritSwaps {
  private static final Logger log = LoggerFactory.getLogger(Swaps.class);

  /** How long a Spirit may take to come to it; it may have a full mailbox. */
  private static final Duration PATIENCE = Duration.ofHours(1);

  private static final int KEPT_COMPARISONS = 16;

  private record Pair(String before, String after) {}

  private final Hosts hosts;
  private final DeploymentSource deployments;
  private final Residents residents;
  private final JournalHistory history;
  private final int maxSavedBytes;

  private final Map<Pair, LayoutComparison> comparisons =
      new LinkedHashMap<>(KEPT_COMPARISONS, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Pair, LayoutComparison> eldest) {
          return size() > KEPT_COMPARISONS;
        }
      };

  private final Map<String, Progress> progress = new ConcurrentHashMap<>();
  private final Map<SpiritId, VudoError> refusals = new ConcurrentHashMap<>();

  Swaps(
      Hosts hosts,
      DeploymentSource deployments,
      Residents residents,
      JournalHistory history,
      SpiritSettings settings) {
    this.hosts = hosts;
    this.deployments = deployments;
    this.residents = residents;
    this.history = history;
    this.maxSavedBytes = settings.maxSavedBytes();
  }

  // What Spirits do

  /**
   * Takes a Spirit over to the module of its type's last swap, unless it is there, or has tried.
   *
   * @return what to journal: that it moved, or why not; empty when there was nothing to do
   * @throws VudoException when it may try again: {@code RESIDENCY_LIMIT}; or must stop: {@code
   *     REPLAY_DIVERGED}, {@code SNAPSHOT_MISMATCH}
   */
  Optional<SpiritEvent> moveIfBehind(SpiritMachine machine) {
    Optional<Deployment> due =
        deployments.swap(machine.id().type()).filter(target -> machine.isBehind(target));
    if (due.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(move(machine, due.get(), deployments.moduleBytes(due.get().digest())));
    } catch (VudoException why) {
      return switch (why.code()) {
        case RESIDENCY_LIMIT, REPLAY_DIVERGED, SNAPSHOT_MISMATCH -> throw why;
        default -> Optional.of(machine.refuseSwap(due.get(), why.toError()));
      };
    }
  }

  private SpiritEvent move(SpiritMachine machine, Deployment target, byte[] module) {
    String before = machine.configured().map(Configured::getModuleDigest).orElse("");
    return machine.swap(target, comparison(before, target.digest(), module), maxSavedBytes);
  }

  private LayoutComparison comparison(String before, ModuleDigest after, byte[] module) {
    Pair pair = new Pair(before, after.hex());
    synchronized (comparisons) {
      LayoutComparison known = comparisons.get(pair);
      if (known != null) {
        return known;
      }
    }
    LayoutComparison fresh =
        LayoutComparison.of(deployments.moduleBytes(new ModuleDigest(before)), module);
    synchronized (comparisons) {
      comparisons.put(pair, fresh);
    }
    return fresh;
  }

  /** What somebody is told who asked a Spirit to move. */
  static SwapEnd end(Optional<SpiritEvent> event) {
    SwapEnd.Builder end = SwapEnd.newBuilder();
    if (event.isEmpty()) {
      return end.setOutcome(SwapEnd.Outcome.UNTOUCHED).build();
    }
    Swapped swapped = event.get().getSwapped();
    return swapped.hasFailed()
        ? end.setOutcome(SwapEnd.Outcome.REFUSED)
            .setCode(swapped.getFailed().getCode())
            .setDetail(swapped.getFailed().getDetail())
            .build()
        : end.setOutcome(SwapEnd.Outcome.MOVED).build();
  }

  /** What a Spirit did is durable. */
  void note(SpiritId id, Swapped swapped) {
    Optional<VudoError> why = error(swapped);
    if (why.isPresent()) {
      log.warn("{} stays on its module: {}", id, why.get());
    } else {
      log.info(
          "{} goes on with module {} after turn {}{}",
          id,
          swapped.getConfigured().getModuleDigest(),
          swapped.getTurn(),
          swapped.hasSaved() ? ", by spirit_load" : "");
    }
    noteRefusal(id, Optional.of(swapped));
    Progress of = progress.get(id.type());
    if (of != null && of.target.revision() == swapped.getConfigured().getDeploymentRevision()) {
      of.ended(id, why);
    }
  }

  /** What is known of a Spirit that came to memory, or that leaves it. */
  void noteRefusal(SpiritId id, Optional<Swapped> last) {
    last.flatMap(Swaps::error)
        .ifPresentOrElse(why -> refusals.put(id, why), () -> refusals.remove(id));
  }

  private static Optional<VudoError> error(Swapped swapped) {
    Failed failed = swapped.getFailed();
    return swapped.hasFailed()
        ? Optional.of(new VudoError(ErrorCode.of(failed.getCode()), failed.getDetail()))
        : Optional.empty();
  }

  // What others ask

  @Override
  public CompletionStage<SwapCheck> check(
      Deployment target, byte[] module, int turns, int spirits) {
    if (turns <= 0 || spirits <= 0) {
      return CompletableFuture.completedFuture(SwapCheck.NONE);
    }
    List<SpiritId> resident = residents.recent(target.type());
    return history
        .spirits(target.type(), resident.size() + (long) spirits)
        .thenCompose(
            known ->
                history.checkSwap(
                    Stream.concat(resident.stream(), known.stream())
                        .distinct()
                        .limit(spirits)
                        .toList(),
                    target,
                    module,
                    turns,
                    (machine, to) -> move(machine, to, module)));
  }

  @Override
  public CompletionStage<SwapProgress> begin(Deployment target) {
    Progress mine =
        progress.merge(
            target.type(),
            new Progress(target),
            (old, fresh) -> old.target.revision() >= fresh.target.revision() ? old : fresh);
    // Whoever comes to memory from now on sees the swap by itself.
    for (SpiritId id : residents.recent(target.type())) {
      if (mine.begun(id)) {
        hosts
            .<SwapEnd>ask(id.toString(), SpiritCommand.SwapNow::new, PATIENCE)
            .whenComplete((end, failure) -> mine.answered(id));
      }
    }
    return history
        .countSpirits(target.type())
        .thenApply(
            count -> {
              mine.known(count);
              return mine.now();
            });
  }

  @Override
  public Optional<SwapProgress> progress(String type) {
    Progress known = progress.get(type);
    if (known != null) {
      return Optional.of(known.now());
    }
    // Of before this node started.
    return deployments.swap(type).map(target -> new Progress(target).now());
  }

  @Override
  public Optional<VudoError> refusal(SpiritId id) {
    return Optional.ofNullable(refusals.get(id));
  }

  /** How far a swap has come. Thread-safe. */
  private static final class Progress {
    private final Deployment target;
    private final Set<SpiritId> waiting = ConcurrentHashMap.newKeySet();
    private final List<SwapProgress.Refusal> first = new ArrayList<>();
    private long moved;
    private long refused;
    private long told;
    private long late;
    private long known;

    Progress(Deployment target) {
      this.target = target;
    }

    synchronized boolean begun(SpiritId id) {
      boolean fresh = waiting.add(id);
      told += fresh ? 1 : 0;
      return fresh;
    }

    synchronized void answered(SpiritId id) {
      waiting.remove(id);
    }

    synchronized void ended(SpiritId id, Optional<VudoError> why) {
      if (!waiting.remove(id)) {
        late++;
      }
      if (why.isEmpty()) {
        moved++;
        return;
      }
      refused++;
      if (first.size() < SwapProgress.MAX_REFUSALS) {
        first.add(new SwapProgress.Refusal(id, why.get()));
      }
    }

    synchronized void known(long count) {
      known = count;
    }

    synchronized SwapProgress now() {
      return new SwapProgress(
          target.type(),
          target.revision(),
          target.digest(),
          moved,
          refused,
          waiting.size(),
          Math.max(0, known - told - late),
          first);
    }
  }
}
