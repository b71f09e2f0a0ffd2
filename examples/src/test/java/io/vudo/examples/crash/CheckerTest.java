package io.vudo.examples.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.examples.crash.Operation.Outcome;
import io.vudo.examples.crash.Violation.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/**
 * The checker finds what is wrong, and finds nothing where nothing is: each promise, broken once.
 */
class CheckerTest {
  private final List<Operation> history = new ArrayList<>();
  private final Map<String, List<String>> state = new HashMap<>();
  private long clock;

  private Operation add(Operation operation) {
    history.add(operation);
    return operation;
  }

  private void did(
      Workload workload, int caller, String kind, String target, String argument, String answer) {
    ended(workload, caller, kind, target, argument, Outcome.ANSWERED, answer);
  }

  private void ended(
      Workload workload,
      int caller,
      String kind,
      String target,
      String argument,
      Outcome outcome,
      String answer) {
    String key = workload.name() + "-" + caller + "-" + history.size();
    long start = clock++;
    add(
        new Operation(
            workload.name(), caller, key, kind, target, argument, outcome, answer, start, clock++));
  }

  /** What the checker of one workload finds now. */
  private Set<Kind> found(Workload workload) {
    Set<Kind> kinds = new TreeSet<>();
    new Checker(List.of(workload))
        .check(history, Map.of(workload.name(), state))
        .forEach(violation -> kinds.add(violation.kind()));
    return kinds;
  }

  private void assertSound(Workload workload) {
    assertEquals(Set.of(), found(workload), "a history without a fault");
  }

  @Test
  void answersOfOneKeyAreEqual() {
    Workload counter = new CounterWorkload();
    did(counter, 0, "add", "c", "1", "1");
    Operation first = history.get(0);
    state.put("c", List.of("1"));
    add(again(first, Outcome.ANSWERED, "1"));
    assertSound(counter);
    add(again(first, Outcome.OPEN, "NODE_UNREACHABLE"));
    assertSound(counter);
    add(again(first, Outcome.ANSWERED, "2"));
    assertEquals(Set.of(Kind.ANSWERED_OTHERWISE), found(counter));
  }

  private static Operation again(Operation first, Outcome outcome, String answer) {
    return new Operation(
        first.workload(),
        first.caller(),
        first.key(),
        first.kind(),
        first.target(),
        first.argument(),
        outcome,
        answer,
        first.endNanos() + 1,
        first.endNanos() + 2);
  }

  @Test
  void failuresThatNobodyExpectsAreFound() {
    Workload counter = new CounterWorkload();
    state.put("c", List.of("0"));
    ended(counter, 0, "add", "c", "1", Outcome.FAILED, "OUT_OF_FUEL");
    assertEquals(Set.of(Kind.FAILED), found(counter));
  }

  @Test
  void countersThatAreWrong() {
    Workload counter = new CounterWorkload();
    did(counter, 0, "add", "c", "1", "1");
    did(counter, 1, "add", "c", "1", "2");
    state.put("c", List.of("2"));
    assertSound(counter);
    state.put("c", List.of("3"));
    assertEquals(Set.of(Kind.DUPLICATED), found(counter));
    state.put("c", List.of("1"));
    assertEquals(Set.of(Kind.LOST), found(counter));

    state.put("c", List.of("3"));
    ended(counter, 1, "add", "c", "1", Outcome.OPEN, "");
    assertSound(counter);
    did(counter, 1, "add", "c", "1", "2");
    assertEquals(Set.of(Kind.LOST), found(counter), "one answer for two");
  }

  @Test
  void countersThatGoBack() {
    Workload counter = new CounterWorkload();
    did(counter, 0, "add", "c", "1", "2");
    did(counter, 1, "add", "c", "1", "1");
    state.put("c", List.of("2"));
    assertEquals(Set.of(Kind.REORDERED), found(counter));
  }

  @Test
  void valuesThatAreWrong() {
    Workload kv = new KeyValueWorkload();
    did(kv, 0, "put", "k", "v1", "created");
    did(kv, 0, "put", "k", "v2", "replaced");
    did(kv, 0, "get", "k", "", "v2");
    state.put("k", List.of("v2"));
    assertSound(kv);
    state.put("k", List.of("v1"));
    assertEquals(Set.of(Kind.LOST), found(kv));
    state.put("k", List.of("v2"));
    did(kv, 0, "get", "k", "", "v1");
    assertEquals(Set.of(Kind.LOST), found(kv), "an old value was read");
  }

  @Test
  void putsThatAreDoneTwiceOrForgotten() {
    Workload kv = new KeyValueWorkload();
    did(kv, 0, "put", "k", "v1", "replaced");
    state.put("k", List.of("v1"));
    assertEquals(Set.of(Kind.DUPLICATED), found(kv));
    history.clear();
    did(kv, 0, "put", "k", "v1", "created");
    did(kv, 0, "put", "k", "v2", "created");
    state.put("k", List.of("v2"));
    assertEquals(Set.of(Kind.LOST), found(kv));
  }

