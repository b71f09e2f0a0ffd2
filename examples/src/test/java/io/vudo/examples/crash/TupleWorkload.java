package io.vudo.examples.crash;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.examples.crash.Violation.Kind;
import io.vudo.node.internal.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Tuples are written and taken by callers and by Spirits: each is taken once or still there. A
 * taker among the Spirits also notes what it took, in the turn that takes.
 */
final class TupleWorkload implements Workload {
  static final String SPACE = "crash";
  static final String PRESENT = "present";
  static final String TOTAL = "total";

  /** {@code ["t", any]}, MessagePack. */
  private static final byte[] TEMPLATE = {(byte) 0x92, (byte) 0xa1, 't', (byte) 0xc7, 0, 0};

  private static final String JSON_TEMPLATE = "{\"template\":[\"t\",{\"?\":\"any\"}]}";
  private static final int TUPLERS = 3;

  private final Map<Integer, Long> written = new ConcurrentHashMap<>();

  @Override
  public String name() {
    return "tuple";
  }

  @Override
  public int weight() {
    return 15;
  }

  @Override
  public void prepare(Door node) throws IOException {
    node.deploy(
        "crash-tupler",
        CrashGuests.tupler(),
        "grant=tuplespace_write:" + SPACE + "&grant=tuplespace_take:" + SPACE);
  }

  @Override
  public Step next(int caller, Random random) {
    String spirit = "crash-tupler/" + random.nextInt(TUPLERS);
    boolean bySpirit = random.nextBoolean();
    if (random.nextInt(100) < 45) {
      // Above 2^32, so that its MessagePack is always 0xcf and 8 bytes.
      long id = Workloads.entry(caller + 1, written.merge(caller, 1L, Long::sum));
      return bySpirit
          ? new Step(
              "write", spirit, Long.toString(id), (node, key) -> write(node, spirit, id, key))
          : new Step(
              "write",
              SPACE,
              Long.toString(id),
              (node, key) -> node.space(SPACE, "write", "{\"tuple\":[\"t\"," + id + "]}", key));
    }
    return bySpirit
        ? new Step("take", spirit, "", (node, key) -> take(node, spirit, key))
        : new Step("take", SPACE, "", TupleWorkload::take);
  }

  /** A take by HTTP that found nothing has done nothing: the next one is a new one. */
  @Override
  public boolean repeatable(Step step, String answer) {
    return !(step.kind().equals("take") && step.target().equals(SPACE) && answer.isEmpty());
  }

  private static String write(Door node, String spirit, long id, String key) {
    byte[] tuple =
        ByteBuffer.allocate(12)
            .put(new byte[] {(byte) 0x92, (byte) 0xa1, 't', (byte) 0xcf})
            .putLong(id)
            .array();
    return new String(node.askBytes(spirit, "write", tuple, key), UTF_8);
  }

  static String take(Door node, String spirit, String key) {
    byte[] tuple = node.askBytes(spirit, "take", TEMPLATE, key);
    return tuple.length == 0
        ? ""
        : Long.toString(ByteBuffer.wrap(tuple, tuple.length - 8, 8).getLong());
  }

  private static String take(Door node, String key) {
    String answer = node.space(SPACE, "take", JSON_TEMPLATE, key);
    return answer.isEmpty() ? "" : Json.read(answer.getBytes(UTF_8)).path("tuple").path(1).asText();
  }

  @Override
  public Map<String, List<String>> observe(Door node, List<Operation> operations) {
    Map<String, List<String>> state = new HashMap<>();
    Set<String> left = new HashSet<>();
    for (Operation operation : operations) {
      if (operation.kind().equals("write")) {
        left.add(operation.argument());
      }
    }
    Set<String> taken = new HashSet<>();
    operations.stream()
        .filter(operation -> operation.kind().equals("take"))
        .forEach(operation -> taken.add(operation.answer()));
    for (int i = 0; i < TUPLERS; i++) {
      String spirit = "crash-tupler/" + i;
      List<String> notes =
          Workloads.list(node, spirit).stream()
              .map(word -> Long.toString(Long.reverseBytes(word)))
              .toList();
      state.put(spirit, notes);
      taken.addAll(notes);
    }
    left.removeAll(taken);
    List<String> present = new ArrayList<>();
    for (String id : left) {
      long count = count(node, "{\"template\":[\"t\"," + id + "]}");
      for (long i = 0; i < count; i++) {
        present.add(id);
      }
    }
    state.put(PRESENT, present);
    state.put(TOTAL, List.of(Long.toString(count(node, JSON_TEMPLATE))));
    return state;
  }

  private static long count(Door node, String template) {
    String answer = Workloads.patiently(() -> node.space(SPACE, "count", template, ""));
    JsonNode count = Json.read(answer.getBytes(UTF_8)).path("count");
    return count.asLong();
  }

  @Override
  public List<Violation> check(List<Operation> operations, Map<String, List<String>> state) {
    Set<String> expected = new HashSet<>();
    Set<String> possible = new HashSet<>();
    List<String> somewhere = new ArrayList<>();
    Map<String, Collection<String>> answered = new HashMap<>();
    boolean openTakes = false;
    for (Operation operation : operations) {
      if (operation.kind().equals("write")) {
        (operation.answered() ? expected : possible).add(operation.argument());
      } else if (operation.answered() && !operation.answer().isEmpty()) {
        answered
            .computeIfAbsent(operation.target(), target -> new ArrayList<>())
            .add(operation.answer());
      }
      openTakes |= operation.open() && operation.kind().equals("take");
    }
    somewhere.addAll(answered.getOrDefault(SPACE, List.of()));
    List<String> present = state.getOrDefault(PRESENT, List.of());
    somewhere.addAll(present);
    List<Violation> found = new ArrayList<>();
    for (int i = 0; i < TUPLERS; i++) {
      String spirit = "crash-tupler/" + i;
      List<String> notes = state.getOrDefault(spirit, List.of());
      somewhere.addAll(notes);
      Set<String> answers = new HashSet<>(answered.getOrDefault(spirit, List.of()));
      for (String id : answers) {
        if (!notes.contains(id)) {
          found.add(new Violation(Kind.LOST, name(), spirit + " answered and forgot " + id));
        }
      }
    }
    for (Violation violation :
        Checker.onceEach(name(), "taken or present", somewhere, expected, possible)) {
      // Whoever took it was never told.
      if (violation.kind() != Kind.LOST || !openTakes) {
        found.add(violation);
      }
    }
    long total = Long.parseLong(state.getOrDefault(TOTAL, List.of("0")).get(0));
    if (total != present.size()) {
      found.add(
          new Violation(
              total > present.size() ? Kind.DUPLICATED : Kind.LOST,
              name(),
              "the space has "
                  + total
                  + " tuples, of which "
                  + present.size()
                  + " were written and not taken"));
    }
    return found;
  }
}
