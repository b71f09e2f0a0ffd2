package io.vudo.spirit.internal.turn;

import com.google.protobuf.ByteString;
import io.vudo.protocol.Capability.Kind;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Reply;
import io.vudo.protocol.journal.v1.TupleAnswer;
import io.vudo.protocol.journal.v1.TuplesAnswer;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.HostFunction;
import io.vudo.spirit.ProgramExit;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A program that runs once, without a node: clock, randomness and output are those of this process,
 * nothing is recorded, and whatever needs other Spirits or tuples is denied.
 */
public final class ProgramContext implements HostContext {
  private static final SpiritId SELF = SpiritId.parse("run/local");
  private static final List<String> LEVELS = List.of("trace", "debug", "info", "warn", "error");
  private static final Grants GRANTS =
      Grants.of(
          Stream.of(Kind.SENSOR_TIME, Kind.SENSOR_RANDOM, Kind.ACTUATOR_LOG)
              .map(Kind::text)
              .toList());

  private final SecureRandom random = new SecureRandom();
  private final Clock clock = Clock.systemUTC();
  private final SpiritLimits limits;
  private final long deadlineNanos;
  private final List<String> arguments;
  private final List<String> environment;
  private final PrintStream out;
  private final PrintStream err;

  /** See {@link io.vudo.spirit.ProgramHost}. */
  public ProgramContext(
      SpiritLimits limits,
      long deadlineNanos,
      List<String> arguments,
      List<String> environment,
      PrintStream out,
      PrintStream err) {
    this.limits = limits;
    this.deadlineNanos = deadlineNanos;
    this.arguments = List.copyOf(arguments);
    this.environment = List.copyOf(environment);
    this.out = out;
    this.err = err;
  }

  /** The function behind an import that admission has let pass. */
  public HostFunction bind(AdmittedModule.Import wanted) {
    return HostFunctions.bind(wanted, () -> this);
  }

  @Override
  public SpiritId self() {
    return SELF;
  }

  @Override
  public Message input() {
    return Message.getDefaultInstance();
  }

  @Override
  public String parent() {
    return "";
  }

  @Override
  public Grants grants() {
    return GRANTS;
  }

  @Override
  public SpiritLimits limits() {
    return limits;
  }

  @Override
  public long deadlineNanos() {
    return deadlineNanos;
  }

  @Override
  public int maxLogLineBytes() {
    return TurnLimits.DEFAULTS.maxLogLineBytes();
  }

  @Override
  public long nowNanos() {
    Instant now = clock.instant();
    return Math.addExact(Math.multiplyExact(now.getEpochSecond(), 1_000_000_000L), now.getNano());
  }

  @Override
  public long monotonicNanos() {
    return System.nanoTime();
  }

  @Override
  public byte[] random(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  @Override
  public TupleAnswer tuple(WaitRequest.Tuple request) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public TuplesAnswer tuples(WaitRequest.Tuples request) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public long count(WaitRequest.Count request) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public int barrier(WaitRequest.Barrier request) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public Reply ask(WaitRequest.Reply request) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public Reply process(WaitRequest.Named request) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public long processMillis() {
    return TurnLimits.DEFAULTS.processMillis();
  }

  @Override
  public void sleep(WaitRequest.Sleep request) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public long maxWaitMillis() {
    return TurnLimits.DEFAULTS.maxWaitMillis();
  }

  @Override
  public void send(SpiritId to, String type, byte[] payload, Message.Kind kind) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public void writeTuple(String space, byte[] tuple, long ttlMillis) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public void confirmTake(String space, String hold) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public String nextLease(Tuple tuple) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public void renewLease(String space, String lease, long ttlMillis) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public void endLease(String space, String lease) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public void watchTuples(String space, String name, Template template) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public void unwatchTuples(String space, String name) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public long startTimer(
      String name, long delayMillis, long periodMillis, SpiritId to, String type, byte[] payload) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public boolean cancelTimer(long number) {
    return false;
  }

  @Override
  public boolean cancelReminder(String name) {
    return false;
  }

  @Override
  public Optional<ByteString> stored(String key) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public boolean store(String key, ByteString value) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public void delete(String key) {
    throw GuestStatus.CAPABILITY_DENIED;
  }

  @Override
  public void log(int level, byte[] text, int originalLength) {
    err.println(
        "["
            + LEVELS.get(level)
            + "] "
            + new String(text, StandardCharsets.UTF_8)
            + (originalLength > text.length ? "…" : ""));
  }

  @Override
  public List<String> arguments() {
    return arguments;
  }

  @Override
  public List<String> environment() {
    return environment;
  }

  @Override
  public void write(StandardStream stream, byte[] bytes) {
    PrintStream to = stream == StandardStream.STDOUT ? out : err;
    to.write(bytes, 0, bytes.length);
    // Also flushes. A reader that has gone away ends most programs by this.
    if (to.checkError()) {
      throw WasiPreview1.PIPE;
    }
  }

  @Override
  public RuntimeException exit(int code) {
    return new ProgramExit(code);
  }
}
