package io.vudo.journal;

import io.vudo.protocol.VudoException;
import java.util.Optional;

/**
 * The modules that were deployed, in the shared database, so that code outlives every node's disk.
 * Durable when a call returns. Each call blocks for one question to the database. Thread-safe.
 */
public interface ModuleTable {
  /**
   * Keeps a module; one that is there already stays.
   *
   * @param digest the SHA-256 of the bytes in lower-case hexadecimal digits; the caller's promise
   * @throws VudoException {@code JOURNAL_UNAVAILABLE} if the database does not take it
   */
  void put(String digest, byte[] module);

  /**
   * The module of this digest. Who runs it compares the digest first.
   *
   * @throws VudoException {@code JOURNAL_UNAVAILABLE} if the database does not answer
   */
  Optional<byte[]> get(String digest);
}
