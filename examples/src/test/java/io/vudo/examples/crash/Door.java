package io.vudo.examples.crash;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.VudoException;

/**
 * What callers ask: a node, or a cluster of them.
 *
 * <p>A request that is refused fails with its code; one that nobody answers with {@code
 * NODE_UNREACHABLE}: it was done or not.
 */
public interface Door {
  /**
   * Deploys a module.
   *
   * @param query as {@code fuel=1000&grant=actuator_log}
   */
  JsonNode deploy(String type, byte[] module, String query) throws VudoException;

  /** Asks; an empty {@code key} is none. */
  byte[] askBytes(String spirit, String type, byte[] payload, String key) throws VudoException;

  /** The same with texts. */
  default String ask(String spirit, String type, String payload, String key) throws VudoException {
    return new String(askBytes(spirit, type, payload.getBytes(UTF_8), key), UTF_8);
  }

  /** An operation of a space; answers its JSON, or nothing. */
  String space(String space, String operation, String body, String key) throws VudoException;

  /** What is at a path of the gateway. */
  JsonNode get(String path) throws VudoException;

  /** Waits until somebody may answer, a second at most. */
  void awaitServing();
}
