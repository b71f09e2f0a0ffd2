package io.vudo.embedded.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The blocks that the host keeps in a guest's memory: which there are, so that one is not freed
 * twice and none is taken for another. Used by who has the guest's turn.
 */
public final class Heap {
  /** What every block has at least, as 64-bit numbers want it. */
  public static final int ALIGNMENT = 8;

  private static final int MOST_ALIGNMENT = 1 << 16;

  /** A block. */
  public static final class Block {
    private final int address;
    private final int size;

    /** What the allocator answered, and what it was asked for. */
    private final int raw;

    private final int rawSize;
    private final int alignment;

    /** The call in or after which it was made. */
    private final long turn;

    /** Blocks that are freed with it. */
    private final List<Block> owned = new ArrayList<>();

    private Block(int address, int size, int raw, int rawSize, int alignment, long turn) {
      this.address = address;
      this.size = size;
      this.raw = raw;
      this.rawSize = rawSize;
      this.alignment = alignment;
      this.turn = turn;
    }

    /** Where it begins. */
    public int address() {
      return address;
    }

    private boolean has(int pointer) {
      return pointer >= address && pointer - address < size;
    }
  }

  private final EmbeddedGuest guest;
  private final Allocator allocator;
  private final TreeMap<Integer, Block> blocks = new TreeMap<>();
  private final List<Block> answers = new ArrayList<>();

  /** Of the guest's own allocator if it exports one, else in pages of its own. */
  public Heap(EmbeddedGuest guest) {
    this.guest = guest;
    this.allocator = GuestAllocator.of(guest).orElseGet(() -> new BumpAllocator(guest));
  }

  /**
   * A block.
   *
   * @throws VudoException {@code ARGUMENT_INVALID}, {@code GUEST_OUT_OF_MEMORY}; what the guest's
   *     allocator failed with
   */
  public Block allocate(int size, int alignment) {
    if (size < 0) {
      throw new VudoException(ErrorCode.ARGUMENT_INVALID, "A size of " + size + " bytes.");
    }
    if (Integer.bitCount(alignment) != 1 || alignment < 1 || alignment > MOST_ALIGNMENT) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID,
          "An alignment of " + alignment + "; it is a power of two up to " + MOST_ALIGNMENT + ".");
    }
    if (guest.module().memory().isEmpty()) {
      throw new VudoException(ErrorCode.GUEST_OUT_OF_MEMORY, "The module has no memory at all.");
    }
    int wanted = Math.max(1, size);
    int raw = allocator.allocate(wanted, alignment);
    int rawSize = wanted;
    if ((raw & (alignment - 1)) != 0) {
      allocator.free(raw, wanted, alignment);
      rawSize = larger(wanted, alignment);
      raw = allocator.allocate(rawSize, alignment);
    }
    int address = (raw + alignment - 1) & -alignment;
    refuseShared(address, wanted);
    Block block = new Block(address, wanted, raw, rawSize, alignment, guest.turn());
    blocks.put(address, block);
    return block;
  }

  private static int larger(int size, int alignment) {
    long larger = (long) size + alignment - 1;
    if (larger > Integer.MAX_VALUE) {
      throw new VudoException(ErrorCode.GUEST_OUT_OF_MEMORY, "No room for " + size + " bytes.");
    }
    return (int) larger;
  }

  /**
   * An allocator may have one buffer only, or forget all of them in each call. What it gave in
   * another call is forgotten here, too; what it gave just now must not be given again.
   */
  private void refuseShared(int address, int size) {
    int end = (int) Math.min(Integer.MAX_VALUE, (long) address + size);
    Map.Entry<Integer, Block> nearest;
    while ((nearest = blocks.lowerEntry(end)) != null) {
      Block other = nearest.getValue();
      if (other.address + other.size <= address) {
        return;
      }
      if (other.turn == guest.turn()) {
        throw new VudoException(
            ErrorCode.GUEST_OUT_OF_MEMORY,
            "Its allocator answered "
                + address
                + ", where "
                + other.size
                + " bytes are in use from "
                + other.address
                + " on: it has one buffer only.");
      }
      blocks.remove(other.address);
    }
  }

  /**
   * Frees a block and what it owns.
   *
   * @throws VudoException {@code POINTER_INVALID} when there is none at this address
   */
  public void free(int address) {
    Block block = blocks.remove(address);
    if (block == null) {
      throw new VudoException(
          ErrorCode.POINTER_INVALID,
          "No block begins at " + Integer.toUnsignedString(address) + ".");
    }
    block.owned.forEach(this::freeIfThere);
    allocator.free(block.raw, block.rawSize, block.alignment);
  }

  /** The guest's allocator may have given the address away since, or somebody has freed it. */
  @SuppressWarnings("ReferenceEquality") // This very block, not another one at its address.
  private void freeIfThere(Block block) {
    if (blocks.get(block.address) == block) {
      free(block.address);
    }
  }

  /** Frees all blocks. */
  public void reset() {
    while (!blocks.isEmpty()) {
      free(blocks.firstKey());
    }
  }

  /** Frees these blocks, as far as nobody has. */
  public void free(List<Block> some) {
    some.forEach(this::freeIfThere);
  }

  /** Lets blocks be freed with the one that this address lies in, if there is one. */
  public void own(int address, List<Block> some) {
    Map.Entry<Integer, Block> owner = blocks.floorEntry(address);
    if (owner != null && owner.getValue().has(address)) {
      owner.getValue().owned.addAll(some);
    }
  }

  /** A block with these bytes. */
  public Block store(byte[] bytes) {
    Block block = allocate(bytes.length, ALIGNMENT);
    guest.write(block.address, bytes);
    return block;
  }

  /**
   * The address of these bytes, which the guest gets as an answer. They are the guest's own;
   * without an allocator of its own it has them until the next call of the host.
   */
  public int give(byte[] bytes) {
    Block block = store(bytes);
    if (allocator.isExclusive()) {
      answers.add(block);
    } else {
      blocks.remove(block.address);
    }
    return block.address;
  }

  /** A call of the host begins: what was answered to the guest in the one before is over. */
  public void begin() {
    free(answers);
    answers.clear();
  }

  /** The guest is about to get these blocks as arguments. */
  public void lend(List<Block> arguments) {
    if (!allocator.hostFrees()) {
      arguments.forEach(block -> blocks.remove(block.address));
    }
  }

  /** How many blocks there are. */
  public int count() {
    return blocks.size();
  }
}
