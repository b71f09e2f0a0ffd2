package io.vudo.spirit.internal.actor;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Collection;
import java.util.Optional;

/**
 * Rendezvous hashing: of all nodes, a shard belongs to the one whose name, hashed together with the
 * shard's, gives the highest number. When a node comes or goes only the shards move that must.
 */
final class Rendezvous {
  private static final long FNV_OFFSET = 0xcbf29ce484222325L;
  private static final long FNV_PRIME = 0x100000001b3L;

  private Rendezvous() {}

  /** The node of a shard; empty when there are no nodes. */
  static Optional<String> home(String shard, Collection<String> nodes) {
    String best = null;
    long most = 0;
    for (String node : nodes) {
      long weight = hash(node + "/" + shard);
      int order = best == null ? 1 : Long.compareUnsigned(weight, most);
      if (order > 0 || (order == 0 && node.compareTo(best) < 0)) {
        best = node;
        most = weight;
      }
    }
    return Optional.ofNullable(best);
  }

  /** Names that are alike have hashes that are not. The same everywhere and for ever. */
  static long hash(String name) {
    long hash = FNV_OFFSET;
    for (byte one : name.getBytes(UTF_8)) {
      hash = (hash ^ (one & 0xff)) * FNV_PRIME;
    }
    // FNV alone leaves the high bits of short names alike; this is the end of MurmurHash3.
    hash ^= hash >>> 33;
    hash *= 0xff51afd7ed558ccdL;
    hash ^= hash >>> 33;
    hash *= 0xc4ceb9fe1a85ec53L;
    return hash ^ (hash >>> 33);
  }
}
