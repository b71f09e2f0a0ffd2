package io.vudo.spirit.internal.turn;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.google.protobuf.ByteString;
import io.vudo.journal.StateSnapshot;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Reply;
import io.vudo.protocol.journal.v1.Slept;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.TupleAnswer;
import io.vudo.protocol.journal.v1.TuplesAnswer;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Engine;
import io.vudo.spirit.Engines;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.GuestThread;
import io.vudo.spirit.SpiritAbi;
import io.vudo.spirit.ValueType;
import io.vudo.spirit.internal.jvm.JvmEngine;
import io.vudo.spirit.internal.turn.HostileModules.Sample;
import io.vudo.spirit.internal.turn.WasmBuilder.Code;
import io.vudo.spirit.internal.wasm.AdmissionRules;
import io.vudo.spirit.internal.wasmtime.WasmtimeEngine;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/**
 * Hostile modules on both engines in one process: each ends in success or in a typed failure that
 * is not the node's own fault, the same on both, and neighbours answer throughout.
 *
 * <p>{@code -Dvudo.test.seed=N} repeats a run, {@code -Dvudo.hostile.only=I} runs module I of it
 * alone, {@code -Dvudo.hostile.modules=N} says how many there are.
 */
class HostileCorpusTest {
  private static final SpiritId ID = SpiritId.parse("hostile/one");
  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-11-21T00:00:00Z"), ZoneOffset.UTC);
  private static final int MAX_SUSPENSIONS = 40;
  private static final int MODULES = 200;
  private static final int MAX_FAILURES = 10;

  /** What says that the node is at fault, or admission let pass what an engine refuses. */
  private static final Set<ErrorCode> FAULTS =
      EnumSet.of(
          ErrorCode.INTERNAL_ERROR,
          ErrorCode.REPLAY_DIVERGED,
          ErrorCode.RESIDENCY_LIMIT,
          ErrorCode.TURN_TIMEOUT,
          ErrorCode.SNAPSHOT_CORRUPT);

  /** What one engine may refuse to compile and the other not. */
  private static final Set<ErrorCode> REFUSALS =
      EnumSet.of(
          ErrorCode.MODULE_UNSUPPORTED,
          ErrorCode.MODULE_LIMIT_EXCEEDED,
          ErrorCode.MODULE_COMPILE_TIMEOUT);

  private static final Map<String, FunctionType> SPIRIT =
      Map.of(
          "spirit_abi_1",
          new FunctionType(List.of(), List.of()),
          "spirit_alloc",
          new FunctionType(List.of(ValueType.I32), List.of(ValueType.I32)),
          "spirit_handle",
          new FunctionType(List.of(ValueType.I32, ValueType.I32), List.of(ValueType.I64)));

  /**
   * How one step ended.
   *
   * @param code the failure, or empty
   * @param detail what belongs to it
   * @param fuel burnt, for a turn that completed
   * @param turn the record of it, if there is one
   */
  private record Step(String code, String detail, long fuel, Turn turn) {
    /** What must be the same on both engines. */
    String compared() {
      return code.isEmpty() ? "fuel " + fuel + " " + turn.getCompleted() : code;
    }

    /** Only the depth limit can be exact; the size of frames is an engine's own. */
    boolean stackUsedUp() {
      return code.equals(ErrorCode.CALL_DEPTH_EXCEEDED.name()) && detail.contains("used up");
    }
  }

  private record Outcome(List<Step> steps, int state) {
    /** The first failure, if there is one. */
    String code() {
      return steps.stream()
          .map(step -> step.stackUsedUp() ? step.code() + " (stack)" : step.code())
          .filter(code -> !code.isEmpty())
          .findFirst()
          .orElse("completed");
    }
  }

  private static final class Tally {
    private final Map<String, Map<String, Integer>> counts = new TreeMap<>();

    void add(String row, String column) {
      counts.computeIfAbsent(row, key -> new TreeMap<>()).merge(column, 1, Integer::sum);
    }

    @Override
    public String toString() {
      StringBuilder text = new StringBuilder();
      counts.forEach(
          (row, columns) -> text.append("  ").append(row).append(' ').append(columns).append('\n'));
      return text.toString();
    }
  }

