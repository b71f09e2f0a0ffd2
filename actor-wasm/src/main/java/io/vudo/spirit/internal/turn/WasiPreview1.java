package io.vudo.spirit.internal.turn;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vudo.protocol.Capability.Kind;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.internal.turn.HostContext.StandardStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.Function;

/**
 * The functions of import module {@code wasi_snapshot_preview1}, for guests that a compiler built
 * against WASI preview 1: all 46 are known, so that a C library links; those that a Spirit can use
 * do something.
 *
 * <ul>
 *   <li>Arguments and environment, clocks, random bytes, standard output and error, {@code
 *       proc_exit} and {@code sched_yield} work. Clocks and random bytes are answers of the turn
 *       and are recorded with it. Standard input is at its end.
 *   <li>What would reach for files or sockets answers ENOTCAPABLE; nobody can grant it. A
 *       descriptor other than 0, 1 and 2 answers EBADF, which is also what ends a C library's
 *       search for preopened directories.
 *   <li>The rest answers ENOSYS.
 * </ul>
 *
 * <p>No function traps on what a guest passes: a pointer outside memory is EFAULT, a count or
 * length above its bound is EINVAL, a missing capability is ENOTCAPABLE. What a call may make the
 * host copy or hold is bounded whatever it claims: {@link #MAX_VECTORS}, {@link #MAX_WRITE_BYTES},
 * {@link #MAX_RANDOM_BYTES}; what a turn may is bounded by {@link TurnLimits}.
 */
@SuppressWarnings("StaticAssignmentOfThrowable") // statuses: without trace and suppression
final class WasiPreview1 {
  /** The import module. */
  static final String MODULE = "wasi_snapshot_preview1";

  /** The most buffers of one read or write; IOV_MAX of Linux. */
  static final int MAX_VECTORS = 1_024;

  /** The most bytes that one write takes; it tells the guest how many it took. */
  static final int MAX_WRITE_BYTES = 64 << 10;

  /** The most random bytes of one call. */
  static final int MAX_RANDOM_BYTES = 64 << 10;

  static final GuestStatus BADF = new GuestStatus(8);
  static final GuestStatus FAULT = new GuestStatus(21);
  static final GuestStatus INVAL = new GuestStatus(28);
  static final GuestStatus NOSYS = new GuestStatus(52);
  static final GuestStatus PIPE = new GuestStatus(64);
  static final GuestStatus SPIPE = new GuestStatus(70);
  static final GuestStatus NOTCAPABLE = new GuestStatus(76);

  private static final int SUCCESS = 0;
  private static final int CLOCK_REALTIME = 0;
  private static final int CLOCK_MONOTONIC = 1;
  private static final long CLOCK_RESOLUTION_NANOS = 1_000;
  private static final int STDIN = 0;
  private static final int STDERR = 2;
  private static final int VECTOR_BYTES = 8;
  private static final int FDSTAT_BYTES = 24;
  private static final byte FILETYPE_CHARACTER_DEVICE = 2;
  private static final long RIGHT_FD_READ = 1L << 1;
  private static final long RIGHT_FD_WRITE = 1L << 6;

