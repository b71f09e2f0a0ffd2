package io.vudo.tuplespace.internal;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToLongFunction;

/**
 * A map of the newest entries, bounded in number and in bytes; the one that was put first goes
 * first.
 */
final class Recent<V> {
  private final Map<String, V> entries = new LinkedHashMap<>();
  private final int maxEntries;
  private final long maxBytes;
  private final ToLongFunction<V> bytesOf;
  private long bytes;

  Recent(int maxEntries, long maxBytes, ToLongFunction<V> bytesOf) {
    this.maxEntries = maxEntries;
    this.maxBytes = maxBytes;
    this.bytesOf = bytesOf;
  }

  Optional<V> get(String key) {
    return Optional.ofNullable(entries.get(key));
  }

  boolean contains(String key) {
    return entries.containsKey(key);
  }

  void put(String key, V value) {
    V before = entries.remove(key);
    bytes += bytesOf.applyAsLong(value) - (before == null ? 0 : bytesOf.applyAsLong(before));
    entries.put(key, value);
    var oldest = entries.entrySet().iterator();
    // The newest stays in any case: a caller that repeats at once has to be recognised.
    while (entries.size() > 1 && (entries.size() > maxEntries || bytes > maxBytes)) {
      bytes -= bytesOf.applyAsLong(oldest.next().getValue());
      oldest.remove();
    }
  }

  /** Oldest first. */
  Map<String, V> entries() {
    return entries;
  }
}
