package io.vudo.tuplespace.internal;

import java.util.AbstractCollection;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * A collection in ascending order of place. Adding at the end and removing at the beginning cost
 * the same however many there are; adding and removing elsewhere, and starting to read from a
 * place, a binary search. It takes four to eight bytes for each of many, and nothing besides itself
 * for one.
 *
 * <p>The elements are kept in chunks, a B+ tree of two levels. It must not change while it is
 * iterated.
 */
class Run<T extends Placed> extends AbstractCollection<T> {
  private static final int CHUNK = 64;

  /** So long is the array of the first few, which stays when one is left: there may soon be two. */
  private static final int SMALL = 4;

  /** An array with a gap at both ends. */
  private static class Slots {
    Object[] items;
    int from;
    int to;

    Slots(int capacity) {
      items = new Object[capacity];
    }

    int size() {
      return to - from;
    }

    Object get(int index) {
      return items[from + index];
    }

    void insert(int index, Object item) {
      if (to == items.length) {
        makeRoom();
      }
      if (index == 0 && from > 0) {
        from--;
      } else {
        System.arraycopy(items, from + index, items, from + index + 1, size() - index);
        to++;
      }
      items[from + index] = item;
    }

    private void makeRoom() {
      int size = size();
      // So much is moved only after as much was taken from the front, or for a short array.
      boolean grow = from == 0 || (from < items.length / 4 && items.length > CHUNK);
      Object[] target = grow ? new Object[2 * items.length] : items;
      System.arraycopy(items, from, target, 0, size);
      if (!grow) {
        Arrays.fill(items, size, to, null);
      }
      items = target;
      from = 0;
      to = size;
    }

    Object remove(int index) {
      Object removed = items[from + index];
      if (index < size() / 2 || index == 0) {
        System.arraycopy(items, from, items, from + 1, index);
        items[from++] = null;
      } else {
        System.arraycopy(items, from + index + 1, items, from + index, size() - index - 1);
        items[--to] = null;
      }
      if (from == to) {
        from = 0;
        to = 0;
      }
      return removed;
    }

    /** Appends what stands from an index on to other slots. */
    void moveTo(Slots target, int index) {
      for (int i = index; i < size(); i++) {
        target.insert(target.size(), get(i));
      }
      Arrays.fill(items, from + index, to, null);
      to = from + index;
    }
  }

  private static final class Chunk extends Slots {
    /** At most the place of its first, and above all places of the chunks before it. */
    long least = Long.MIN_VALUE;

    Chunk(int capacity) {
      super(capacity);
    }

    long placeAt(int index) {
      return ((Placed) get(index)).place();
    }

    /** The index of the first at this place or after it. */
    int ceiling(long place) {
      int low = 0;
      int high = size();
      if (high == 0 || placeAt(0) >= place) {
        return 0;
      } else if (placeAt(high - 1) < place) {
        return high;
      }
      while (low < high) {
        int middle = (low + high) >>> 1;
        if (placeAt(middle) < place) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      return low;
    }
  }

  private static final class Chunks extends Slots {
    Chunks(Chunk first, Chunk second) {
      super(4);
      insert(0, first);
      insert(1, second);
    }

    Chunk chunk(int index) {
      return (Chunk) get(index);
    }

    /** The index of the chunk in which this place is, or would be. */
    int indexOf(long place) {
      int low = 0;
      int high = size() - 1;
      if (chunk(high).least <= place) {
        return high;
      } else if (chunk(1).least > place) {
        return 0;
      }
      while (low < high) {
        int middle = (low + high + 1) >>> 1;
        if (chunk(middle).least <= place) {
          low = middle;
        } else {
          high = middle - 1;
        }
      }
      return low;
    }
  }

  // Nothing, the only element, a chunk, or at least two chunks.
  private Object content;
  private int size;

  @Override
  public final int size() {
    return size;
  }

  /** The first, which there must be. */
  final T first() {
    if (content instanceof Chunks chunks) {
      return element(chunks.chunk(0).get(0));
    } else if (content instanceof Chunk chunk) {
      return element(chunk.get(0));
    }
    return element(content);
  }

  /** Adds one whose place nobody has. */
  @Override
  public final boolean add(T added) {
    if (content == null) {
      content = added;
    } else if (content instanceof Chunks chunks) {
      int index = chunks.indexOf(added.place());
      Chunk chunk = chunks.chunk(index);
      Chunk next = insert(chunk, added);
      if (next != null) {
        chunks.insert(index + 1, next);
      }
    } else {
      Chunk chunk;
      if (content instanceof Chunk only) {
        chunk = only;
      } else {
        chunk = new Chunk(SMALL);
        chunk.insert(0, content);
        content = chunk;
      }
      Chunk next = insert(chunk, added);
      if (next != null) {
        content = new Chunks(chunk, next);
      }
    }
    size++;
    return true;
  }