  static final HostBinding BINDING =
      new HostBinding(MODULE)
          .define("args_get", "ii", "i", (h, g, a) -> texts(h, g, a, HostContext::arguments))
          .define("args_sizes_get", "ii", "i", (h, g, a) -> sizes(h, g, a, HostContext::arguments))
          .define("environ_get", "ii", "i", (h, g, a) -> texts(h, g, a, HostContext::environment))
          .define(
              "environ_sizes_get", "ii", "i", (h, g, a) -> sizes(h, g, a, HostContext::environment))
          .define("clock_res_get", "ii", "i", WasiPreview1::clockResGet)
          .define("clock_time_get", "ili", "i", WasiPreview1::clockTimeGet)
          .define("fd_advise", "illi", "i", WasiPreview1::noFile)
          .define("fd_allocate", "ill", "i", WasiPreview1::noFile)
          .define("fd_close", "i", "i", WasiPreview1::fdClose)
          .define("fd_datasync", "i", "i", WasiPreview1::noFile)
          .define("fd_fdstat_get", "ii", "i", WasiPreview1::fdFdstatGet)
          .define("fd_fdstat_set_flags", "ii", "i", WasiPreview1::noFile)
          .define("fd_fdstat_set_rights", "ill", "i", WasiPreview1::noFile)
          .define("fd_filestat_get", "ii", "i", WasiPreview1::noFile)
          .define("fd_filestat_set_size", "il", "i", WasiPreview1::noFile)
          .define("fd_filestat_set_times", "illi", "i", WasiPreview1::noFile)
          .define("fd_pread", "iiili", "i", WasiPreview1::noPosition)
          .define("fd_prestat_get", "ii", "i", WasiPreview1::noPreopen)
          .define("fd_prestat_dir_name", "iii", "i", WasiPreview1::noPreopen)
          .define("fd_pwrite", "iiili", "i", WasiPreview1::noPosition)
          .define("fd_read", "iiii", "i", WasiPreview1::fdRead)
          .define("fd_readdir", "iiili", "i", WasiPreview1::noFile)
          .define("fd_renumber", "ii", "i", WasiPreview1::noFile)
          .define("fd_seek", "ilii", "i", WasiPreview1::noPosition)
          .define("fd_sync", "i", "i", WasiPreview1::noFile)
          .define("fd_tell", "ii", "i", WasiPreview1::noPosition)
          .define("fd_write", "iiii", "i", WasiPreview1::fdWrite)
          .define("path_create_directory", "iii", "i", WasiPreview1::denied)
          .define("path_filestat_get", "iiiii", "i", WasiPreview1::denied)
          .define("path_filestat_set_times", "iiiilli", "i", WasiPreview1::denied)
          .define("path_link", "iiiiiii", "i", WasiPreview1::denied)
          .define("path_open", "iiiiillii", "i", WasiPreview1::denied)
          .define("path_readlink", "iiiiii", "i", WasiPreview1::denied)
          .define("path_remove_directory", "iii", "i", WasiPreview1::denied)
          .define("path_rename", "iiiiii", "i", WasiPreview1::denied)
          .define("path_symlink", "iiiii", "i", WasiPreview1::denied)
          .define("path_unlink_file", "iii", "i", WasiPreview1::denied)
          .define("poll_oneoff", "iiii", "i", WasiPreview1::missing)
          .define("proc_exit", "i", "", WasiPreview1::procExit)
          .define("proc_raise", "i", "i", WasiPreview1::missing)
          .define("sched_yield", "", "i", (h, g, a) -> SUCCESS)
          .define("random_get", "ii", "i", WasiPreview1::randomGet)
          .define("sock_accept", "iii", "i", WasiPreview1::denied)
          .define("sock_recv", "iiiiii", "i", WasiPreview1::denied)
          .define("sock_send", "iiiii", "i", WasiPreview1::denied)
          .define("sock_shutdown", "ii", "i", WasiPreview1::denied);

  private WasiPreview1() {}

  // Arguments and environment

  private static long sizes(
      HostContext host, EngineInstance guest, long[] a, Function<HostContext, List<String>> which) {
    requireRange(guest, a[0], Integer.BYTES);
    requireRange(guest, a[1], Integer.BYTES);
    List<String> texts = which.apply(host);
    guest.writeMemory((int) a[0], GuestCalls.littleEndian(texts.size()));
    guest.writeMemory((int) a[1], GuestCalls.littleEndian(terminated(texts).length));
    return SUCCESS;
  }

  /** Writes the texts one after the other to the second buffer, their addresses to the first. */
  private static long texts(
      HostContext host, EngineInstance guest, long[] a, Function<HostContext, List<String>> which) {
    List<String> texts = which.apply(host);
    byte[] bytes = terminated(texts);
    byte[] pointers = new byte[Integer.BYTES * texts.size()];
    requireRange(guest, a[0], pointers.length);
    requireRange(guest, a[1], bytes.length);
    ByteBuffer addresses = littleEndian(pointers);
    int address = (int) a[1];
    for (String text : texts) {
      addresses.putInt(address);
      address += text.getBytes(UTF_8).length + 1;
    }
    guest.writeMemory((int) a[1], bytes);
    guest.writeMemory((int) a[0], pointers);
    return SUCCESS;
  }

  private static byte[] terminated(List<String> texts) {
    StringBuilder all = new StringBuilder();
    texts.forEach(text -> all.append(text).append('\0'));
    return all.toString().getBytes(UTF_8);
  }

  // Clocks and randomness

  private static long clockResGet(HostContext host, EngineInstance guest, long[] a) {
    requireClock(host, a[0]);
    requireRange(guest, a[1], Long.BYTES);
    writeLong(guest, a[1], CLOCK_RESOLUTION_NANOS);
    return SUCCESS;
  }

  private static long clockTimeGet(HostContext host, EngineInstance guest, long[] a) {
    requireClock(host, a[0]);
    requireRange(guest, a[2], Long.BYTES);
    writeLong(guest, a[2], (int) a[0] == CLOCK_REALTIME ? host.nowNanos() : host.monotonicNanos());
    return SUCCESS;
  }

  /** The clocks of the process and of the thread are not offered: they would tell of the node. */
  private static void requireClock(HostContext host, long clock) {
    if ((int) clock != CLOCK_REALTIME && (int) clock != CLOCK_MONOTONIC) {
      throw INVAL;
    }
    require(host, Kind.SENSOR_TIME);
  }

