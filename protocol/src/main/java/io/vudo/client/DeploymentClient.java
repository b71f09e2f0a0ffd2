package io.vudo.client;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.client.internal.Fields;
import io.vudo.client.internal.Pace;
import io.vudo.client.internal.Requests;
import io.vudo.protocol.Capability;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import java.io.FileNotFoundException;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.Collectors;

/**
 * The Spirit types of a cluster: what is deployed, deploying more, and another module under the
 * Spirits that live.
 *
 * <p>Each operation goes to one node after the other until one answers. A stage fails with a {@link
 * VudoException}, and the methods that wait throw it: with the codes of the module ({@code
 * MODULE_INVALID}, {@code MODULE_TOO_LARGE}, …, docs/http.md), {@code SPIRIT_TYPE_INVALID}, {@code
 * SPIRIT_TYPE_UNKNOWN}, {@code LIMIT_INVALID}, {@code REQUEST_INVALID}, {@code
 * JOURNAL_UNAVAILABLE}, {@code FORBIDDEN} for callers without the role {@code deploy}, {@code
 * NODE_UNREACHABLE}, {@code CALL_CANCELLED}.
 *
 * <p>Immutable, and safe to use from many threads.
 */
public final class DeploymentClient {
  private static final String ROOT = "/v1/deployments";

  /** As long as a node gives a deployment by default. */
  private static final Duration DEPLOY_TIME = Duration.ofMinutes(5);

  /**
   * A Spirit type.
   *
   * @param type its name
   * @param digest of the module that new Spirits run
   * @param engine that they run on
   * @param revision counts deployments of the whole cluster
   * @param deployedAt when, by the clock of the node that recorded it
   * @param durable whether turns are in the journal
   * @param remembered whether idle Spirits stay in memory
   * @param capabilities what they may
   * @param limits what they may use
   */
  public record Deployed(
      String type,
      ModuleDigest digest,
      String engine,
      long revision,
      Instant deployedAt,
      boolean durable,
      boolean remembered,
      Set<Capability> capabilities,
      SpiritLimits limits) {
    private static Deployed of(JsonNode answer) {
      Fields fields = new Fields(answer);
      Fields limits = fields.object("limits");
      try {
        return new Deployed(
            fields.text("type"),
            new ModuleDigest(fields.text("digest")),
            fields.text("engine"),
            fields.number("revision"),
            fields.time("deployedAt"),
            fields.flag("durable"),
            fields.flag("remembered"),
            fields.list("capabilities", one -> Capability.parse(one.asText())).stream()
                .collect(Collectors.toUnmodifiableSet()),
            new SpiritLimits(
                limits.number("fuelPerTurn"),
                limits.number("maxMemoryBytes"),
                limits.small("maxTableEntries"),
                limits.small("maxCallDepth"),
                limits.number("turnTimeoutMillis"),
                limits.small("maxMailbox"),
                limits.small("maxPayloadBytes")));
      } catch (VudoException | IllegalArgumentException e) {
        // Of a newer node, perhaps: a capability that this version does not know.
        throw Fields.noAnswer("deployment", e);
      }
    }
  }

  /**
   * What deploying led to.
   *
   * @param deployed what is deployed now
   * @param changed whether it was not so before. An answer that got lost is asked for again, so it
   *     may be false for the deployment that this call made
   */
  public record Outcome(Deployed deployed, boolean changed) {}

  /**
   * A module that took another's place.
   *
   * @param digest of the module that runs now
   * @param from that of the one before
   * @param revision of the deployment
   */
  public record Swapped(ModuleDigest digest, ModuleDigest from, long revision) {}

  private final Requests requests;

  DeploymentClient(Requests requests) {
    this.requests = requests;
  }

  /** All types, by name. */
  public CompletionStage<List<Deployed>> list() {
    return sendList();
  }

  /** As {@link #list}, and waits. */
  public List<Deployed> listAndWait() {
    return SpiritClient.await(sendList());
  }

  private CompletableFuture<List<Deployed>> sendList() {
    return requests.send(
        Requests.Request.get(ROOT),
        answer -> new Fields(answer.orElseThrow()).list("deployments", Deployed::of));
  }