  @Test
  void anyModuleGivesATypedOutcomeAndHurtsNobody() throws Exception {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    int only = Integer.getInteger("vudo.hostile.only", -1);
    int count = Integer.getInteger("vudo.hostile.modules", MODULES);
    System.out.println("HostileCorpusTest: -Dvudo.test.seed=" + seed);
    Queue<Throwable> uncaught = new ConcurrentLinkedQueue<>();
    Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
    Thread.setDefaultUncaughtExceptionHandler((thread, failure) -> uncaught.add(failure));
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    root.addAppender(log);
    try (Engines engines = Engines.withDefaults();
        Neighbour first = new Neighbour(engines, "wasmtime");
        Neighbour second = new Neighbour(engines, "jvm")) {
      HostileModules modules = new HostileModules(seed);
      Tally byKind = new Tally();
      Tally byCode = new Tally();
      List<AssertionError> failures = new ArrayList<>();
      int from = only < 0 ? 0 : only;
      int to = only < 0 ? count : only + 1;
      for (int i = from; i < to; i++) {
        Sample sample = modules.sample(i);
        try {
          List<Outcome> outcomes = onGuestThread(() -> check(engines, sample));
          for (int engine = 0; engine < outcomes.size(); engine++) {
            byCode.add(outcomes.get(engine).code(), Engines.names().get(engine));
          }
          byKind.add(sample.kind().name(), outcomes.get(0).code());
          first.ask();
          second.ask();
          assertEquals(List.of(), List.copyOf(uncaught));
          assertEquals(List.of(), unexpected(log));
        } catch (Throwable failure) {
          failures.add(
              new AssertionError(
                  "Module %d, %s; to run it alone: -Dtest=%s -Dvudo.test.seed=%d -Dvudo.hostile.only=%d"
                      .formatted(i, sample.kind(), getClass().getSimpleName(), seed, i),
                  failure));
          uncaught.clear();
          log.list.clear();
          if (failures.size() >= MAX_FAILURES) {
            break;
          }
        }
      }
      System.out.print(
          "HostileCorpusTest: "
              + (to - from)
              + " modules; by code\n"
              + byCode
              + "by kind\n"
              + byKind);
      if (!failures.isEmpty()) {
        failures.subList(1, failures.size()).forEach(failures.get(0)::addSuppressed);
        throw failures.get(0);
      }
      assertTrue(first.answers() > to - from && second.answers() > to - from);
    } finally {
      root.detachAppender(log);
      Thread.setDefaultUncaughtExceptionHandler(before);
    }
  }

  /** Nothing can stop a compilation; who waits for it gets an error, and guests run on. */
  @ParameterizedTest
  @ValueSource(strings = {"wasmtime", "jvm"})
  void aCompilationThatTakesTooLongIsATypedError(String name) throws Exception {
    Duration timeout = Duration.ofMillis(200);
    // Thousands of branches: seconds for either compiler.
    WasmBuilder bomb = new WasmBuilder();
    for (int i = 0; i < 7; i++) {
      bomb.function(
          bomb.type("", ""),
          100,
          'i',
          new Code().times(8_000, c -> c.get(0).iff().i32(1).set(0).end()));
    }
    try (Engine engine =
        name.equals("jvm")
            ? new JvmEngine(
                new JvmEngine.Options(
                    Optional.empty(), OptionalInt.empty(), OptionalLong.empty(), 16 << 20, timeout))
            : new WasmtimeEngine(
                new WasmtimeEngine.Options(Optional.empty(), OptionalInt.empty(), timeout))) {
      AdmittedModule counter =
          AdmissionRules.admit(TestGuests.counter(), SpiritLimits.DEFAULTS, SpiritAbi::find);
      try (CompiledModule compiled = compiledAtLast(engine, counter);
          SpiritMachine neighbour = neighbour(compiled, name)) {
        assertEquals(1, count(neighbour, 1));
        AdmittedModule admitted =
            AdmissionRules.admit(bomb.bytes(), SpiritLimits.DEFAULTS, SpiritAbi::find);
        VudoException late =
            assertThrows(VudoException.class, () -> engine.compile(admitted).close());
        assertEquals(ErrorCode.MODULE_COMPILE_TIMEOUT, late.code(), late::toString);
        assertEquals(2, count(neighbour, 2));
        compiledAtLast(engine, counter).close();
        assertEquals(3, count(neighbour, 3));
      }
    }
  }

