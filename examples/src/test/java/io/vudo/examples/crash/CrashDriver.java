package io.vudo.examples.crash;

import io.vudo.examples.crash.Operation.Outcome;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Drives the workloads with several callers at once and kills the node meanwhile; writes down what
 * it did. It judges nothing.
 *
 * <p>What is chosen, by the callers and by the killer, comes from the seed. When a thread runs does
 * not, so a seed gives the same choices again and not the same run.
 */
final class CrashDriver {
  /** When the node is killed. */
  enum KillPoint {
    /** At any time while it serves. */
    ANY_TIME,
    /** While it starts. */
    STARTING,
    /** When it has just begun to serve, and its Spirits recover. */
    RECOVERING,
    /** At the moment when a caller has got an answer. */
    AFTER_ANSWER,
    /** While a deployment is under way. */
    DEPLOYING,
    /** When something was just written to the store of snapshots. */
    SNAPSHOT
  }

  /** Killing while it starts is cheap and shows less, so it is done less often. */
  private static final List<KillPoint> POINTS =
      List.of(
          KillPoint.ANY_TIME,
          KillPoint.ANY_TIME,
          KillPoint.AFTER_ANSWER,
          KillPoint.AFTER_ANSWER,
          KillPoint.AFTER_ANSWER,
          KillPoint.DEPLOYING,
          KillPoint.SNAPSHOT,
          KillPoint.SNAPSHOT,
          KillPoint.STARTING,
          KillPoint.RECOVERING);

  private static final int REPEATED_ONE_IN = 12;
  private static final int REMEMBERED = 6;
  private static final Duration PAUSE = Duration.ofMillis(5);
  private static final Duration SIGNAL_PATIENCE = Duration.ofSeconds(2);

  private final CrashNode node;
  private final List<Workload> workloads;
  private final int callers;
  private final long seed;
  private final History history = new History();
  private final AtomicBoolean enough = new AtomicBoolean();
  private final AtomicLong attempts = new AtomicLong();
  private final Map<KillPoint, Integer> kills = new EnumMap<>(KillPoint.class);

  /** Counts what the killer may wait for. */
  private final AtomicLong answers = new AtomicLong();

  private final AtomicLong deployments = new AtomicLong();
  private final AtomicReference<Duration> lastStart = new AtomicReference<>(Duration.ofSeconds(1));

  CrashDriver(CrashNode node, List<Workload> workloads, int callers, long seed) {
    this.node = node;
    this.workloads = workloads;
    this.callers = callers;
    this.seed = seed;
  }

  History history() {
    return history;
  }

  /** How often it killed, by when. */
  Map<KillPoint, Integer> kills() {
    return kills;
  }

  /** How many requests were sent, repetitions included. */
  long attempts() {
    return attempts.get();
  }

  /** Starts the node, drives and kills until the time is over, and leaves the node running. */
  void run(Duration time) throws IOException, InterruptedException {
    long endNanos = System.nanoTime() + time.toNanos();
    Random random = new Random(seed);
    start();
    for (Workload workload : workloads) {
      workload.prepare(node);
    }
    ExecutorService threads = Executors.newFixedThreadPool(callers);
    List<Future<?>> running = new ArrayList<>();
    try {
      for (int i = 0; i < callers; i++) {
        int caller = i;
        long callerSeed = random.nextLong();
        running.add(threads.submit(() -> call(caller, new Random(callerSeed))));
      }
      while (System.nanoTime() < endNanos) {
        throwIfFailed(running);
        kill(POINTS.get(random.nextInt(POINTS.size())), random);
      }
      enough.set(true);
      for (Future<?> caller : running) {
        caller.get();
      }
    } catch (ExecutionException e) {
      throw new AssertionError("A caller failed", e.getCause());
    } finally {
      enough.set(true);
      threads.shutdownNow();
    }
  }

  /** Kills the node once more and starts it again. */
  void restart() {
    node.kill();
    start();
  }

  private void start() {
    long beginNanos = System.nanoTime();
    node.start();
    lastStart.set(Duration.ofNanos(System.nanoTime() - beginNanos));
  }

  private static void throwIfFailed(List<Future<?>> running)
      throws ExecutionException, InterruptedException {
    for (Future<?> caller : running) {
      if (caller.isDone()) {
        caller.get();
      }
    }
  }

  // The killer

