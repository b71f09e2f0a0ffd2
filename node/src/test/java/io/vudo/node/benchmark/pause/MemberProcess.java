package io.vudo.node.benchmark.pause;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * A member in a process of its own: {@code MemberProcess KIND CONFIG-FILE DATA}. It answers each
 * line of its input by a line.
 */
final class MemberProcess {
  private static final Duration PING_TIMEOUT = Duration.ofMillis(500);
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final int FILLED_AT_ONCE = 16;

  /** Before a single move, to know what is usual, and after it, until the caller has seen it. */
  private static final Duration AROUND = Duration.ofMillis(300);

  private final Member member;
  private Pinger pinger;

  private MemberProcess(Member member) {
    this.member = member;
  }

  public static void main(String[] arguments) throws Exception {
    Config config = ConfigFactory.parseFile(Path.of(arguments[1]).toFile());
    Member member =
        arguments[0].equals("vudo")
            ? new VudoMember(config, Path.of(arguments[2]), PING_TIMEOUT)
            : new StockMember(config.withFallback(ConfigFactory.load()).resolve(), PING_TIMEOUT);
    MemberProcess process = new MemberProcess(member);
    System.out.println("ready " + member.address());
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      System.out.println(process.answer(line.split(" ", -1)));
    }
    Runtime.getRuntime().halt(0);
  }

  private String answer(String[] words) {
    try {
      return switch (words[0]) {
        case "members" -> Integer.toString(member.membersUp());
        case "prepare" -> {
          member.prepare();
          yield "done";
        }
        case "fill" -> fill(Integer.parseInt(words[1]), Integer.parseInt(words[2]));
        case "residents" ->
            member.residents().stream().map(String::valueOf).collect(Collectors.joining(" "));
        case "ping" -> {
          pinger =
              new Pinger(
                  member,
                  Integer.parseInt(words[1]),
                  Duration.ofMillis(Integer.parseInt(words[2])));
          yield "done";
        }
        case "unanswered" -> Long.toString(pinger.takeUnanswered());
        case "mean" -> Long.toString(pinger.takeMean());
        case "longest" ->
            Arrays.stream(pinger.takeLongest())
                .mapToObj(String::valueOf)
                .collect(Collectors.joining(" "));
        case "quiet" -> {
          pinger.stop();
          yield "done";
        }
        case "move" -> move(Integer.parseInt(words[1]), words[2]);
        case "pauses" -> text(member.takePauses());
        case "solo" -> text(solo(Integer.parseInt(words[1]), Integer.parseInt(words[2])));
        case "heap" -> Long.toString(heapBytes());
        case "leave" -> {
          member.leave();
          yield text(member.takePauses());
        }
        default -> throw new IllegalArgumentException(words[0]);
      };
    } catch (Exception e) {
      return "error " + e;
    }
  }

  private static String text(List<Long> numbers) {
    return numbers.stream().map(String::valueOf).collect(Collectors.joining(" "));
  }

  /** Asks one entity so often, one ask after the other; how long each took, in microseconds. */
  private List<Long> solo(int entity, int asks) throws Exception {
    List<Long> micros = new ArrayList<>();
    for (int i = 0; i < asks; i++) {
      long since = System.nanoTime();
      boolean answered = false;
      while (!answered) {
        try {
          Object unused = member.ping(entity).toCompletableFuture().get();
          answered = true;
        } catch (ExecutionException e) {
          // Asked again; the wait goes on.
        }
      }
      micros.add((System.nanoTime() - since) / 1_000);
    }
    return micros;
  }

  /** What is in use after a collection. */
  private static long heapBytes() throws InterruptedException {
    for (int i = 0; i < 3; i++) {
      System.gc();
      Thread.sleep(100);
    }
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  private String fill(int entities, int bytes) throws Exception {
    for (int i = 0; i < entities; i += FILLED_AT_ONCE) {
      List<CompletableFuture<?>> some = new ArrayList<>();
      for (int entity = i; entity < Math.min(entities, i + FILLED_AT_ONCE); entity++) {
        some.add(member.fill(entity, bytes).toCompletableFuture());
      }
      for (CompletableFuture<?> one : some) {
        Object unused = one.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      }
    }
    return "done";
  }

  /**
   * Moves one entity while one caller asks it without any pause. Answers the longest wait while
   * nothing happened, and the longest around the move, in microseconds.
   */
  private String move(int entity, String address) throws Exception {
    Solo solo = new Solo(entity);
    Thread thread = new Thread(solo, "solo");
    thread.start();
    Thread.sleep(AROUND.toMillis());
    long before = solo.takeLongest();
    Object unused =
        member
            .move(entity, address)
            .toCompletableFuture()
            .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    Thread.sleep(AROUND.toMillis());
    long around = solo.takeLongest();
    solo.enough = true;
    thread.join();
    return before + " " + around;
  }

  private final class Solo implements Runnable {
    private final int entity;
    private volatile boolean enough;
    private long longestNanos;

    Solo(int entity) {
      this.entity = entity;
    }

    synchronized long takeLongest() {
      long micros = longestNanos / 1_000;
      longestNanos = 0;
      return micros;
    }

    private synchronized void note(long nanos) {
      longestNanos = Math.max(longestNanos, nanos);
    }

    @Override
    public void run() {
      while (!enough) {
        long since = System.nanoTime();
        boolean answered = false;
        while (!answered && !enough) {
          try {
            Object unused = member.ping(entity).toCompletableFuture().get();
            answered = true;
          } catch (InterruptedException e) {
            return;
          } catch (ExecutionException e) {
            // Asked again; the wait goes on.
          }
        }
        note(System.nanoTime() - since);
      }
    }
  }
}
