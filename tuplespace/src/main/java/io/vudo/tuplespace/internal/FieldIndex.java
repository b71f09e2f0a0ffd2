package io.vudo.tuplespace.internal;

import java.util.HashMap;
import java.util.Map;

/**
 * Finds those that have the same values at some positions, in the order of their places.
 *
 * <p>Who writes tuples chooses their values and with them their hashes. So the keys have an order,
 * by which the table finds its way among those of one hash ({@link HashMap} makes a tree of them).
 */
final class FieldIndex<T extends Placed> {
  /**
   * Those of one key; it is the key of the table as well, which saves an object for each. It is not
   * generic: {@link HashMap} uses the order of a class that is comparable with just itself.
   */
  private static final class Bucket extends Run<Placed> implements Comparable<Bucket> {
    private final int[] positions;
    private final int hash;

    /** Where the values are; null for those of the first element. */
    private Fields key;

    Bucket(int[] positions, Fields key) {
      this.positions = positions;
      this.key = key;
      int mixed = 0;
      for (int position : positions) {
        mixed = (mixed ^ key.fieldAt(position).hashCode()) * 0x9E3779B1;
        mixed ^= mixed >>> 15;
      }
      this.hash = mixed;
    }

    private Fields fields() {
      return key == null ? first() : key;
    }

    @Override
    public boolean equals(Object other) {
      if (this == other) {
        return true;
      }
      if (!(other instanceof Bucket bucket) || hash != bucket.hash) {
        return false;
      }
      Fields own = fields();
      Fields others = bucket.fields();
      for (int position : positions) {
        if (!own.fieldAt(position).equals(others.fieldAt(position))) {
          return false;
        }
      }
      return true;
    }

    @Override
    public int hashCode() {
      return hash;
    }

    @Override
    public int compareTo(Bucket other) {
      Fields own = fields();
      Fields others = other.fields();
      for (int position : positions) {
        int order = KeyOrder.compare(own.fieldAt(position), others.fieldAt(position));
        if (order != 0) {
          return order;
        }
      }
      return 0;
    }
  }

  private final int[] positions;
  private final Map<Bucket, Bucket> buckets = new HashMap<>();

  /** By these positions, ascending. */
  FieldIndex(int... positions) {
    this.positions = positions;
  }

  int[] positions() {
    return positions;
  }

  boolean isEmpty() {
    return buckets.isEmpty();
  }

  /** Those of the same values; null when there are none. */
  Run<T> find(Fields values) {
    return elements(buckets.get(new Bucket(positions, values)));
  }

  void add(T added) {
    Bucket fresh = new Bucket(positions, added);
    Bucket before = buckets.putIfAbsent(fresh, fresh);
    if (before == null) {
      fresh.add(added);
      fresh.key = null;
    } else {
      before.add(added);
    }
  }

  /** Removes one; false when it is not in here. */
  boolean remove(T removed) {
    Bucket bucket = buckets.get(new Bucket(positions, removed));
    if (bucket == null) {
      return false;
    } else if (bucket.size() > 1) {
      return bucket.removeAt(removed.place()) != null;
    } else if (bucket.first().place() != removed.place()) {
      return false;
    }
    // What is empty goes, or every value that there ever was would leave a trace. It keeps its one
    // element, by which the table knows it.
    buckets.remove(bucket);
    return true;
  }

  @SuppressWarnings("unchecked") // Only such elements get in.
  private Run<T> elements(Bucket bucket) {
    return (Run<T>) (Run<?>) bucket;
  }
}
