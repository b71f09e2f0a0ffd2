package io.vudo.spirit.internal.wasm;

import io.vudo.spirit.AdmittedModule;
import java.util.Arrays;

/**
 * What an engine must know to reach the state of a rewritten module. It travels inside of the
 * module as its first section.
 *
 * @param globalChunks how many slots each of the chunks of globals has
 * @param tables how many tables can be read and written; 0 when no code can change them
 * @param references how many mutable funcref globals there are, when code can change tables
 * @param functions by identity as the module stores it: the function's index in the original
 *     module; the first stands for null and is -1
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record Layout(int[] globalChunks, int tables, int references, int[] functions) {

  /** Finds the layout in what admission made. */
  public static Layout of(AdmittedModule module) {
    byte[] bytes = module.rewritten();
    BinaryReader in = new BinaryReader(bytes, 8, bytes.length);
    in.unsignedByte();
    BinaryReader section = in.part(in.index());
    if (!section.name().equals(Names.LAYOUT_SECTION)) {
      throw new IllegalArgumentException("This module was not rewritten by admission");
    }
    int[] chunks = ints(section);
    int tables = section.index();
    int references = section.index();
    return new Layout(chunks, tables, references, ints(section));
  }

  private static int[] ints(BinaryReader in) {
    int[] values = new int[in.index()];
    for (int i = 0; i < values.length; i++) {
      values[i] = in.s32();
    }
    return values;
  }

  void writeTo(BinaryWriter out) {
    out.name(Names.LAYOUT_SECTION);
    write(out, globalChunks);
    out.u32(tables).u32(references);
    write(out, functions);
  }

  private static void write(BinaryWriter out, int[] values) {
    out.u32(values.length);
    for (int value : values) {
      out.signed(value);
    }
  }

  /** How many entries all globals and flags have together. */
  public int globalSlots() {
    return Arrays.stream(globalChunks).sum();
  }
}