  /** One type; fails with {@code SPIRIT_TYPE_UNKNOWN} when it is not deployed. */
  public CompletionStage<Deployed> show(String type) {
    try {
      return sendShow(type);
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** As {@link #show}, and waits. */
  public Deployed showAndWait(String type) {
    return SpiritClient.await(sendShow(type));
  }

  private CompletableFuture<Deployed> sendShow(String type) {
    return requests.send(
        Requests.Request.get(path(type)), answer -> Deployed.of(answer.orElseThrow()));
  }

  /**
   * Deploys a module; it is durable when the stage completes. Deploying the same once more changes
   * nothing.
   *
   * @param type the type's name
   * @param module compiled WebAssembly
   */
  public CompletionStage<Outcome> deploy(String type, byte[] module, DeploymentOptions options) {
    return deployed(type, bytes(module), options);
  }

  /** The same with a file; {@code REQUEST_INVALID} when it is not there. */
  public CompletionStage<Outcome> deploy(String type, Path module, DeploymentOptions options) {
    try {
      return deployed(type, file(module), options);
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** As {@link #deploy(String, byte[], DeploymentOptions)}, and waits. */
  public Outcome deployAndWait(String type, byte[] module, DeploymentOptions options) {
    return SpiritClient.await(sendDeploy(type, bytes(module), options));
  }

  /** As {@link #deploy(String, Path, DeploymentOptions)}, and waits. */
  public Outcome deployAndWait(String type, Path module, DeploymentOptions options) {
    return SpiritClient.await(sendDeploy(type, file(module), options));
  }

  private CompletionStage<Outcome> deployed(
      String type, BodyPublisher module, DeploymentOptions options) {
    try {
      return sendDeploy(type, module, options);
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private CompletableFuture<Outcome> sendDeploy(
      String type, BodyPublisher module, DeploymentOptions options) {
    SpiritId.checkDeployable(type);
    return requests.send(
        module(path(type) + options.query(), module, true),
        answer -> {
          JsonNode told = answer.orElseThrow();
          return new Outcome(Deployed.of(told), new Fields(told).flag("changed"));
        });
  }

  /**
   * Puts another module under all Spirits of a type, those that live included; it is durable when
   * the stage completes. Before, the last turns of some of them run on it, beside the living ones.
   * When one ends otherwise, or a state could not go over, nothing is changed: {@code
   * SWAP_DIFFERENCES}, {@code SWAP_INCOMPATIBLE}, {@code SWAP_FAILED}. Others of HTTP's ways to
   * swap are those of {@code vudo swap}.
   *
   * <p>It is not sent again after a connection was lost: {@code NODE_UNREACHABLE} says that it may
   * have been done, and {@link #show} tells.
   *
   * @param module compiled WebAssembly
   */
  public CompletionStage<Swapped> swap(String type, byte[] module) {
    try {
      return sendSwap(type, "", bytes(module));
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** As {@link #swap}, and waits. */
  public Swapped swapAndWait(String type, byte[] module) {
    return SpiritClient.await(sendSwap(type, "", bytes(module)));
  }

  /**
   * Goes back to the module before the last swap, by the same rules; {@code SWAP_NO_PREVIOUS} when
   * there is none.
   */
  public CompletionStage<Swapped> rollback(String type) {
    try {
      return sendSwap(type, "?rollback=true", BodyPublishers.noBody());
    } catch (VudoException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** As {@link #rollback}, and waits. */
  public Swapped rollbackAndWait(String type) {
    return SpiritClient.await(sendSwap(type, "?rollback=true", BodyPublishers.noBody()));
  }

  private CompletableFuture<Swapped> sendSwap(String type, String query, BodyPublisher module) {
    return requests.send(
        module(path(type) + "/swap" + query, module, false),
        answer -> {
          Fields fields = new Fields(answer.orElseThrow());
          return new Swapped(
              new ModuleDigest(fields.text("digest")),
              new ModuleDigest(fields.text("from")),
              fields.number("revision"));
        });
  }

  private static Requests.Request module(String path, BodyPublisher module, boolean repeatable) {
    return new Requests.Request(
        path,
        "application/wasm",
        module,
        Map.of(),
        "",
        Optional.empty(),
        repeatable,
        new Pace.OneRound(DEPLOY_TIME));
  }

  /** As they are now: they may be sent again later. */
  private static BodyPublisher bytes(byte[] module) {
    return BodyPublishers.ofByteArray(module.clone());
  }

  private static BodyPublisher file(Path module) {
    try {
      return BodyPublishers.ofFile(module);
    } catch (FileNotFoundException e) {
      throw new VudoException(ErrorCode.REQUEST_INVALID, "There is no file " + module + ".", e);
    }
  }

  private static String path(String type) {
    return ROOT + "/" + SpiritId.checkType(type);
  }
}
