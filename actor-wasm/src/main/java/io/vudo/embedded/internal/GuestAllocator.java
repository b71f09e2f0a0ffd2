package io.vudo.embedded.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ValueType;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The allocator that a guest exports. */
final class GuestAllocator implements Allocator {
  /** The allocator of the Spirits' ABI: what it answers is the guest's from then on. */
  private static final String ABI = "spirit_alloc";

  /** Names of allocators, each with those of its counterpart; the first that is there counts. */
  private static final List<List<String>> KNOWN =
      List.of(List.of(ABI), List.of("alloc", "dealloc", "free"), List.of("malloc", "free"));

  private final EmbeddedGuest guest;
  private final String allocate;
  private final int allocateParameters;
  private final Optional<String> free;
  private final int freeParameters;

  private GuestAllocator(
      EmbeddedGuest guest, String allocate, Optional<String> free, Map<String, FunctionType> all) {
    this.guest = guest;
    this.allocate = allocate;
    this.allocateParameters = all.get(allocate).parameters().size();
    this.free = free;
    this.freeParameters = free.map(name -> all.get(name).parameters().size()).orElse(0);
  }

  /** The one that the guest exports: size, or size and alignment, in; the address out. */
  static Optional<Allocator> of(EmbeddedGuest guest) {
    Map<String, FunctionType> all = guest.module().exportedFunctions();
    for (List<String> names : KNOWN) {
      if (is(all.get(names.get(0)), 2, 1)) {
        Optional<String> free =
            names.stream().skip(1).filter(name -> is(all.get(name), 3, 0)).findFirst();
        return Optional.of(new GuestAllocator(guest, names.get(0), free, all));
      }
    }
    return Optional.empty();
  }

  private static boolean is(FunctionType type, int mostParameters, int results) {
    if (type == null) {
      return false;
    }
    int parameters = type.parameters().size();
    return parameters >= 1
        && parameters <= mostParameters
        && type.parameters().equals(Collections.nCopies(parameters, ValueType.I32))
        && type.results().equals(Collections.nCopies(results, ValueType.I32));
  }

  @Override
  public int allocate(int size, int alignment) {
    long[] arguments = {size, alignment};
    int address = (int) guest.invoke(allocate, Arrays.copyOf(arguments, allocateParameters))[0];
    if (address == 0 || !guest.inMemory(address, size)) {
      throw new VudoException(
          ErrorCode.GUEST_OUT_OF_MEMORY,
          allocate
              + "("
              + size
              + ") answered "
              + Integer.toUnsignedString(address)
              + "; memory has "
              + guest.memoryBytes()
              + " bytes.");
    }
    return address;
  }

  @Override
  public void free(int address, int size, int alignment) {
    if (free.isPresent()) {
      long[] arguments = {address, size, alignment};
      guest.invoke(free.get(), Arrays.copyOf(arguments, freeParameters));
    }
  }

  @Override
  public boolean hostFrees() {
    return free.isPresent();
  }

  @Override
  public boolean isExclusive() {
    return false;
  }
}
