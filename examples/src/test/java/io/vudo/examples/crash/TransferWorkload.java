package io.vudo.examples.crash;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vudo.examples.crash.Violation.Kind;
import io.vudo.protocol.ErrorCode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Money goes from account to account by messages between Spirits: the sum stays. A payment beyond
 * the balance fails, and leaves no trace.
 */
final class TransferWorkload implements Workload {
  static final int ACCOUNTS = 3;
  static final long BEGIN = 1_000;
  private static final int MOST = 400;

  @Override
  public String name() {
    return "transfer";
  }

  @Override
  public Set<ErrorCode> expectedFailures() {
    return Set.of(ErrorCode.APPLICATION_ERROR);
  }

  @Override
  public void prepare(Door node) throws IOException {
    node.deploy("crash-account", CrashGuests.account(), "grant=cross_sandbox_call");
  }

  static String account(int number) {
    return "crash-account/" + number;
  }

  @Override
  public Step next(int caller, Random random) {
    int from = random.nextInt(ACCOUNTS);
    String target = account(from);
    String to = account((from + 1 + random.nextInt(ACCOUNTS - 1)) % ACCOUNTS);
    int amount = 1 + random.nextInt(MOST);
    byte[] payload = Workloads.words(to, amount);
    return new Step(
        "pay",
        target,
        amount + " to " + to,
        (node, key) -> new String(node.askBytes(target, "pay", payload, key), UTF_8));
  }

  @Override
  public Map<String, List<String>> observe(Door node, List<Operation> operations) {
    Map<String, List<String>> state = new HashMap<>();
    for (int i = 0; i < ACCOUNTS; i++) {
      String account = account(i);
      byte[] reply = Workloads.patiently(() -> node.askBytes(account, "get", new byte[0], ""));
      state.put(account, Workloads.longs(reply).stream().map(n -> Long.toString(n)).toList());
    }
    return state;
  }

  /** State: balance, paid, received. */
  @Override
  public List<Violation> check(List<Operation> operations, Map<String, List<String>> state) {
    Map<String, long[]> paid = new HashMap<>();
    Map<String, long[]> received = new HashMap<>();
    for (Operation operation : operations) {
      if (operation.outcome() != Operation.Outcome.FAILED) {
        String[] parts = operation.argument().split(" to ", 2);
        long amount = Long.parseLong(parts[0]);
        add(paid, operation.target(), amount, operation.answered());
        add(received, parts[1], amount, operation.answered());
      }
    }
    List<Violation> found = new ArrayList<>();
    long sum = 0;
    for (int i = 0; i < ACCOUNTS; i++) {
      String account = account(i);
      List<String> now = state.getOrDefault(account, List.of("0", "0", "0"));
      sum += Long.parseLong(now.get(0));
      compare(found, account + " has paid", now.get(1), paid.get(account));
      compare(found, account + " has received", now.get(2), received.get(account));
    }
    if (sum != ACCOUNTS * BEGIN) {
      found.add(
          new Violation(
              sum < ACCOUNTS * BEGIN ? Kind.LOST : Kind.DUPLICATED,
              name(),
              "all accounts together have " + sum + " and had " + ACCOUNTS * BEGIN));
    }
    return found;
  }

  /** The least and the most that may be. */
  private static void add(Map<String, long[]> to, String account, long amount, boolean sure) {
    long[] range = to.computeIfAbsent(account, a -> new long[2]);
    range[0] += sure ? amount : 0;
    range[1] += amount;
  }

  private void compare(List<Violation> found, String what, String now, long[] range) {
    long value = Long.parseLong(now);
    long least = range == null ? 0 : range[0];
    long most = range == null ? 0 : range[1];
    if (value < least || value > most) {
      found.add(
          new Violation(
              value < least ? Kind.LOST : Kind.DUPLICATED,
              name(),
              what + " " + value + " and not " + least));
    }
  }
}
