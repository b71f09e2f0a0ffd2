package io.vudo.embedded.internal;

/** Where the blocks of a {@link Heap} come from. Used by who has the guest's turn. */
interface Allocator {
  /**
   * A block.
   *
   * @param size at least 1
   * @param alignment a power of two, which the address need not have
   * @throws io.vudo.protocol.VudoException {@code GUEST_OUT_OF_MEMORY}
   */
  int allocate(int size, int alignment);

  /** Takes a block back, as it was asked for. */
  void free(int address, int size, int alignment);

  /** Whether the host gives back what it passed to the guest; else it is the guest's. */
  boolean hostFrees();

  /** Whether a block lives until it is freed, whatever the guest does. */
  boolean isExclusive();
}