  /** Removes the one at this place; null when there is none. */
  final T removeAt(long place) {
    T removed;
    if (content instanceof Chunks chunks) {
      int index = chunks.indexOf(place);
      removed = removeFrom(chunks.chunk(index), place);
      if (removed != null) {
        tidy(chunks, index);
        if (chunks.size() == 1) {
          content = chunks.get(0);
        }
      }
    } else if (content instanceof Chunk chunk) {
      removed = removeFrom(chunk, place);
      if (chunk.size() == 0) {
        content = null;
      } else if (chunk.size() == 1 && chunk.items.length > SMALL) {
        content = chunk.get(0);
      }
    } else if (content != null && element(content).place() == place) {
      removed = element(content);
      content = null;
    } else {
      return null;
    }
    if (removed != null) {
      size--;
    }
    return removed;
  }

  /** The one at this place; null when there is none. */
  final T at(long place) {
    Chunk chunk;
    if (content instanceof Chunks chunks) {
      chunk = chunks.chunk(chunks.indexOf(place));
    } else if (content instanceof Chunk only) {
      chunk = only;
    } else {
      return content != null && element(content).place() == place ? element(content) : null;
    }
    int index = chunk.ceiling(place);
    return index < chunk.size() && chunk.placeAt(index) == place ? element(chunk.get(index)) : null;
  }

  @Override
  public final Iterator<T> iterator() {
    return iterator(Long.MIN_VALUE);
  }

  /** Those after this place, which need not be anybody's. */
  final Iterator<T> iterator(long after) {
    return new Iterator<>() {
      private int chunkIndex;
      private int index;
      private Chunk chunk;

      {
        if (content instanceof Chunks chunks) {
          chunkIndex = chunks.indexOf(after);
          chunk = chunks.chunk(chunkIndex);
        } else if (content instanceof Chunk only) {
          chunk = only;
        } else {
          chunk = new Chunk(1);
          if (content != null) {
            chunk.insert(0, content);
          }
        }
        index = after == Long.MIN_VALUE ? 0 : chunk.ceiling(after + 1);
        moveOn();
      }

      private void moveOn() {
        if (index == chunk.size()
            && content instanceof Chunks chunks
            && chunkIndex + 1 < chunks.size()) {
          chunk = chunks.chunk(++chunkIndex);
          index = 0;
        }
      }

      @Override
      public boolean hasNext() {
        return index < chunk.size();
      }

      @Override
      public T next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        T next = element(chunk.get(index++));
        moveOn();
        return next;
      }
    };
  }

  /** Puts one into a chunk; answers the chunk that is to follow it when it was full. */
  private static Chunk insert(Chunk chunk, Placed added) {
    int index = chunk.ceiling(added.place());
    chunk.insert(index, added);
    if (chunk.size() <= CHUNK) {
      return null;
    }
    // In a line that grows at its end, as most do, chunks stay full.
    int keep = index == CHUNK ? CHUNK : CHUNK / 2;
    Chunk next = new Chunk(CHUNK + 1);
    next.least = chunk.placeAt(keep);
    chunk.moveTo(next, keep);
    return next;
  }

  /** Closes the gaps that removals leave, so that many chunks of few do not stay. */
  private static void tidy(Chunks chunks, int index) {
    Chunk chunk = chunks.chunk(index);
    if (chunk.size() == 0) {
      chunks.remove(index);
    } else if (chunk.size() < CHUNK / 4) {
      if (index + 1 < chunks.size() && chunk.size() + chunks.chunk(index + 1).size() <= CHUNK / 2) {
        chunks.chunk(index + 1).moveTo(chunk, 0);
        chunks.remove(index + 1);
      } else if (index > 0 && chunk.size() + chunks.chunk(index - 1).size() <= CHUNK / 2) {
        chunk.moveTo(chunks.chunk(index - 1), 0);
        chunks.remove(index);
      }
    }
  }

  private T removeFrom(Chunk chunk, long place) {
    int index = chunk.ceiling(place);
    return index < chunk.size() && chunk.placeAt(index) == place
        ? element(chunk.remove(index))
        : null;
  }

  @SuppressWarnings("unchecked") // Only elements get in.
  private T element(Object item) {
    return (T) item;
  }
}
