package io.vudo.spirit.internal.turn;

import com.google.protobuf.ByteString;
import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.StoragePut;
import io.vudo.protocol.journal.v1.Turn;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The key-value store of a Spirit, a part of its state. It changes by the effects of completed
 * turns only, so that a turn which is run again finds in it what it found the first time.
 */
final class Storage {
  /** What an entry takes beside key and value, about. */
  private static final int ENTRY_BYTES = 64;

  private final SortedMap<String, ByteString> entries;
  private long bytes;

  Storage() {
    this(new TreeMap<>(), 0);
  }

  private Storage(SortedMap<String, ByteString> entries, long bytes) {
    this.entries = entries;
    this.bytes = bytes;
  }

  /** Another one with the same entries. */
  Storage copy() {
    return new Storage(new TreeMap<>(entries), bytes);
  }

  Optional<ByteString> get(String key) {
    return Optional.ofNullable(entries.get(key));
  }

  void put(String key, ByteString value) {
    delete(key);
    entries.put(key, value);
    bytes += entryBytes(key, value);
  }

  void delete(String key) {
    ByteString before = entries.remove(key);
    if (before != null) {
      bytes -= entryBytes(key, before);
    }
  }

  /** The bytes that there would be with this entry. */
  long bytesWith(String key, ByteString value) {
    ByteString before = entries.get(key);
    return bytes + entryBytes(key, value) - (before == null ? 0 : entryBytes(key, before));
  }

  private static long entryBytes(String key, ByteString value) {
    return ENTRY_BYTES + key.length() + (long) value.size();
  }

  /** Does what a completed turn did. */
  void apply(Turn turn) {
    for (Effect effect : turn.getEffectsList()) {
      if (effect.hasStoragePut()) {
        put(effect.getStoragePut().getKey(), effect.getStoragePut().getValue());
      } else if (effect.hasStorageDelete()) {
        delete(effect.getStorageDelete().getKey());
      }
    }
  }

  void writeTo(SpiritHeader.Builder header) {
    entries.forEach(
        (key, value) -> header.addStorage(StoragePut.newBuilder().setKey(key).setValue(value)));
  }

  static Storage readFrom(SpiritHeader header) {
    Storage storage = new Storage();
    header.getStorageList().forEach(entry -> storage.put(entry.getKey(), entry.getValue()));
    return storage;
  }
}
