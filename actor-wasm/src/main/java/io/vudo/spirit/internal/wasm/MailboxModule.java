package io.vudo.spirit.internal.wasm;

import java.util.List;

/** The module that an engine without a faster way instantiates to have a {@link Mailbox}. */
public final class MailboxModule {
  private static final byte[] HEADER = {0, 0x61, 0x73, 0x6d, 1, 0, 0, 0};
  private static final int SLOT_BYTES_SHIFT = 3;
  private static final int ALIGNMENT = 3;
  private static final int I64_LOAD = 0x29;
  private static final int I64_STORE = 0x37;

  /** The mailbox's memory among the exports of {@link #bytes}. */
  public static final String MEMORY = "memory";

  private MailboxModule() {}

  /** Exports {@link Names#LOAD}, {@link Names#STORE} and {@link #MEMORY}, one page. */
  public static byte[] bytes() {
    BinaryWriter out = new BinaryWriter().write(HEADER, 0, HEADER.length);
    BinaryWriter section = new BinaryWriter().u32(2);
    section.write(0x60).u32(1).write(Op.I32).u32(1).write(Op.I64);
    section.write(0x60).u32(2).write(Op.I32, Op.I64).u32(0);
    section(out, 1, section);
    section(out, 3, section.u32(2).u32(0).u32(1));
    section(out, 5, section.u32(1).write(1).u32(1).u32(1));
    section.u32(3).name(Names.LOAD).write(ParsedModule.EXPORT_FUNCTION).u32(0);
    section.name(Names.STORE).write(ParsedModule.EXPORT_FUNCTION).u32(1);
    section(out, 7, section.name(MEMORY).write(ParsedModule.EXPORT_MEMORY).u32(0));
    BinaryWriter load = new BinaryWriter().u32(0).localGet(0).i32(SLOT_BYTES_SHIFT);
    load.write(Op.I32_SHL).write(I64_LOAD, ALIGNMENT).u32(0).write(Op.END);
    BinaryWriter store = new BinaryWriter().u32(0).localGet(0).i32(SLOT_BYTES_SHIFT);
    store.write(Op.I32_SHL).localGet(1).write(I64_STORE, ALIGNMENT).u32(0).write(Op.END);
    section(out, 10, section.u32(2).sized(load).sized(store));
    return out.toBytes();
  }

  /** As a rewritten module that calls the host and has a page of memory, to measure one by. */
  public static byte[] probe() {
    BinaryWriter out = new BinaryWriter().write(HEADER, 0, HEADER.length);
    BinaryWriter section = new BinaryWriter().u32(3);
    section.write(0x60).u32(1).write(Op.I32).u32(1).write(Op.I64);
    section.write(0x60).u32(2).write(Op.I32, Op.I64).u32(0);
    section(out, 1, section.write(0x60).u32(0).u32(0));
    section.u32(3);
    int type = 0;
    for (String name : List.of(Names.LOAD, Names.STORE, Names.HOST)) {
      section.name(Names.IMPORT_MODULE).name(name).write(0).u32(type++);
    }
    section(out, 2, section);
    section(out, 5, section.u32(1).write(0).u32(1));
    section(out, 7, section.u32(1).name(Names.MEMORY).write(ParsedModule.EXPORT_MEMORY).u32(0));
    return out.toBytes();
  }

  private static void section(BinaryWriter out, int id, BinaryWriter content) {
    out.write(id).sized(content);
    content.clear();
  }
}
