package io.vudo.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.client.internal.Pace;
import io.vudo.client.internal.Requests;
import io.vudo.ghost.Ghost;
import io.vudo.ghost.GhostJson;
import io.vudo.ghost.GhostResult;
import io.vudo.ghost.GhostResult.State;
import io.vudo.ghost.GhostResult.StepResult;
import io.vudo.ghost.GhostValue;
import io.vudo.ghost.Step;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.Collectors;

/**
 * A {@link Ghost} over Spirits of the cluster, from outside of it.
 *
 * <pre>{@code
 * GhostClient price =
 *     client.ghost(
 *         Ghost.load(Path.of("price.toml")),
 *         Map.of("calc", SpiritId.parse("calc/a"), "tax", SpiritId.parse("tax/de")));
 * Object total = price.runAndWait(3).value();
 * }</pre>
 *
 * <p>The cluster runs it, durably: once it has begun it comes to its end without this client, and
 * each step is handled once, whatever dies meanwhile. A call is tried until it has heard of the end
 * or its deadline is over, at one node after the other and under one key, and so is one run.
 *
 * <p>A Ghost that failed is no failure of the call: {@link GhostResult} tells of it. A stage fails,
 * and the method that waits throws, with {@link VudoException}:
 *
 * <ul>
 *   <li>{@code ARGUMENT_INVALID}, {@code GHOST_INVALID}, {@code GHOST_TOO_LARGE}, {@code
 *       REQUEST_INVALID}: it was not begun;
 *   <li>{@code ASK_TIMEOUT}: the deadline is over, and it may run on; call again under the same
 *       {@linkplain #withKey key} to hear of its end;
 *   <li>{@code GHOST_RUN_MISMATCH}: something else was run under the key;
 *   <li>{@code OUTCOME_FORGOTTEN}: it may have run, too long ago;
 *   <li>{@code GHOSTS_FULL}, {@code SPIRIT_UNAVAILABLE}, {@code JOURNAL_UNAVAILABLE}, {@code
 *       NODE_UNREACHABLE}, {@code CALL_CANCELLED} as for calls to Spirits.
 * </ul>
 *
 * <p>Immutable, and safe to use from many threads.
 */
public final class GhostClient {
  private final Requests requests;
  private final RetryPolicy retry;
  private final Ghost ghost;
  private final Map<String, SpiritId> members;
  private final Duration beyond;
  private final Optional<Duration> deadline;
  private final Optional<String> key;
  private final Optional<Instant> firstSent;

