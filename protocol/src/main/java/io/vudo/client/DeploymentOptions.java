package io.vudo.client;

import io.vudo.protocol.Capability;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.StringJoiner;

/**
 * How a Spirit type is deployed. What is not said is the node's default, {@code vudo.limits}; the
 * node checks what is said, and refuses with {@code LIMIT_INVALID}, {@code CONFIG_INVALID} or
 * {@code REQUEST_INVALID}.
 *
 * <p>Immutable.
 */
public final class DeploymentOptions {
  /** Nothing but the node's defaults, and no capability. */
  public static final DeploymentOptions DEFAULT = new DeploymentOptions(Map.of(), Set.of());

  /** What is done when a turn fails; docs/guests.md. */
  public enum OnFailure {
    /** The message is tried again after a pause; the others wait meanwhile. Then it is given up. */
    RESTART,
    /** The message is given up at once, and the Spirit goes on with the next. */
    RESUME,
    /** The message is given up, and the Spirit takes no more until it is restarted. */
    STOP,
    /** As {@link #STOP}, and the Spirit that spawned it is told. */
    ESCALATE
  }

  private final Map<String, String> parameters;
  private final Set<Capability> capabilities;

  private DeploymentOptions(Map<String, String> parameters, Set<Capability> capabilities) {
    this.parameters = parameters;
    this.capabilities = capabilities;
  }

  private DeploymentOptions with(String name, Object value) {
    Map<String, String> all = new LinkedHashMap<>(parameters);
    all.put(name, value.toString());
    return new DeploymentOptions(all, capabilities);
  }

  private DeploymentOptions with(String name, boolean on) {
    return with(name, on ? "on" : "off");
  }

  private DeploymentOptions with(String name, Duration time) {
    return with(name, time.toMillis() + "ms");
  }

  /** Also allows this. */
  public DeploymentOptions grant(Capability capability) {
    Set<Capability> all = new LinkedHashSet<>(capabilities);
    all.add(Objects.requireNonNull(capability));
    return new DeploymentOptions(parameters, all);
  }

  /** Runs on this engine: {@code wasmtime} or {@code jvm}. */
  public DeploymentOptions engine(String engine) {
    return with("engine", Objects.requireNonNull(engine));
  }

  /** Fuel units a turn may burn; one is about one Wasm instruction. */
  public DeploymentOptions fuelPerTurn(long fuel) {
    return with("fuel", fuel);
  }

  /** Bytes of linear memory, a multiple of 64 KiB. */
  public DeploymentOptions maxMemoryBytes(long bytes) {
    return with("memory", bytes);
  }

  /** Nested calls of the guest. */
  public DeploymentOptions maxCallDepth(int calls) {
    return with("call-depth", calls);
  }

  /** How long one attempt at a turn may run. */
  public DeploymentOptions turnTimeout(Duration timeout) {
    return with("turn-timeout", timeout);
  }

  /** How many messages may wait for one Spirit. */
  public DeploymentOptions maxMailbox(int messages) {
    return with("mailbox", messages);
  }

  /** Bytes of one message, and of one reply. */
  public DeploymentOptions maxPayloadBytes(int bytes) {
    return with("payload", bytes);
  }

  /** Whether turns are in the journal; they are by default. */
  public DeploymentOptions durable(boolean durable) {
    return with("durability", durable);
  }

  /** Whether idle Spirits stay in memory, and come back after a restart without a message. */
  public DeploymentOptions remembered(boolean remembered) {
    return with("remember", remembered);
  }

  /** What is done when a turn fails. */
  public DeploymentOptions onFailure(OnFailure what) {
    return with("on-failure", what.name().toLowerCase(Locale.ROOT));
  }

  /** How often a message that nobody waits for is tried again. */
  public DeploymentOptions maxRestarts(int restarts) {
    return with("max-restarts", restarts);
  }

  /** In which time more than ten messages given up halt the Spirit. */
  public DeploymentOptions restartWindow(Duration window) {
    return with("restart-window", window);
  }

  /** As it stands in the address, with its question mark; empty for nothing. */
  String query() {
    StringJoiner query = new StringJoiner("&", "?", "").setEmptyValue("");
    capabilities.forEach(capability -> query.add("grant=" + encoded(capability.toString())));
    parameters.forEach((name, value) -> query.add(name + "=" + encoded(value)));
    return query.toString();
  }

  private static String encoded(String value) {
    return URLEncoder.encode(value, StandardCharsets.UTF_8);
  }

  @Override
  public String toString() {
    return capabilities + " " + parameters;
  }
}
