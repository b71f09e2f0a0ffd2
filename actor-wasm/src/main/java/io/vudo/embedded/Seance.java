package io.vudo.embedded;

import io.vudo.ghost.Ghost;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * A session of several Spirits, each under a name, that begin and end together:
 *
 * <pre>{@code
 * try (Seance seance = new Seance()) {
 *   seance.summon("calc", Path.of("calculator.wasm"));
 *   seance.summon("logger", Path.of("logger.wasm"));
 *   Object result = seance.invoke("calc", "add", 5, 3);
 *   seance.invoke("logger", "log", "Result: " + result);
 * }
 * }</pre>
 *
 * <p><b>What is cleaned up.</b> When a call throws because the guest's code failed, the Séance
 * dismisses that Spirit at once: its instance and memory are freed, and its name says {@code
 * SPIRIT_FAILED}, with the cause, until a Spirit is summoned under it again or it is dismissed. The
 * others go on: they have memories of their own, which the failure has not touched. A call that is
 * refused before it runs leaves all as it was. A {@code summon} that throws leaves nothing behind.
 * Leaving the block of {@code try} frees all, however it is left.
 *
 * <p>Thread-safe: calls of one Spirit wait for each other, those of several run side by side.
 * {@link #dismiss()} does not wait for calls that run: they end as they would have, and then the
 * instance is freed.
 */
public final class Seance implements AutoCloseable {
  private final SpiritOptions options;

  /** By name, in the order in which they came; null for one that is just loaded. */
  private final Map<String, Spirit> spirits = new LinkedHashMap<>();

  private boolean dismissed;

  /** A Séance whose Spirits are loaded with {@link SpiritOptions#defaults()}. */
  public Seance() {
    this(SpiritOptions.defaults());
  }

  /** A Séance whose Spirits are loaded with these options, unless they are given others. */
  public Seance(SpiritOptions options) {
    this.options = Objects.requireNonNull(options);
  }

  /** As {@link #summon(String, Path, SpiritOptions)}, with the options of the Séance. */
  public Spirit summon(String name, Path module) {
    return summon(name, module, options);
  }

  /**
   * Loads a module from a file, as a Spirit of this name.
   *
   * @return the Spirit; whoever closes it must know that its name stays until it is dismissed
   * @throws VudoException {@code ALREADY_SUMMONED} when there is one of this name, {@code
   *     SPIRIT_CLOSED} when the Séance was dismissed; as {@link Spirit#load(Path, SpiritOptions)}
   */
  public Spirit summon(String name, Path module, SpiritOptions with) {
    return summon(name, () -> Spirit.load(module, with));
  }

  /** As {@link #summon(String, byte[], SpiritOptions)}, with the options of the Séance. */
  public Spirit summon(String name, byte[] module) {
    return summon(name, module, options);
  }

  /** As {@link #summon(String, Path, SpiritOptions)}, of a module's bytes. */
  public Spirit summon(String name, byte[] module, SpiritOptions with) {
    return summon(name, () -> Spirit.load(module, with));
  }

  private Spirit summon(String name, Supplier<Spirit> load) {
    Spirit before = reserve(name);
    Spirit spirit = null;
    try {
      spirit = load.get();
      return spirit;
    } finally {
      settle(name, before, spirit);
    }
  }

  private synchronized Spirit reserve(String name) {
    Objects.requireNonNull(name);
    requireOpen();
    Spirit there = spirits.get(name);
    if (spirits.containsKey(name) && (there == null || there.failure().isEmpty())) {
      throw new VudoException(ErrorCode.ALREADY_SUMMONED, "\"" + name + "\".");
    }
    spirits.remove(name);
    spirits.put(name, null);
    return there;
  }

  /** Ends what {@link #reserve} began; dismissed meanwhile, nobody would close the new one. */
  private void settle(String name, Spirit before, Spirit loaded) {
    boolean over;
    synchronized (this) {
      over = dismissed;
      if (!over) {
        if (loaded != null) {
          spirits.put(name, loaded);
        } else if (before != null) {
          spirits.put(name, before);
        } else {
          spirits.remove(name);
        }
      }
    }
    if (over && loaded != null) {
      loaded.close();
      throw new VudoException(
          ErrorCode.SPIRIT_CLOSED, "\"" + name + "\" was dismissed while it was loaded.");
    }
  }

  /**
   * Calls a function of a Spirit.
   *
   * @return as {@link Spirit#call}
   * @throws VudoException {@code NOT_SUMMONED}, listing those there are; {@code SPIRIT_CLOSED} when
   *     the Séance was dismissed; as {@link Spirit#call}
   */
  public Object invoke(String name, String function, Object... arguments) {
    return spirit(name).call(function, arguments);
  }

  /**
   * A Spirit by its name.
   *
   * @throws VudoException as {@link #invoke}
   */
  public synchronized Spirit spirit(String name) {
    requireOpen();
    Spirit spirit = spirits.get(name);
    if (spirit == null) {
      throw notSummoned(name);
    }
    return spirit;
  }

  /**
   * Makes a Ghost callable, with the Spirits of this Séance as its members.
   *
   * @throws VudoException {@code NOT_SUMMONED} for a member that is not here; {@code
   *     FUNCTION_NOT_FOUND}; {@code GHOST_MISMATCH} when a step passes what its function does not
   *     take, or reads its answer as what it is not; each names the step. {@code SPIRIT_CLOSED}
   *     when the Séance was dismissed
   */
  public BoundGhost bind(Ghost ghost) {
    return new BoundGhost(ghost, this);
  }

  private VudoException notSummoned(String name) {
    List<String> all = names();
    return new VudoException(
        ErrorCode.NOT_SUMMONED,
        "\""
            + name
            + "\"; there "
            + (all.isEmpty() ? "are none" : "is " + String.join(", ", all))
            + ".");
  }

  /** The names of all Spirits that can be called, in the order in which they were summoned. */
  public synchronized List<String> names() {
    return spirits.entrySet().stream()
        .filter(entry -> entry.getValue() != null && entry.getValue().failure().isEmpty())
        .map(Map.Entry::getKey)
        .toList();
  }

  /**
   * Frees a Spirit, and its name.
   *
   * @throws VudoException {@code NOT_SUMMONED}; {@code SPIRIT_CLOSED} when the Séance was dismissed
   */
  public void dismiss(String name) {
    Spirit spirit;
    synchronized (this) {
      spirit = spirit(name);
      spirits.remove(name);
    }
    spirit.close();
  }

  /** Frees all Spirits and ends the Séance. May be called more than once. */
  public void dismiss() {
    List<Spirit> all;
    synchronized (this) {
      dismissed = true;
      all = spirits.values().stream().filter(Objects::nonNull).toList();
      spirits.clear();
    }
    all.forEach(Spirit::close);
  }

  /** As {@link #dismiss()}. */
  @Override
  public void close() {
    dismiss();
  }

  private void requireOpen() {
    if (dismissed) {
      throw new VudoException(ErrorCode.SPIRIT_CLOSED, "The Séance was dismissed.");
    }
  }
}
