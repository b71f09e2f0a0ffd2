package io.vudo.embedded.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Blocks one behind the other, in pages that are added at the end of the guest's memory, so that
 * nothing of the guest's own is there. A freed block is used again when all behind it are free.
 */
final class BumpAllocator implements Allocator {
  /** Pages that lie together: from the first address to before the last. */
  private static final class Region {
    final long start;
    long end;

    Region(long start) {
      this.start = start;
      this.end = start;
    }
  }

  private final EmbeddedGuest guest;
  private final List<Region> regions = new ArrayList<>();
  private final TreeMap<Long, Integer> sizes = new TreeMap<>();

  BumpAllocator(EmbeddedGuest guest) {
    this.guest = guest;
  }

  @Override
  public int allocate(int size, int alignment) {
    for (Region region : regions) {
      long address = next(region, alignment);
      if (address + size <= region.end) {
        return take(address, size);
      }
    }
    long memory = guest.memoryBytes();
    Region last = regions.isEmpty() ? null : regions.get(regions.size() - 1);
    if (last == null || last.end != memory) {
      // The guest has grown its memory meanwhile; what lies there is its own.
      last = new Region(memory);
    }
    long address = next(last, alignment);
    grow(pages(address + size), size);
    last.end = guest.memoryBytes();
    if (!regions.contains(last)) {
      regions.add(last);
    }
    return take(address, size);
  }

  private int take(long address, int size) {
    sizes.put(address, size);
    return (int) address;
  }

  /** The first address behind all blocks of a region. */
  private long next(Region region, int alignment) {
    Map.Entry<Long, Integer> highest = sizes.lowerEntry(Math.max(region.end, region.start + 1));
    long free =
        highest == null || highest.getKey() < region.start
            ? region.start
            : highest.getKey() + highest.getValue();
    return (free + alignment - 1) & -alignment;
  }

  private static long pages(long bytes) {
    return (bytes + SpiritLimits.PAGE_BYTES - 1) / SpiritLimits.PAGE_BYTES;
  }

  private void grow(long pages, int size) {
    try {
      guest.growMemoryTo(pages * SpiritLimits.PAGE_BYTES);
    } catch (VudoException e) {
      throw new VudoException(
          ErrorCode.GUEST_OUT_OF_MEMORY, "No room for " + size + " bytes: " + e.detail(), e);
    }
  }

  @Override
  public void free(int address, int size, int alignment) {
    sizes.remove(Integer.toUnsignedLong(address));
  }

  @Override
  public boolean hostFrees() {
    return true;
  }

  @Override
  public boolean isExclusive() {
    return true;
  }
}