  private static long randomGet(HostContext host, EngineInstance guest, long[] a) {
    require(host, Kind.SENSOR_RANDOM);
    requireRange(guest, a[0], a[1]);
    if (Integer.toUnsignedLong((int) a[1]) > MAX_RANDOM_BYTES) {
      throw INVAL;
    }
    guest.writeMemory((int) a[0], host.random((int) a[1]));
    return SUCCESS;
  }

  // Descriptors

  private static long fdWrite(HostContext host, EngineInstance guest, long[] a) {
    requireStandard(a[0]);
    if ((int) a[0] == STDIN) {
      throw BADF;
    }
    require(host, Kind.ACTUATOR_LOG);
    requireRange(guest, a[3], Integer.BYTES);
    byte[] bytes = gather(guest, a[1], a[2]);
    host.write((int) a[0] == STDERR ? StandardStream.STDERR : StandardStream.STDOUT, bytes);
    guest.writeMemory((int) a[3], GuestCalls.littleEndian(bytes.length));
    return SUCCESS;
  }

  /** The first bytes of what the vectors name; every one of them must lie in memory. */
  private static byte[] gather(EngineInstance guest, long pointer, long count) {
    ByteBuffer vectors = vectors(guest, pointer, count);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    while (vectors.hasRemaining()) {
      int address = vectors.getInt();
      int length = vectors.getInt();
      requireRange(guest, address, length);
      long taken = Math.min(Integer.toUnsignedLong(length), MAX_WRITE_BYTES - bytes.size());
      if (taken > 0) {
        bytes.writeBytes(guest.readMemory(address, (int) taken));
      }
    }
    return bytes.toByteArray();
  }

  private static ByteBuffer vectors(EngineInstance guest, long pointer, long count) {
    if (Integer.toUnsignedLong((int) count) > MAX_VECTORS) {
      throw INVAL;
    }
    requireRange(guest, pointer, count * VECTOR_BYTES);
    return littleEndian(guest.readMemory((int) pointer, (int) count * VECTOR_BYTES));
  }

  /** Standard input has nothing in it. */
  private static long fdRead(HostContext host, EngineInstance guest, long[] a) {
    requireStandard(a[0]);
    if ((int) a[0] != STDIN) {
      throw BADF;
    }
    requireRange(guest, a[3], Integer.BYTES);
    ByteBuffer vectors = vectors(guest, a[1], a[2]);
    while (vectors.hasRemaining()) {
      requireRange(guest, vectors.getInt(), vectors.getInt());
    }
    guest.writeMemory((int) a[3], GuestCalls.littleEndian(0));
    return SUCCESS;
  }

  /** A terminal without seeking: a C library then writes out each line as it ends. */
  private static long fdFdstatGet(HostContext host, EngineInstance guest, long[] a) {
    requireStandard(a[0]);
    requireRange(guest, a[1], FDSTAT_BYTES);
    byte[] stat = new byte[FDSTAT_BYTES];
    littleEndian(stat)
        .put(0, FILETYPE_CHARACTER_DEVICE)
        .putLong(8, (int) a[0] == STDIN ? RIGHT_FD_READ : RIGHT_FD_WRITE);
    guest.writeMemory((int) a[1], stat);
    return SUCCESS;
  }

  /** Says yes and closes nothing: which descriptors are open would be state outside of memory. */
  private static long fdClose(HostContext host, EngineInstance guest, long[] a) {
    requireStandard(a[0]);
    return SUCCESS;
  }

  private static long noPosition(HostContext host, EngineInstance guest, long[] a) {
    requireStandard(a[0]);
    throw SPIPE;
  }

  private static long noPreopen(HostContext host, EngineInstance guest, long[] a) {
    throw BADF;
  }

  private static long noFile(HostContext host, EngineInstance guest, long[] a) {
    requireStandard(a[0]);
    throw NOSYS;
  }

  private static void requireStandard(long descriptor) {
    if ((int) descriptor < STDIN || (int) descriptor > STDERR) {
      throw BADF;
    }
  }

  // The rest

  private static long procExit(HostContext host, EngineInstance guest, long[] a) {
    throw host.exit((int) a[0]);
  }

  private static long denied(HostContext host, EngineInstance guest, long[] a) {
    throw NOTCAPABLE;
  }

  private static long missing(HostContext host, EngineInstance guest, long[] a) {
    throw NOSYS;
  }

  private static void require(HostContext host, Kind capability) {
    if (!host.grants().allow(capability)) {
      throw NOTCAPABLE;
    }
  }

  private static void requireRange(EngineInstance guest, long pointer, long length) {
    if (!guest.inMemory((int) pointer, (int) length)) {
      throw FAULT;
    }
  }

  private static void writeLong(EngineInstance guest, long pointer, long value) {
    byte[] bytes = new byte[Long.BYTES];
    littleEndian(bytes).putLong(value);
    guest.writeMemory((int) pointer, bytes);
  }

  private static ByteBuffer littleEndian(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
