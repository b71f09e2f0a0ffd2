package io.vudo.node.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.typesafe.config.Config;
import io.vudo.node.process.ProcessCall;
import io.vudo.node.process.ProcessRegistry;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ProcessException;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Processes;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs functions of the host for those that call them by name: on threads of its own, of which one
 * owner gets half at most; until their deadlines; and once for all calls of one id, as long as the
 * id is remembered. Thread-safe.
 */
final class ProcessRunner implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ProcessRunner.class);

  private static final int MOST_REMEMBERED = 10_000;
  private static final long MOST_REMEMBERED_BYTES = 16 << 20;
  private static final long BYTES_EACH = 256;
  private static final int SERVER_ERROR = 500;

  private final ThreadPoolExecutor threads;
  private final ScheduledThreadPoolExecutor clock;
  private final int threadsEach;
  private final int maxWaiting;
  private final int maxResultBytes;
  private final ProcessMeters meters;
  private final Map<String, Lane> lanes = new HashMap<>();

  /** The calls that have an id, the oldest first; guarded by itself. */
  private final Map<String, Run> known = new LinkedHashMap<>();

  private long knownBytes;

  /**
   * A runner.
   *
   * @param threads how many functions run at once
   * @param maxWaiting how many calls of one owner wait
   */
  ProcessRunner(int threads, int maxWaiting, int maxResultBytes, ProcessMeters meters) {
    AtomicInteger number = new AtomicInteger();
    ThreadFactory factory =
        task -> {
          Thread thread = new Thread(task, "vudo-process-" + number.incrementAndGet());
          thread.setDaemon(true);
          return thread;
        };
    this.threads =
        new ThreadPoolExecutor(
            threads, threads, 30, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), factory);
    this.threads.allowCoreThreadTimeOut(true);
    this.clock = new ScheduledThreadPoolExecutor(1, factory);
    this.clock.setRemoveOnCancelPolicy(true);
    this.threadsEach = Math.max(1, threads / 2);
    this.maxWaiting = maxWaiting;
    this.maxResultBytes = maxResultBytes;
    this.meters = meters;
  }

  /** A runner with the settings of {@code vudo.process}. */
  static ProcessRunner create(Config settings, ProcessMeters meters) {
    return new ProcessRunner(
        settings.getInt("threads"),
        settings.getInt("max-waiting"),
        Math.toIntExact(settings.getBytes("max-result-bytes")),
        meters);
  }

  /** Runs it, or waits for the run of that id. The stage is not to be completed by others. */
  CompletionStage<byte[]> run(ProcessRegistry.Match match, Processes.Call call) {
    Run run = new Run(match, call);
    if (!call.id().isEmpty()) {
      synchronized (known) {
        Run before = known.putIfAbsent(call.id(), run);
        if (before != null) {
          return before.result.copy();
        }
      }
    }
    run.start();
    return run.result.copy();
  }

  /** Nobody wants the result of this call any more. */
  void forget(String id) {
    Run run;
    synchronized (known) {
      run = known.remove(id);
      if (run != null) {
        knownBytes -= run.bytes;
      }
    }
    if (run != null) {
      run.end();
    }
  }

  @Override
  public void close() {
    threads.shutdownNow();
    clock.shutdownNow();
  }

  private void remember(Run run, byte[] result, Throwable failure) {
    if (run.call.id().isEmpty()) {
      return;
    }
    synchronized (known) {
      boolean notTaken =
          failure != null && Failures.typed(failure).code() == ErrorCode.PROCESS_BUSY;
      if (notTaken) {
        known.remove(run.call.id(), run);
        return;
      }
      if (known.get(run.call.id()) != run) {
        return;
      }
      run.bytes = BYTES_EACH + (result == null ? 0 : result.length);
      knownBytes += run.bytes;
      Iterator<Run> oldest = known.values().iterator();
      while ((known.size() > MOST_REMEMBERED || knownBytes > MOST_REMEMBERED_BYTES)
          && oldest.hasNext()) {
        Run next = oldest.next();
        if (next.bytes > 0 && next != run) {
          knownBytes -= next.bytes;
          oldest.remove();
        }
      }
    }
  }

  /** One owner's part of the threads. Lanes are few, and stay. */
  private final class Lane {
    private final Queue<Run> waiting = new ArrayDeque<>();
    private int running;

    /** Guarded by the map of lanes, as all of it. */
    boolean take(Run run) {
      if (running < threadsEach) {
        running++;
        threads.execute(() -> work(run));
        return true;
      }
      return waiting.size() < maxWaiting && waiting.add(run);
    }

    private void work(Run first) {
      Run run = first;
      while (run != null) {
        run.task.run();
        // An interrupt that came at the very end is not for the next one.
        boolean unused = Thread.interrupted();
        synchronized (lanes) {
          run = waiting.poll();
          if (run == null) {
            running--;
          }
        }
      }
    }

    void leave(Run run) {
      waiting.remove(run);
    }
  }

  /** How far a call is: one that was dropped will never begin. */
  private enum Phase {
    WAITS,
    BEGAN,
    DROPPED
  }

  /** One call. */
  private final class Run {
    private final AtomicReference<Phase> phase = new AtomicReference<>(Phase.WAITS);
    private final ProcessRegistry.Match match;
    private final Processes.Call call;
    private final Instant deadline;
    private final long startNanos = System.nanoTime();
    private final CompletableFuture<byte[]> result = new CompletableFuture<>();
    private final FutureTask<Void> task = new FutureTask<>(this::work, null);
    private volatile CompletableFuture<?> later;

    /** 0 until it has ended; guarded by the map of those that are known. */
    private long bytes;

    Run(ProcessRegistry.Match match, Processes.Call call) {
      this.match = match;
      this.call = call;
      this.deadline = Instant.now().plus(call.patience());
    }

    void start() {
      ScheduledFuture<?> timer;
      try {
        timer = clock.schedule(this::timeOver, call.patience().toNanos(), TimeUnit.NANOSECONDS);
        boolean taken;
        synchronized (lanes) {
          taken = lanes.computeIfAbsent(match.owner(), owner -> new Lane()).take(this);
        }
        if (!taken) {
          result.completeExceptionally(
              new VudoException(
                  ErrorCode.PROCESS_BUSY,
                  maxWaiting + " calls wait for " + match.name().owner() + "."));
        }
      } catch (RejectedExecutionException e) {
        result.completeExceptionally(
            new VudoException(ErrorCode.SPIRIT_UNAVAILABLE, "The node is stopping.", e));
        timer = null;
      }
      ScheduledFuture<?> started = timer;
      var unused =
          result.whenComplete(
              (bytes, failure) -> {
                if (started != null) {
                  started.cancel(false);
                }
                remember(this, bytes, failure);
                meters.ended(match.owner(), failure, System.nanoTime() - startNanos);
              });
    }

    private void timeOver() {
      // What has not begun is not done: its repetitions are to run, and so it is not remembered.
      boolean dropped = phase.compareAndSet(Phase.WAITS, Phase.DROPPED);
      long millis = call.patience().toMillis();
      if (result.completeExceptionally(
          dropped
              ? new VudoException(
                  ErrorCode.PROCESS_BUSY,
                  match.name() + " waited " + millis + " ms for a thread and did not begin.")
              : new VudoException(
                  ErrorCode.ASK_TIMEOUT, match.name() + " did not answer in " + millis + " ms."))) {
        end();
      }
    }

    /** Ends what is still under way. */
    void end() {
      result.completeExceptionally(
          new VudoException(ErrorCode.CALL_CANCELLED, "Nobody waits for it any more."));
      task.cancel(true);
      synchronized (lanes) {
        Lane lane = lanes.get(match.owner());
        if (lane != null) {
          lane.leave(this);
        }
      }
      CompletableFuture<?> stage = later;
      if (stage != null) {
        stage.cancel(true);
      }
    }

    private void work() {
      if (!phase.compareAndSet(Phase.WAITS, Phase.BEGAN)) {
        return;
      }
      try {
        List<JsonNode> args = ProcessPayload.arguments(call.args());
        Object answer =
            match
                .handler()
                .call(
                    new ProcessCall(
                        match.name(),
                        match.item(),
                        args,
                        Optional.of(call.caller()).filter(text -> !text.isEmpty()),
                        call.id(),
                        deadline));
        if (answer instanceof CompletionStage<?> stage) {
          later = stage.toCompletableFuture();
          var unused =
              stage.whenComplete(
                  (value, failure) -> {
                    if (failure == null) {
                      answered(value);
                    } else {
                      failed(Failures.unwrap(failure));
                    }
                  });
        } else {
          answered(answer);
        }
      } catch (Throwable failure) {
        failed(failure);
      }
    }

    private void answered(Object value) {
      try {
        result.complete(
            ProcessPayload.result(value, ProcessPayload.isPacked(call.args()), maxResultBytes));
      } catch (VudoException tooLarge) {
        result.completeExceptionally(tooLarge);
      } catch (RuntimeException | StackOverflowError failure) {
        failed(failure);
      }
    }

    private void failed(Throwable failure) {
      if (result.isDone()) {
        // Its time is over, and so it was interrupted.
        return;
      }
      ProcessException told;
      if (failure instanceof ProcessException own) {
        told = own;
      } else if (failure instanceof VudoException typed) {
        told = ProcessException.of(typed.toError());
      } else {
        log.warn("{} failed", match.name(), failure);
        told = new ProcessException(SERVER_ERROR, String.valueOf(failure), failure);
      }
      result.completeExceptionally(
          new VudoException(ErrorCode.PROCESS_FAILED, told.text(), failure));
    }
  }
}