  private void kill(KillPoint point, Random random) {
    switch (point) {
      case ANY_TIME -> pause(Duration.ofMillis(random.nextInt(1_500)));
      case STARTING -> {
        node.kill();
        killed(KillPoint.ANY_TIME);
        node.launch();
        pause(Duration.ofNanos((long) (lastStart.get().toNanos() * random.nextDouble())));
      }
      case RECOVERING -> {
        // It was started just now, whatever the last kill was.
        pause(Duration.ofMillis(random.nextInt(150)));
      }
      case AFTER_ANSWER -> {
        awaitReached(answers, answers.get() + 1 + random.nextInt(80));
      }
      case DEPLOYING -> {
        pause(Duration.ofMillis(random.nextInt(600)));
        awaitChange(deployments::get);
        pause(Duration.ofMillis(random.nextInt(60)));
      }
      case SNAPSHOT -> {
        pause(Duration.ofMillis(random.nextInt(1_000)));
        awaitChange(this::snapshotLog);
        LockSupport.parkNanos(random.nextInt(3_000_000));
      }
    }
    restart();
    killed(point);
  }

  private void killed(KillPoint point) {
    kills.merge(point, 1, Integer::sum);
  }

  /** Something that changes with each write to the store of snapshots. */
  private long snapshotLog() {
    Path log = node.data().resolve("journal/snapshots.db-wal");
    try {
      return Files.getLastModifiedTime(log).toMillis() * 31 + Files.size(log);
    } catch (IOException e) {
      return 0;
    }
  }

  /** Spins, because the moment counts; goes on by itself when nothing happens. */
  private static void awaitChange(LongSupplier what) {
    long deadline = System.nanoTime() + SIGNAL_PATIENCE.toNanos();
    long before = what.getAsLong();
    while (what.getAsLong() == before && System.nanoTime() < deadline) {
      LockSupport.parkNanos(20_000);
    }
  }

  private static void awaitReached(AtomicLong counter, long value) {
    long deadline = System.nanoTime() + SIGNAL_PATIENCE.toNanos();
    while (counter.get() < value && System.nanoTime() < deadline) {
      LockSupport.parkNanos(20_000);
    }
  }

  private static void pause(Duration time) {
    LockSupport.parkNanos(time.toNanos());
  }

  // The callers

  private record Done(Workload workload, Workload.Step step, String key) {}

  private void call(int caller, Random random) {
    Deque<Done> recent = new ArrayDeque<>();
    Map<Workload, Long> numbers = new HashMap<>();
    while (!enough.get()) {
      if (!recent.isEmpty() && random.nextInt(REPEATED_ONE_IN) == 0) {
        Done again = recent.peekFirst();
        perform(caller, again.workload(), again.step(), again.key());
        continue;
      }
      Workload workload = choose(random);
      Workload.Step step = workload.next(caller, random);
      long number = numbers.merge(workload, 1L, Long::sum);
      String key = workload.name() + "-" + caller + "-" + number;
      String answer = perform(caller, workload, step, key);
      if (workload.repeatable(step, answer)) {
        recent.addLast(new Done(workload, step, key));
        if (recent.size() > REMEMBERED) {
          recent.removeFirst();
        }
      }
    }
  }

  private Workload choose(Random random) {
    int at = random.nextInt(workloads.stream().mapToInt(Workload::weight).sum());
    for (Workload workload : workloads) {
      at -= workload.weight();
      if (at < 0) {
        return workload;
      }
    }
    throw new IllegalStateException("weights");
  }

  /** Sends under one key until there is an answer, however often the node dies meanwhile. */
  private String perform(int caller, Workload workload, Workload.Step step, String key) {
    long startNanos = System.nanoTime();
    Outcome outcome = Outcome.OPEN;
    String answer = "";
    long deadline = startNanos + CrashNode.PATIENCE.toNanos();
    while (outcome == Outcome.OPEN && System.nanoTime() < deadline) {
      attempts.incrementAndGet();
      if (step.kind().equals(DeployWorkload.KIND)) {
        deployments.incrementAndGet();
      }
      try {
        answer = step.call().send(node, key);
        outcome = Outcome.ANSWERED;
        answers.incrementAndGet();
      } catch (VudoException e) {
        answer = e.code().name();
        if (!Workloads.isPassing(e)) {
          outcome = Outcome.FAILED;
        } else {
          node.awaitServing();
          pause(PAUSE);
        }
      }
    }
    history.add(
        new Operation(
            workload.name(),
            caller,
            key,
            step.kind(),
            step.target(),
            step.argument(),
            outcome,
            answer,
            startNanos,
            System.nanoTime()));
    return answer;
  }

  /** What is there now, by workload. */
  Map<String, Map<String, List<String>>> observe() {
    List<Operation> all = history.all();
    Map<String, Map<String, List<String>>> state = new HashMap<>();
    for (Workload workload : workloads) {
      state.put(workload.name(), workload.observe(node, History.distinct(all, workload.name())));
    }
    return state;
  }
}
