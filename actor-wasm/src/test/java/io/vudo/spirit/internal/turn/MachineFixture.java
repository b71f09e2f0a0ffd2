package io.vudo.spirit.internal.turn;

import com.google.protobuf.ByteString;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.Swapped;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.spirit.Deployment;
import io.vudo.spirit.Engines;
import io.vudo.spirit.internal.wasm.LayoutComparison;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Drives a {@link SpiritMachine} as its actor would, and keeps what it journals. */
final class MachineFixture implements AutoCloseable {
  static final SpiritId ID = SpiritId.parse("test/one");

  static final int MAX_SAVED_BYTES = 1000;

  static final int MAX_KEYS = 100;

  private static final Engines ENGINES = Engines.withDefaults();

  final List<SpiritEvent> journal = new ArrayList<>();
  private final Map<ModuleDigest, byte[]> modules = new HashMap<>();
  private final Deployment deployment;
  private SpiritMachine machine;
  private int messages;
  private int hashEveryTurns;

  MachineFixture(byte[] module, SpiritLimits limits, String... capabilities) {
    this("wasmtime", module, limits, capabilities);
  }

  MachineFixture(String engine, byte[] module, SpiritLimits limits, String... capabilities) {
    this.modules.put(ModuleDigest.of(module), module);
    this.deployment =
        new Deployment(
            ID.type(),
            ModuleDigest.of(module),
            engine,
            limits,
            Stream.of(capabilities).map(Capability::parse).collect(Collectors.toSet()),
            true,
            1,
            0);
    this.machine = fresh();
  }

  MachineFixture(byte[] module) {
    this(module, SpiritLimits.DEFAULTS);
  }

  /** From the next machine on, the records of every so many turns carry a hash of the state. */
  MachineFixture hashingEvery(int turns) {
    hashEveryTurns = turns;
    machine.close();
    machine = recovered();
    return this;
  }

  /** Deploys another module to which the Spirit is to go over. */
  Deployment deployed(byte[] other) {
    modules.put(ModuleDigest.of(other), other);
    return new Deployment(
        ID.type(),
        ModuleDigest.of(other),
        deployment.engine(),
        deployment.limits(),
        deployment.capabilities(),
        true,
        modules.size(),
        0);
  }

  /** Takes the Spirit over to another module, as its actor does. */
  Swapped swap(byte[] other) {
    byte[] before =
        modules.get(new ModuleDigest(machine.configured().orElseThrow().getModuleDigest()));
    SpiritEvent event =
        machine.swap(deployed(other), LayoutComparison.of(before, other), MAX_SAVED_BYTES);
    journal.add(event);
    return event.getSwapped();
  }

  SpiritMachine machine() {
    return machine;
  }

  /** A machine that knows nothing yet, for the same Spirit. */
  SpiritMachine fresh() {
    return new SpiritMachine(
        ID,
        configured ->
            ENGINES.load(
                new ModuleDigest(configured.getModuleDigest()),
                modules::get,
                configured.getEngine(),
                Configurations.limits(configured)),
        Clock.systemUTC(),
        TurnLimits.DEFAULTS,
        100,
        MAX_KEYS,
        1 << 20,
        hashEveryTurns);
  }

  /** What a restart does: nothing but the journal is left. */
  SpiritMachine recovered() {
    SpiritMachine next = fresh();
    journal.forEach(next::replay);
    return next;
  }

  /** Throws the machine away and recovers it from the journal. */
  void restart() {
    machine.close();
    machine = recovered();
  }

  Turn send(String type, byte[] payload) {
    return send(
        Message.newBuilder()
            .setId("call:" + messages++)
            .setType(type)
            .setPayload(ByteString.copyFrom(payload))
            .build());
  }

  /** Handles a message that does not suspend, with the birth before it. */
  Turn send(Message message) {
    return ((Attempt.Finished) attempt(message, List.of())).turn();
  }

  Attempt attempt(Message message, List<Answer> answers) {
    machine.follow(deployment).ifPresent(journal::add);
    if (!machine.born()) {
      Attempt birth =
          keep(
              machine.attempt(
                  Message.newBuilder()
                      .setId(message.getId() + "#birth")
                      .setKind(Message.Kind.SPAWN)
                      .build(),
                  List.of()));
      if (((Attempt.Finished) birth).turn().hasFailed()) {
        return birth;
      }
    }
    return keep(machine.attempt(message, answers));
  }

  private Attempt keep(Attempt attempt) {
    if (attempt instanceof Attempt.Finished finished) {
      journal.add(SpiritEvent.newBuilder().setTurn(finished.turn()).build());
    }
    return attempt;
  }

  /** The eight bytes that the test guests reply. */
  static long number(Turn turn) {
    if (turn.hasFailed()) {
      throw new AssertionError(turn.getFailed());
    }
    return ByteBuffer.wrap(turn.getCompleted().getReply().toByteArray())
        .order(ByteOrder.LITTLE_ENDIAN)
        .getLong();
  }

  static byte[] nothing() {
    return new byte[0];
  }

  @Override
  public void close() {
    machine.close();
  }
}
