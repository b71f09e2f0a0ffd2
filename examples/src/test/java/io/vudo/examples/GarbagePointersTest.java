package io.vudo.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.SpiritAbi;
import io.vudo.spirit.ValueType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every host function with every kind of pointer and length that is none. The guest gets a status,
 * the node goes on, and the history that comes of it can be replayed.
 */
class GarbagePointersTest {
  private static final long MEMORY = 65_536;

  /** Each is used as a pointer and as a length. */
  private static final long[] BOUNDARIES = {
    0, 1, -1, MEMORY, MEMORY - 1, MEMORY + 1, 0x7fff_ffffL, 0x8000_0000L, 0x1000, 8
  };

  private static final long TOO_LONG_MILLIS = 1_000;
  private static final int RANDOM_CALLS_PER_FUNCTION = 150;
  private static final int SPIRITS = 8;
  private static final int AT_ONCE = 32;

  /** The statuses of the contract, without INTERNAL_ERROR and CAPABILITY_DENIED. */
  private static final List<Long> STATUSES =
      List.of(0L, -2L, -3L, -4L, -5L, -7L, -9L, -10L, -11L, -12L);

  private record Call(String function, List<Long> arguments) {
    Call {
      if (function.equals("remind")) {
        // Looked at last; a reminder that is taken would make turns of its own.
        arguments.set(2, TOO_LONG_MILLIS);
      }
    }

    byte[] message() {
      return Caller.raw(function, arguments.stream().mapToLong(Long::longValue).toArray());
    }

    @Override
    public String toString() {
      StringBuilder text = new StringBuilder(function).append('(');
      for (long argument : arguments) {
        text.append(" 0x").append(Long.toHexString(argument));
      }
      return text.append(" )").toString();
    }
  }

  @Test
  void noArgumentsHurtTheNode(@TempDir Path directory) throws Exception {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("GarbagePointersTest: -Dvudo.test.seed=" + seed);
    List<Call> calls = calls(new Random(seed));
    // A guest may well ask to wait for weeks.
    try (TestNode node = TestNode.start(directory, "vudo.spirit.turn.max-wait = 20ms")) {
      node.deploy("counter", Guests.example("counter"));
      node.deploy("garbage", Caller.module(), "grant=unrestricted");
      Map<String, Integer> outcomes = new TreeMap<>();
      Semaphore room = new Semaphore(AT_ONCE);
      List<CompletableFuture<byte[]>> answers = new ArrayList<>();
      for (int i = 0; i < calls.size(); i++) {
        Call call = calls.get(i);
        room.acquire();
        answers.add(
            node.askLater(spirit(i), "call", call.message(), "")
                .whenComplete((answer, failure) -> room.release()));
      }
      for (int i = 0; i < calls.size(); i++) {
        outcomes.merge(outcome(calls.get(i), answers.get(i)), 1, Integer::sum);
      }
      System.out.println("GarbagePointersTest: " + calls.size() + " calls: " + outcomes);
      assertEquals("1", node.ask("counter/neighbour", "add", ""), "the neighbour");

      List<Long> turns = turns(node);
      node.killAndRestart();
      assertEquals(turns.stream().map(n -> n + 1).toList(), turns(node), "replayed");
      assertEquals("2", node.ask("counter/neighbour", "add", ""), "the neighbour");
    }
  }

  private static String spirit(int i) {
    return "garbage/" + i % SPIRITS;
  }

  private static List<Long> turns(TestNode node) {
    List<Long> turns = new ArrayList<>();
    for (int i = 0; i < SPIRITS; i++) {
      turns.add(Caller.look(node, spirit(i)).turns());
    }
    return turns;
  }

  private static String outcome(Call call, CompletableFuture<byte[]> answer) {
    FunctionType type = SpiritAbi.functions().get(call.function());
    try {
      long result = Caller.reply(TestNode.join(answer)).result();
      if (type.results().equals(List.of(ValueType.I32))) {
        assertTrue(
            STATUSES.contains(result) || (result > 0 && isName(call.function())),
            () -> call + " answered " + result);
        return result > 0 ? "length" : Long.toString(result);
      }
      return "done";
    } catch (VudoException failure) {
      // A guest may end its own turn; nothing else may.
      assertEquals(ErrorCode.APPLICATION_ERROR, failure.code(), () -> call + ": " + failure);
      assertEquals("fail", call.function(), failure::getMessage);
      return failure.code().name();
    }
  }

  private static boolean isName(String function) {
    return List.of("self", "sender", "parent", "message_type", "message_id").contains(function);
  }

  private static List<Call> calls(Random random) {
    List<Call> calls = new ArrayList<>();
    SpiritAbi.functions()
        .forEach(
            (name, type) -> {
              int count = type.parameters().size();
              if (name.equals("stop")) {
                // All but a valid name: a Spirit that stops itself would lose its turns.
                calls.add(new Call(name, List.of(MEMORY, 1L)));
              }
              // Each boundary in each place, among arguments that are in order.
              for (int place = 0; place < count; place++) {
                for (long boundary : BOUNDARIES) {
                  List<Long> arguments = new ArrayList<>(Collections.nCopies(count, 0x10L));
                  arguments.set(place, boundary);
                  calls.add(new Call(name, arguments));
                }
              }
              for (int i = 0; i < RANDOM_CALLS_PER_FUNCTION; i++) {
                List<Long> arguments = new ArrayList<>();
                for (int place = 0; place < count; place++) {
                  arguments.add(
                      random.nextInt(8) == 0
                          ? random.nextLong()
                          : BOUNDARIES[random.nextInt(BOUNDARIES.length)]);
                }
                calls.add(new Call(name, arguments));
              }
            });
    Collections.shuffle(calls, random);
    return calls;
  }
}