  GhostClient(
      Requests requests,
      RetryPolicy retry,
      Ghost ghost,
      Map<String, SpiritId> members,
      Duration beyond) {
    this(
        requests,
        retry,
        ghost,
        Map.copyOf(members),
        beyond,
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
    Set<String> wanted =
        ghost.steps().stream().map(Step::member).collect(Collectors.toCollection(TreeSet::new));
    if (!wanted.equals(members.keySet())) {
      throw new VudoException(
          ErrorCode.REQUEST_INVALID,
          ghost
              + " has the members "
              + String.join(", ", wanted)
              + "; got "
              + String.join(", ", new TreeSet<>(members.keySet()))
              + ".");
    }
  }

  private GhostClient(
      Requests requests,
      RetryPolicy retry,
      Ghost ghost,
      Map<String, SpiritId> members,
      Duration beyond,
      Optional<Duration> deadline,
      Optional<String> key,
      Optional<Instant> firstSent) {
    this.requests = requests;
    this.retry = retry;
    this.ghost = ghost;
    this.members = members;
    this.beyond = beyond;
    this.deadline = deadline;
    this.key = key;
    this.firstSent = firstSent;
  }

  /** What it runs. */
  public Ghost ghost() {
    return ghost;
  }

  /**
   * The same with another deadline for calls; without this it is the Ghost's own time and then that
   * of the client. The Ghost does not end by it.
   *
   * @param within at least 1 ms and at most 365 days
   * @throws VudoException {@code REQUEST_INVALID}
   */
  public GhostClient within(Duration within) {
    return new GhostClient(
        requests,
        retry,
        ghost,
        members,
        beyond,
        Optional.of(Message.checkDeadline(within)),
        key,
        firstSent);
  }

  /**
   * The same under a key of the caller's: all calls with it are one run, also those of a caller
   * that has started again. How it ended is kept for {@code vudo.ghost.retention}; a call that
   * comes later than that, and does not say {@linkplain #withKey(String, Instant) since when} it
   * repeats, is another run.
   *
   * @param runKey 1 to 128 visible ASCII characters, and no spaces
   */
  public GhostClient withKey(String runKey) {
    return new GhostClient(
        requests, retry, ghost, members, beyond, deadline, Optional.of(runKey), Optional.empty());
  }

  /**
   * The same under a key that another call may have used before. When nothing is known of it, and
   * the first call is longer ago than results are kept, the call fails with {@code
   * OUTCOME_FORGOTTEN} and nothing is run.
   *
   * @param since when the first call was made, or earlier, by this machine's clock
   */
  public GhostClient withKey(String runKey, Instant since) {
    return new GhostClient(
        requests, retry, ghost, members, beyond, deadline, Optional.of(runKey), Optional.of(since));
  }

  /**
   * Runs it.
   *
   * @param inputs one value for each input, which may be narrower than its type
   * @return how it ended
   */
  public CompletionStage<GhostResult> run(Object... inputs) {
    try {
      return send(inputs);
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /**
   * Runs it and waits for its end.
   *
   * @param inputs one value for each input, which may be narrower than its type
   * @throws VudoException as the stage of {@link #run} fails
   */
  public GhostResult runAndWait(Object... inputs) {
    return SpiritClient.await(send(inputs));
  }

  private CompletableFuture<GhostResult> send(Object... inputs) {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    body.set("ghost", GhostJson.tree(GhostJson.write(ghost)));
    ObjectNode bound = body.putObject("members");
    new TreeMap<>(members).forEach((name, spirit) -> bound.put(name, spirit.toString()));
    body.set("inputs", GhostJson.writeInputs(ghost, ghost.accept(inputs)));
    return requests.send(
        new Requests.Request(
            "/v1/ghosts/run",
            "application/json",
            BodyPublishers.ofString(body.toString()),
            Map.of(),
            key.orElseGet(() -> UUID.randomUUID().toString()),
            firstSent,
            true,
            new Pace.Until(deadline.orElseGet(() -> ghost.timeout().plus(beyond)), retry)),
        answer -> result(answer.orElseThrow()));
  }

  // What was answered

  private GhostResult result(JsonNode answer) {
    if (answer.path("state").asText().equals("RUNNING")) {
      // Tried again: it is heard of under the same key.
      throw new VudoException(
          ErrorCode.ASK_TIMEOUT, "The run " + answer.path("run").asText() + " goes on.");
    }
    Map<String, JsonNode> told = new HashMap<>();
    answer.path("steps").forEach(step -> told.put(step.path("step").asText(), step));
    List<StepResult> steps = new ArrayList<>();
    for (Step step : ghost.steps()) {
      JsonNode one = told.get(step.name());
      if (one == null) {
        throw new NoSuchElementException(step.name());
      }
      steps.add(result(step, one));
    }
    return new GhostResult(ghost, steps, failure(answer).orElse(null));
  }

  private static StepResult result(Step step, JsonNode told) {
    State state =
        switch (told.path("state").asText()) {
          case "DONE" -> State.DONE;
          case "FAILED" -> State.FAILED;
          case "SKIPPED" -> State.SKIPPED;
          default -> throw new NoSuchElementException(told.path("state").asText());
        };
    return new StepResult(step, state, value(step, told), failure(told));
  }

  private static Object value(Step step, JsonNode told) {
    if (told.has("valueBase64")) {
      try {
        return told.path("valueBase64").binaryValue();
      } catch (IOException e) {
        throw new VudoException(
            ErrorCode.NODE_UNREACHABLE, "The node answered what is no Base64.", e);
      }
    }
    JsonNode value = told.path("value");
    if (value.isMissingNode() || value.isNull()) {
      return null;
    }
    return step.result()
        .map(type -> GhostValue.read(type, value).orElseThrow())
        .orElseGet(() -> GhostValue.natural(value));
  }

  private static Optional<VudoException> failure(JsonNode of) {
    JsonNode failure = of.path("failure");
    return failure.isMissingNode()
        ? Optional.empty()
        : Optional.of(
            new VudoException(
                ErrorCode.of(failure.path("code").asText()), failure.path("detail").asText()));
  }

  @Override
  public String toString() {
    return ghost + " over " + new TreeMap<>(members);
  }
}
