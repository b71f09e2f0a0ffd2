package io.vudo.cli.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.HostFunction;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.List;

/**
 * The host that a module meets under {@code vudo run}: a clock, randomness and a log, but no
 * cluster. Whatever needs other Spirits, tuples or storage answers CAPABILITY_DENIED, and the guest
 * goes on.
 */
final class LocalHost {
  private static final long OK = 0;
  private static final long CAPABILITY_DENIED = -1;
  private static final long INVALID_MEMORY = -2;
  private static final long INVALID_PARAMETER = -3;
  private static final int MAX_RANDOM_BYTES = 1 << 20;
  private static final String OWN_NAME = "run/local";
  private static final List<String> LEVELS = List.of("trace", "debug", "info", "warn", "error");

  private final Terminal terminal;
  private final SecureRandom random = new SecureRandom();

  LocalHost(Terminal terminal) {
    this.terminal = terminal;
  }

  /** The function behind an import. */
  HostFunction function(AdmittedModule.Import wanted) {
    if (!wanted.module().equals("spirit")) {
      return (guest, arguments) -> CAPABILITY_DENIED;
    }
    return switch (wanted.name()) {
      case "now" -> (guest, arguments) -> nowNanos();
      case "random" -> checked(this::fillRandom);
      case "log" -> checked(this::log);
      case "fail" -> checked(LocalHost::fail);
      case "self" -> checked((guest, arguments) -> answer(guest, arguments, OWN_NAME));
      case "sender", "message_type", "message_id" ->
          checked((guest, arguments) -> answer(guest, arguments, ""));
      default -> (guest, arguments) -> CAPABILITY_DENIED;
    };
  }

  /** A pointer outside of memory is the guest's mistake, which it is told as a status. */
  private static HostFunction checked(HostFunction function) {
    return (guest, arguments) -> {
      try {
        return function.call(guest, arguments);
      } catch (IndexOutOfBoundsException e) {
        return INVALID_MEMORY;
      }
    };
  }

  private static long nowNanos() {
    Instant now = Instant.now();
    return Math.addExact(Math.multiplyExact(now.getEpochSecond(), 1_000_000_000L), now.getNano());
  }

  private long fillRandom(EngineInstance guest, long[] arguments) {
    int length = (int) arguments[1];
    if (length < 0 || length > MAX_RANDOM_BYTES) {
      return INVALID_PARAMETER;
    }
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    guest.writeMemory((int) arguments[0], bytes);
    return OK;
  }

  private long log(EngineInstance guest, long[] arguments) {
    int level = (int) arguments[0];
    if (level < 0 || level >= LEVELS.size()) {
      return INVALID_PARAMETER;
    }
    terminal
        .err()
        .println(
            "[" + LEVELS.get(level) + "] " + text(guest, (int) arguments[1], (int) arguments[2]));
    return OK;
  }

  private static long fail(EngineInstance guest, long[] arguments) {
    throw new VudoException(
        ErrorCode.APPLICATION_ERROR,
        (int) arguments[0] + ": " + text(guest, (int) arguments[1], (int) arguments[2]));
  }

  private static long answer(EngineInstance guest, long[] arguments, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length <= Integer.toUnsignedLong((int) arguments[1])) {
      guest.writeMemory((int) arguments[0], bytes);
    }
    return bytes.length;
  }

  private static String text(EngineInstance guest, int address, int length) {
    return new String(guest.readMemory(address, length), StandardCharsets.UTF_8);
  }
}
