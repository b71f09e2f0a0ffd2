package io.vudo.examples.crash;

import io.vudo.examples.crash.Operation.Outcome;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Several callers at once who do all that there is to do, under keys, and write down what they did.
 * What they choose comes from the seed.
 */
public final class Callers implements AutoCloseable {
  private static final int REPEATED_ONE_IN = 12;
  private static final int REMEMBERED = 6;
  private static final Duration PAUSE = Duration.ofMillis(5);

  private final Door door;
  private final List<Workload> workloads;
  private final Checker checker;
  private final History history = new History();
  private final AtomicBoolean enough = new AtomicBoolean();
  private final AtomicLong attempts = new AtomicLong();
  private final AtomicLong answers = new AtomicLong();
  private final AtomicLong deployments = new AtomicLong();
  private final List<Future<?>> running = new ArrayList<>();
  private Duration mostBetween = Duration.ZERO;
  private ExecutorService threads;

  /** Callers who do everything. */
  public Callers(Door door) {
    this(door, Workloads.all());
  }

  Callers(Door door, List<Workload> workloads) {
    this.door = door;
    this.workloads = workloads;
    this.checker = new Checker(workloads);
  }

  /**
   * Lets each do nothing for a while, by chance, before its next operation.
   *
   * @param most how long at most
   */
  public Callers withPauses(Duration most) {
    mostBetween = most;
    return this;
  }

  /** Deploys what they need, and begins. */
  public void start(int callers, Random seeds) throws IOException {
    for (Workload workload : workloads) {
      workload.prepare(door);
    }
    threads = Executors.newFixedThreadPool(callers);
    for (int i = 0; i < callers; i++) {
      int caller = i;
      long callerSeed = seeds.nextLong();
      running.add(threads.submit(() -> call(caller, new Random(callerSeed))));
    }
  }

  /** Throws what a caller failed with, if one did: a fault of the test. */
  public void throwIfFailed() throws InterruptedException {
    for (Future<?> caller : running) {
      if (caller.isDone()) {
        join(caller);
      }
    }
  }

  /** Lets each end what it does. */
  public void stop() throws InterruptedException {
    enough.set(true);
    for (Future<?> caller : running) {
      join(caller);
    }
  }

  private static void join(Future<?> caller) throws InterruptedException {
    try {
      caller.get();
    } catch (ExecutionException e) {
      throw new AssertionError("A caller failed", e.getCause());
    }
  }

  @Override
  public void close() {
    enough.set(true);
    if (threads != null) {
      threads.shutdownNow();
    }
  }

  History history() {
    return history;
  }

  /** How many operations were done. */
  public long operations() {
    return history.size();
  }

  /** How many requests were sent, repetitions included. */
  public long attempts() {
    return attempts.get();
  }

  /** How many requests were answered until now. */
  AtomicLong answers() {
    return answers;
  }

  /** How many deployments were sent until now. */
  AtomicLong deployments() {
    return deployments;
  }

  private record Done(Workload workload, Workload.Step step, String key) {}

  private void call(int caller, Random random) {
    Deque<Done> recent = new ArrayDeque<>();
    Map<Workload, Long> numbers = new HashMap<>();
    while (!enough.get()) {
      LockSupport.parkNanos((long) (random.nextDouble() * mostBetween.toNanos()));
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
        answer = step.call().send(door, key);
        outcome = Outcome.ANSWERED;
        answers.incrementAndGet();
      } catch (VudoException e) {
        answer = e.code().name();
        if (!Workloads.isPassing(e)) {
          outcome = Outcome.FAILED;
        } else {
          door.awaitServing();
          LockSupport.parkNanos(PAUSE.toNanos());
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

  /**
   * Waits until what is still under way has arrived, and a little longer for what should not; then
   * compares what is there with what was answered.
   *
   * @return the promises that were broken
   */
  public List<Violation> settle(Duration patience) {
    long deadline = System.nanoTime() + patience.toNanos();
    while (!check(observe()).isEmpty() && System.nanoTime() < deadline) {
      LockSupport.parkNanos(Duration.ofMillis(200).toNanos());
    }
    // What would come twice comes with the next redelivery.
    LockSupport.parkNanos(Duration.ofMillis(1_500).toNanos());
    return check(observe());
  }

  private List<Violation> check(Map<String, Map<String, List<String>>> state) {
    return checker.check(history.all(), state);
  }

  /** Writes what was done and what is there. */
  public void write(Path file) throws IOException {
    Map<String, List<String>> flat = new TreeMap<>();
    observe()
        .forEach(
            (workload, values) -> values.forEach((name, v) -> flat.put(workload + " " + name, v)));
    history.write(file, flat);
  }

  /** What is there now, by workload. */
  private Map<String, Map<String, List<String>>> observe() {
    List<Operation> all = history.all();
    Map<String, Map<String, List<String>>> state = new HashMap<>();
    for (Workload workload : workloads) {
      state.put(workload.name(), workload.observe(door, History.distinct(all, workload.name())));
    }
    return state;
  }
}
