package io.vudo.tuplespace.linearizability;

import io.vudo.protocol.ErrorCode;
import io.vudo.tuplespace.linearizability.Operation.Kind;
import io.vudo.tuplespace.linearizability.Operation.Outcome;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Many callers of a cluster, each with one operation at a time, and their history.
 *
 * <p>There are two kinds of spaces. In the queues all tuples are different and callers write about
 * as much as they take, so that there is often nothing; a take may leave the first field open. In
 * the space {@link #SMALL} there are few values, operations of all kinds, and a new first field
 * after every few operations, so that each is a history that can be checked exactly.
 *
 * <p>Half of what changes something has an idempotency key. It is sent again until it is answered,
 * through other nodes as well, and is then one operation.
 */
final class Callers implements AutoCloseable {
  static final String SMALL = "small";

  /** In this one alone takes wait without a key. */
  static final String OFFERS = "offers";

  private static final List<String> QUEUES = List.of("queues-0", "queues-1", OFFERS);
  private static final int FIRST_FIELDS = 6;
  private static final int SMALL_FIRST_FIELDS = 6;
  private static final int SMALL_HISTORY = 48;
  private static final int SMALL_VALUES = 3;

  /** Longer than any fault of the cluster lasts. */
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private final SpaceCluster cluster;
  private final List<Caller> callers = new ArrayList<>();
  private final List<Operation> history = Collections.synchronizedList(new ArrayList<>());
  private final List<Unresolved> unresolved = Collections.synchronizedList(new ArrayList<>());
  private final AtomicInteger ended = new AtomicInteger();
  private final AtomicLong values = new AtomicLong();
  private final AtomicLong keys = new AtomicLong();
  private final List<AtomicInteger> smallOperations = new ArrayList<>();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private volatile boolean stopping;

  /**
   * One with a key that found nothing, after an attempt whose end is open. That attempt may still
   * be on its way; what the key stands for will be known when all is quiet.
   */
  private record Unresolved(Operation operation, String key) {}

  Callers(SpaceCluster cluster, int number, long seed) {
    this.cluster = cluster;
    for (int i = 0; i < SMALL_FIRST_FIELDS; i++) {
      smallOperations.add(new AtomicInteger());
    }
    for (int process = 1; process <= number; process++) {
      callers.add(new Caller(process, new Random(seed + process)));
    }
  }

  void start() {
    callers.forEach(caller -> caller.thread.start());
  }

  /** How many operations have ended. */
  int ended() {
    return ended.get();
  }

  /** Fails when a caller got an answer that none should get. */
  void checkAlive() {
    if (failure.get() != null) {
      throw new AssertionError("A caller failed.", failure.get());
    }
  }

  /** Ends the callers, then takes out of the queues what is left there. Answers the history. */
  List<Operation> finish() throws InterruptedException {
    stopping = true;
    for (Caller caller : callers) {
      caller.thread.join();
    }
    checkAlive();
    Caller last = new Caller(0, new Random(0));
    Thread.sleep(SpaceCluster.HOLD.toMillis());
    for (Unresolved one : List.copyOf(unresolved)) {
      last.resolve(one);
    }
    for (String space : QUEUES) {
      for (int i = 0; i < FIRST_FIELDS; i++) {
        last.drain(space, first(i));
      }
      last.once(Operation.count(space, Optional.empty()), Duration.ZERO);
    }
    last.disconnect();
    return List.copyOf(history);
  }

  @Override
  public void close() {
    stopping = true;
    callers.forEach(caller -> caller.thread.interrupt());
  }

  /** Each open operation doubles what the exact checker has to try. */
  private void endSmallHistory(String first) {
    int dash = first.indexOf('-');
    int index = Integer.parseInt(first.substring(1, dash));
    int generation = Integer.parseInt(first.substring(dash + 1));
    int next = (generation + 1) * SMALL_HISTORY;
    var unused = smallOperations.get(index).updateAndGet(number -> Math.max(number, next));
  }

  private static String first(int index) {
    return "q" + index;
  }

  /** One of them. */
  private final class Caller implements Runnable {
    final int process;
    final Random random;
    final Thread thread;
    private NodeConnection connection;
    private String lastAnswer = "";

    Caller(int process, Random random) {
      this.process = process;
      this.random = random;
      this.thread = new Thread(this, "caller-" + process);
      thread.setDaemon(true);
    }

    @Override
    public void run() {
      try {
        while (!stopping && failure.get() == null) {
          next();
          Thread.sleep(random.nextInt(8));
        }
      } catch (InterruptedException e) {
        // The test is over.
      } catch (RuntimeException | Error e) {
        failure.compareAndSet(null, e);
      } finally {
        disconnect();
      }
    }

    private void next() throws InterruptedException {
      Operation asked = random.nextInt(10) < 7 ? inQueues() : inSmall();
      boolean changes = asked.kind() != Kind.READ && asked.kind() != Kind.COUNT;
      // A key names one place, and so does the first field.
      boolean key = changes && asked.first().isPresent() && random.nextBoolean();
      boolean take = asked.kind() == Kind.TAKE;
      boolean mayWait =
          asked.kind() == Kind.READ || (take && (key || asked.space().equals(OFFERS)));
      boolean waits = mayWait && random.nextInt(6) == 0;
      Duration wait = waits ? Duration.ofMillis(20 + random.nextInt(600)) : Duration.ZERO;
      if (key) {
        keyed(asked, wait);
      } else {
        once(take && waits ? asked.asOffered() : asked, wait);
      }
    }

    private Operation inQueues() {
      String space = QUEUES.get(random.nextInt(QUEUES.size()));
      String first = first(random.nextInt(FIRST_FIELDS));
      int dice = random.nextInt(100);
      if (dice < 42) {
        return Operation.write(space, first, values.incrementAndGet());
      } else if (dice < 82) {
        return Operation.take(space, first);
      } else if (dice < 88) {
        return Operation.takeAny(space);
      } else if (dice < 96) {
        return Operation.read(space, first);
      }
      return Operation.count(space, random.nextBoolean() ? Optional.of(first) : Optional.empty());
    }

    private Operation inSmall() {
      int index = random.nextInt(SMALL_FIRST_FIELDS);
      int generation = smallOperations.get(index).getAndIncrement() / SMALL_HISTORY;
      String first = "s" + index + "-" + generation;
      long value = 1L + random.nextInt(SMALL_VALUES);
      int dice = random.nextInt(100);
      if (dice < 30) {
        return Operation.write(SMALL, first, value);
      } else if (dice < 60) {
        return Operation.swap(SMALL, first, value, 1L + random.nextInt(SMALL_VALUES));
      } else if (dice < 75) {
        return Operation.take(SMALL, first);
      } else if (dice < 80) {
        return Operation.take(SMALL, first).withValue(value);
      } else if (dice < 92) {
        return Operation.read(SMALL, first);
      }
      return Operation.count(SMALL, Optional.of(first));
    }

    private void record(Operation operation) {
      history.add(operation);
      ended.incrementAndGet();
    }

    /** Asks once, whatever comes. */
    Operation once(Operation asked, Duration wait) throws InterruptedException {
      connect();
      Operation operation = attempt(asked.by(process), SpaceNode.NO_KEY, wait);
      record(operation);
      if (operation.outcome() == Outcome.REFUSED) {
        pause();
      }
      return operation;
    }

    /** Asks under a key until there is an answer. */
    private Operation keyed(Operation asked, Duration wait) throws InterruptedException {
      connect();
      String key = "key-" + keys.incrementAndGet();
      Operation operation = untilAnswered(asked.by(process), key, wait);
      if (!operation.isOpen()) {
        record(operation);
      }
      return operation;
    }

    private Operation untilAnswered(Operation asked, String key, Duration wait)
        throws InterruptedException {
      long begin = System.nanoTime();
      boolean open = false;
      while (true) {
        Operation operation = attempt(asked, key, wait);
        operation = operation.at(begin, operation.completedNanos());
        if (operation.outcome() == Outcome.EMPTY && open) {
          unresolved.add(new Unresolved(operation, key));
          return operation.open();
        }
        if (operation.isDone() || operation.outcome() == Outcome.EMPTY) {
          return operation;
        }
        open |= operation.isOpen();
        if (System.nanoTime() - begin > PATIENCE.toNanos()) {
          throw new AssertionError("No answer for " + PATIENCE + ": " + operation + lastAnswer);
        }
        pause();
        connect();
      }
    }

    /** Its last attempt decides, or tells what an earlier one did. */
    void resolve(Unresolved one) throws InterruptedException {
      connect();
      Operation last = untilAnswered(one.operation(), one.key(), Duration.ZERO);
      if (last.isOpen()) {
        throw new AssertionError("Open though all is quiet: " + last);
      }
      record(last.at(one.operation().invokedNanos(), last.completedNanos()));
    }

    void drain(String space, String first) throws InterruptedException {
      Operation taken;
      do {
        taken = keyed(Operation.take(space, first), Duration.ZERO);
      } while (taken.isDone());
      if (taken.isOpen()) {
        throw new AssertionError("Open though all is quiet: " + taken);
      }
    }

    private void pause() throws InterruptedException {
      Thread.sleep(20 + random.nextInt(180));
    }

    /** To the node before, mostly, or to another one. */
    private void connect() throws InterruptedException {
      if (connection != null && random.nextInt(50) == 0) {
        disconnect();
      }
      long begin = System.nanoTime();
      while (connection == null) {
        try {
          connection = new NodeConnection(cluster.service(random.nextInt(cluster.size())));
        } catch (IOException e) {
          // Nobody was asked, so nothing has begun.
          if (System.nanoTime() - begin > PATIENCE.toNanos()) {
            throw new AssertionError("There is no node for " + PATIENCE, e);
          }
          Thread.sleep(20 + random.nextInt(80));
        }
      }
    }

    void disconnect() {
      if (connection != null) {
        try {
          connection.close();
        } catch (IOException e) {
          // It is of no use any more.
        }
        connection = null;
      }
    }

    private Operation attempt(Operation asked, String key, Duration wait) {
      Operation operation = ask(asked, key, wait);
      if (operation.isOpen() && asked.space().equals(SMALL)) {
        endSmallHistory(asked.first().orElseThrow());
      }
      return operation;
    }

    private Operation ask(Operation asked, String key, Duration wait) {
      long begin = System.nanoTime();
      String answer;
      try {
        answer = connection.ask(line(asked, key, wait));
        lastAnswer = answer;
      } catch (IOException e) {
        lastAnswer = e.toString();
        disconnect();
        return asked.open().at(begin, System.nanoTime());
      }
      return ended(asked, answer).at(begin, System.nanoTime());
    }

    private String line(Operation asked, String key, Duration wait) {
      String space = asked.space();
      String template =
          asked.first().orElse(SpaceNode.ANY)
              + " "
              + (asked.value().isPresent() ? asked.value().getAsLong() : SpaceNode.ANY);
      return switch (asked.kind()) {
        case WRITE -> "write " + space + " " + key + " " + template;
        case TAKE -> "take " + space + " " + key + " " + template + " " + wait.toMillis();
        case READ -> "read " + space + " " + template + " " + wait.toMillis();
        case COUNT -> "count " + space + " " + template;
        case SWAP ->
            "swap "
                + space
                + " "
                + key
                + " "
                + template
                + " "
                + asked.replacement().orElseThrow().value();
      };
    }

    private Operation ended(Operation asked, String answer) {
      String[] words = answer.split(" ", 4);
      return switch (words[0]) {
        case "done" -> asked.done();
        case "empty" -> asked.empty();
        case "found" -> asked.found(words[1], Long.parseLong(words[2]));
        case "count" -> asked.counted(Long.parseLong(words[1]));
        case "error" ->
            switch (ErrorCode.valueOf(words[1])) {
              case ASK_TIMEOUT, JOURNAL_UNAVAILABLE -> asked.open();
              // "Nothing was done, send it again."
              case SPACE_UNAVAILABLE -> asked.refused();
              default -> throw new AssertionError(asked + " got " + answer);
            };
        default -> throw new AssertionError(asked + " got " + answer);
      };
    }
  }

  /** For a report: how many of each kind ended how. */
  static String summary(List<Operation> history) {
    StringBuilder text = new StringBuilder();
    for (Kind kind : Kind.values()) {
      for (Outcome outcome : Outcome.values()) {
        long number =
            history.stream().filter(one -> one.kind() == kind && one.outcome() == outcome).count();
        if (number > 0) {
          text.append(' ').append(kind).append(' ').append(outcome).append(' ').append(number);
        }
      }
    }
    return text.toString().strip();
  }
}