  @Test
  void logsThatAreWrong() {
    Workload log = new LogWorkload();
    String target = LogWorkload.TARGET;
    did(log, 0, "append", target, "0:1", "1");
    did(log, 0, "append", target, "0:2", "2");
    did(log, 1, "append", target, "1:1", "3");
    state.put(target, List.of("0:1", "0:2", "1:1"));
    assertSound(log);
    state.put(target, List.of("0:1", "0:2"));
    assertEquals(Set.of(Kind.LOST), found(log));
    state.put(target, List.of("0:1", "0:2", "1:1", "1:1"));
    assertEquals(Set.of(Kind.DUPLICATED, Kind.REORDERED), found(log));
    state.put(target, List.of("0:2", "0:1", "1:1"));
    assertEquals(Set.of(Kind.REORDERED), found(log));
    state.put(target, List.of("0:1", "0:2", "1:1", "1:2"));
    assertEquals(Set.of(Kind.INVENTED), found(log));
    ended(log, 1, "append", target, "1:2", Outcome.OPEN, "");
    assertSound(log);
  }

  @Test
  void messagesThatAreWrong() {
    Workload forward = new ForwardWorkload();
    String sink = ForwardWorkload.SINK;
    did(forward, 7, "send", "f", "2", "2");
    did(forward, 7, "send", "f", "1", "3");
    state.put(sink, List.of("7:1", "7:2", "7:3"));
    assertSound(forward);
    state.put(sink, List.of("7:1", "7:3"));
    assertEquals(Set.of(Kind.LOST), found(forward));
    state.put(sink, List.of("7:1", "7:2", "7:3", "7:3"));
    assertEquals(Set.of(Kind.DUPLICATED), found(forward));
    state.put(sink, List.of("7:1", "7:3", "7:2"));
    assertEquals(Set.of(Kind.REORDERED), found(forward));
    state.put(sink, List.of("7:1", "7:2", "7:3", "7:4"));
    assertEquals(Set.of(Kind.INVENTED), found(forward));
    state.put(sink, List.of("7:1", "7:2", "7:3", "7:4", "7:5"));
    did(forward, 7, "send", "f", "2", "6");
    assertEquals(Set.of(Kind.DUPLICATED), found(forward), "its answer is ahead");
  }

  @Test
  void accountsThatAreWrong() {
    Workload transfer = new TransferWorkload();
    String a = TransferWorkload.account(0);
    String b = TransferWorkload.account(1);
    String c = TransferWorkload.account(2);
    did(transfer, 0, "pay", a, "100 to " + b, "900");
    ended(transfer, 0, "pay", a, "5000 to " + b, Outcome.FAILED, "APPLICATION_ERROR");
    state.put(a, List.of("900", "100", "0"));
    state.put(b, List.of("1100", "0", "100"));
    state.put(c, List.of("1000", "0", "0"));
    assertSound(transfer);
    state.put(b, List.of("1000", "0", "0"));
    assertEquals(Set.of(Kind.LOST), found(transfer), "the deposit");
    state.put(b, List.of("1200", "0", "200"));
    assertEquals(Set.of(Kind.DUPLICATED), found(transfer), "the deposit, twice");
    state.put(b, List.of("1100", "0", "100"));
    state.put(a, List.of("800", "200", "0"));
    state.put(c, List.of("1100", "0", "0"));
    assertEquals(Set.of(Kind.DUPLICATED), found(transfer), "the payment, twice");
  }

  @Test
  void tuplesThatAreWrong() {
    Workload tuple = new TupleWorkload();
    String space = TupleWorkload.SPACE;
    String spirit = "crash-tupler/0";
    did(tuple, 0, "write", space, "1", "");
    did(tuple, 0, "write", spirit, "2", "");
    did(tuple, 0, "write", space, "3", "");
    did(tuple, 1, "take", space, "", "1");
    did(tuple, 1, "take", spirit, "", "2");
    did(tuple, 1, "take", space, "", "");
    state.put(spirit, List.of("2"));
    state.put(TupleWorkload.PRESENT, List.of("3"));
    state.put(TupleWorkload.TOTAL, List.of("1"));
    assertSound(tuple);

    state.put(spirit, List.of("2", "1"));
    assertEquals(Set.of(Kind.DUPLICATED), found(tuple), "two took the same");
    state.put(spirit, List.of());
    assertEquals(Set.of(Kind.LOST), found(tuple), "it does not know what it took");
    state.put(spirit, List.of("2"));
    state.put(TupleWorkload.PRESENT, List.of("3", "3"));
    state.put(TupleWorkload.TOTAL, List.of("2"));
    assertEquals(Set.of(Kind.DUPLICATED), found(tuple), "written twice");
    state.put(TupleWorkload.PRESENT, List.of());
    state.put(TupleWorkload.TOTAL, List.of("0"));
    assertEquals(Set.of(Kind.LOST), found(tuple), "neither taken nor there");
    state.put(TupleWorkload.PRESENT, List.of("3"));
    state.put(TupleWorkload.TOTAL, List.of("2"));
    assertEquals(Set.of(Kind.DUPLICATED), found(tuple), "one is back that was taken");
    state.put(TupleWorkload.TOTAL, List.of("1"));
    state.put(spirit, List.of("2", "4"));
    assertEquals(Set.of(Kind.INVENTED), found(tuple));
  }

  @Test
  void deploymentsThatAreWrong() {
    Workload deploy = new DeployWorkload();
    did(deploy, 0, "deploy", "t", "1000", "1");
    did(deploy, 0, "deploy", "t", "2000", "2");
    state.put("t", List.of("2000", "0"));
    assertSound(deploy);
    state.put("t", List.of("1000", "0"));
    assertEquals(Set.of(Kind.LOST), found(deploy));
    state.put("t", List.of("3000", "0"));
    did(deploy, 0, "deploy", "t", "3000", "2");
    assertEquals(Set.of(Kind.REORDERED), found(deploy));
  }
}