  /** However slow this machine is, and whatever it still compiles. */
  private static CompiledModule compiledAtLast(Engine engine, AdmittedModule module) {
    return await()
        .atMost(Duration.ofMinutes(3))
        .pollInSameThread()
        .ignoreExceptionsMatching(
            e -> e instanceof VudoException v && v.code() == ErrorCode.MODULE_COMPILE_TIMEOUT)
        .until(() -> engine.compile(module), compiled -> true);
  }

  private static SpiritMachine neighbour(CompiledModule compiled, String engine) {
    SpiritMachine machine = machine(compiled);
    machine.follow(
        new Deployment(
            ID.type(),
            compiled.module().digest(),
            engine,
            SpiritLimits.DEFAULTS,
            Set.of(),
            true,
            1,
            0));
    machine.attempt(
        Message.newBuilder().setId("birth").setKind(Message.Kind.SPAWN).build(), List.of());
    return machine;
  }

  private static long count(SpiritMachine machine, int number) {
    Attempt attempt =
        machine.attempt(Message.newBuilder().setId("ask:" + number).build(), List.of());
    return MachineFixture.number(((Attempt.Finished) attempt).turn());
  }

  private static List<String> unexpected(ListAppender<ILoggingEvent> log) {
    return List.copyOf(log.list).stream()
        .filter(e -> e.getLevel().isGreaterOrEqual(Level.ERROR) || e.getThrowableProxy() != null)
        .map(ILoggingEvent::toString)
        .toList();
  }

  private static <T> T onGuestThread(Supplier<T> task) throws Exception {
    FutureTask<T> future = new FutureTask<>(task::get);
    new GuestThread(future, "hostile").start();
    return future.get();
  }

  // One module

  private static List<Outcome> check(Engines engines, Sample sample) {
    AdmittedModule admitted;
    try {
      admitted = engines.admit(sample.module(), sample.limits());
    } catch (VudoException refused) {
      assertTrue(refused.code().name().startsWith("MODULE_"), refused::toString);
      Outcome outcome = new Outcome(List.of(failure(refused)), 0);
      return List.of(outcome, outcome);
    }
    // In turns: the one that goes first sees the real services, the other one the record.
    List<String> names = new ArrayList<>(Engines.names());
    Outcome[] outcomes = new Outcome[names.size()];
    int begin = sample.index() % names.size();
    Outcome earlier = null;
    for (int i = 0; i < names.size(); i++) {
      int engine = (begin + i) % names.size();
      outcomes[engine] = run(engines, admitted, sample, names.get(engine), earlier);
      earlier = outcomes[engine];
    }
    compare(outcomes[0], outcomes[1]);
    return Arrays.asList(outcomes);
  }

  private static void compare(Outcome one, Outcome other) {
    boolean same = one.steps().size() == other.steps().size();
    for (int i = 0; i < Math.min(one.steps().size(), other.steps().size()); i++) {
      Step left = one.steps().get(i);
      Step right = other.steps().get(i);
      boolean mayDiffer =
          left.stackUsedUp()
              || right.stackUsedUp()
              || (i == 0 && (refused(left) || refused(right)));
      if (mayDiffer) {
        return;
      }
      assertEquals(left.compared(), right.compared(), () -> "step of " + left + " and " + right);
    }
    assertTrue(same, () -> one + " and " + other);
    assertEquals(one.state(), other.state(), "the states after the last turn");
  }

  private static boolean refused(Step step) {
    return !step.code().isEmpty() && REFUSALS.contains(ErrorCode.of(step.code()));
  }

  private static Step failure(VudoException failure) {
    if (FAULTS.contains(failure.code())) {
      throw failure;
    }
    return new Step(failure.code().name(), failure.detail(), 0, null);
  }

  private static Outcome run(
      Engines engines, AdmittedModule admitted, Sample sample, String engine, Outcome earlier) {
    ModuleDigest digest = ModuleDigest.of(sample.module());
    List<Step> steps = new ArrayList<>();
    CompiledModule compiled;
    try {
      compiled = engines.engine(engine).compile(admitted);
    } catch (VudoException refused) {
      if (!REFUSALS.contains(refused.code())) {
        throw refused;
      }
      return new Outcome(List.of(failure(refused)), 0);
    }
    if (!isSpirit(admitted)) {
      compiled.close();
      return new Outcome(List.of(new Step(ErrorCode.MODULE_ABI_MISSING.name(), "", 0, null)), 0);
    }
    Deployment deployment =
        new Deployment(
            ID.type(),
            digest,
            engine,
            sample.limits(),
            Set.of(Capability.parse("unrestricted")),
            true,
            1,
            0);
    List<SpiritEvent> journal = new ArrayList<>();
    try (compiled;
        SpiritMachine machine = machine(compiled)) {
      machine.follow(deployment).ifPresent(journal::add);
      Message birth = Message.newBuilder().setId("birth").setKind(Message.Kind.SPAWN).build();
      steps.add(attempt(machine, birth, recorded(earlier, 0), journal));
      for (int i = 0; i < sample.payloads().size() && machine.born(); i++) {
        Message message =
            Message.newBuilder()
                .setId("message:" + i)
                .setType("count")
                .setPayload(ByteString.copyFrom(sample.payloads().get(i)))
                .build();
        steps.add(attempt(machine, message, recorded(earlier, i + 1), journal));
      }
      int state = state(machine);
      // What was recorded can be done again, and comes to the same.
      try (SpiritMachine again = machine(compiled)) {
        journal.forEach(again::replay);
        assertEquals(state, state(again), "the state after a replay on " + engine);
      }
      return new Outcome(steps, state);
    }
  }

  /** As deploying checks it. */
  private static boolean isSpirit(AdmittedModule module) {
    Map<String, FunctionType> functions = module.exportedFunctions();
    return module.exportsMemory()
        && SPIRIT.entrySet().stream().allMatch(e -> e.getValue().equals(functions.get(e.getKey())));
  }

  private static SpiritMachine machine(CompiledModule compiled) {
    return new SpiritMachine(
        ID, configured -> compiled, CLOCK, TurnLimits.DEFAULTS, 100, 100, 1 << 20);
  }

  private static List<Answer> recorded(Outcome earlier, int step) {
    if (earlier == null || step >= earlier.steps().size()) {
      return List.of();
    }
    Turn turn = earlier.steps().get(step).turn();
    return turn == null || turn.hasFailed() ? List.of() : turn.getAnswersList();
  }

  private static Step attempt(
      SpiritMachine machine, Message message, List<Answer> recorded, List<SpiritEvent> journal) {
    List<Answer> answers = recorded;
    for (int suspensions = 0; suspensions < MAX_SUSPENSIONS; suspensions++) {
      Attempt attempt;
      try {
        attempt = machine.attempt(message, answers);
      } catch (VudoException e) {
        // There is no instance: a segment does not fit, or memory.
        return failure(e);
      }
      if (attempt instanceof Attempt.Suspended waiting) {
        answers = new ArrayList<>(waiting.answers());
        answers.add(answer(suspensions, waiting.request()));
        continue;
      }
      Turn turn = ((Attempt.Finished) attempt).turn();
      journal.add(SpiritEvent.newBuilder().setTurn(turn).build());
      if (!turn.hasFailed()) {
        return new Step("", "", turn.getFuelUsed(), turn);
      }
      String code = turn.getFailed().getCode();
      String detail = turn.getFailed().getDetail();
      if (code.equals(ErrorCode.SPIRIT_INIT_FAILED.name())) {
        code = detail.substring(0, detail.indexOf(':'));
      }
      return checked(new Step(code, detail, turn.getFuelUsed(), turn));
    }
    return new Step("SUSPENDED", "", 0, null);
  }

  private static Step checked(Step step) {
    if (FAULTS.contains(ErrorCode.of(step.code()))) {
      fail(step.code() + ": " + step.detail());
    }
    return step;
  }

  private static Answer answer(int number, WaitRequest request) {
    Answer.Builder answer = Answer.newBuilder();
    if (request instanceof WaitRequest.Tuple tuple) {
      return answer.setTuple(tuple(number, tuple)).build();
    } else if (request instanceof WaitRequest.Reply) {
      return answer.setReply(reply(number)).build();
    } else if (request instanceof WaitRequest.Tuples) {
      // An empty array, or what the host says when it has none in time.
      return answer
          .setTuples(
              number % 2 == 0
                  ? TuplesAnswer.newBuilder()
                      .setTuples(ByteString.copyFrom(new byte[] {(byte) 0x90}))
                  : TuplesAnswer.newBuilder().setStatus(GuestStatus.TIMEOUT))
          .build();
    } else if (request instanceof WaitRequest.Count) {
      return answer.setCounted(number % 2 == 0 ? number : GuestStatus.TIMEOUT).build();
    } else if (request instanceof WaitRequest.Barrier) {
      return answer.setPassed(number % 2 == 0 ? number : GuestStatus.TIMEOUT).build();
    }
    return answer.setSlept(Slept.getDefaultInstance()).build();
  }

  /** What a Spirit might answer: nothing, something large, a failure, nothing in time. */
  private static Reply reply(int number) {
    Reply.Builder reply = Reply.newBuilder();
    return switch (number % 4) {
      case 0 -> reply.build();
      case 1 -> reply.setPayload(ByteString.copyFrom(new byte[100_000])).build();
      case 2 -> reply.setStatus(GuestStatus.FAILED).build();
      default -> reply.setStatus(GuestStatus.TIMEOUT).build();
    };
  }

  /** What a space might answer: nothing, a tuple, a large one. */
  private static TupleAnswer tuple(int number, WaitRequest.Tuple request) {
    TupleAnswer.Builder answer = TupleAnswer.newBuilder();
    switch (number % 4) {
      case 0 -> answer.setTuple(ByteString.copyFrom(new byte[] {(byte) 0x91, 1}));
      case 1 -> answer.setStatus(GuestStatus.NOT_FOUND);
      case 2 -> answer.setTuple(ByteString.copyFrom(new byte[100_000]));
      default -> answer.setStatus(GuestStatus.TIMEOUT);
    }
    return request.take() ? answer.setHold("hold" + number).build() : answer.build();
  }

  private static int state(SpiritMachine machine) {
    StateSnapshot snapshot = machine.snapshot(1);
    try {
      SpiritHeader header = SpiritHeader.parseFrom(snapshot.header());
      int hash = Long.hashCode(snapshot.memoryBytes());
      hash = 31 * hash + header.getGlobalsList().hashCode();
      hash = 31 * hash + header.getTablesList().hashCode();
      for (Map.Entry<Integer, byte[]> page : snapshot.pages().entrySet()) {
        hash = 31 * hash + page.getKey();
        hash = 31 * hash + Arrays.hashCode(page.getValue());
      }
      return hash;
    } catch (com.google.protobuf.InvalidProtocolBufferException e) {
      throw new IllegalStateException(e);
    }
  }

  // The neighbours

  /** A Spirit that counts, asked all the time on a thread of its own and between modules. */
  private static final class Neighbour implements AutoCloseable {
    private final CompiledModule compiled;
    private final SpiritMachine machine;
    private final AtomicBoolean ended = new AtomicBoolean();
    private final Thread thread;
    private volatile Throwable failure;
    private int answers;

    Neighbour(Engines engines, String engine) {
      byte[] counter = TestGuests.counter();
      compiled = engines.engine(engine).compile(engines.admit(counter, SpiritLimits.DEFAULTS));
      machine = neighbour(compiled, engine);
      thread = new GuestThread(this::askAllTheTime, "neighbour-" + engine);
      thread.start();
    }

    private void askAllTheTime() {
      try {
        while (!ended.get()) {
          askOnce();
          TimeUnit.MILLISECONDS.sleep(2);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (Throwable e) {
        failure = e;
      }
    }

    private synchronized void askOnce() {
      answers++;
      assertEquals(answers, count(machine, answers));
    }

    void ask() {
      if (failure != null) {
        throw new AssertionError("the neighbour", failure);
      }
      askOnce();
    }

    synchronized int answers() {
      return answers;
    }

    @Override
    public void close() {
      ended.set(true);
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      machine.close();
      compiled.close();
    }
  }
}
