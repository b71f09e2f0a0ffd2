package io.vudo.embedded;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The {@link Loa} that Spirits may import from. A Spirit sees those that are registered when it is
 * loaded, and keeps them; what is registered or unregistered later is for those loaded later.
 *
 * <p>A Spirit that is given a registry can call whatever the Loa in it declare, and nothing else of
 * the host: for Spirits that are trusted less, make a registry with less in it. Thread-safe.
 */
public final class LoaRegistry {
  private static final Comparator<Loa> ORDER =
      Comparator.comparing(Loa::name).thenComparing(Loa::parsedVersion);

  private final List<Loa> loas = new ArrayList<>();

  /** A registry with {@link Loa#core}, printing to {@link System#out}. */
  public LoaRegistry() {
    loas.add(Loa.core(System.out));
  }

  private LoaRegistry(List<Loa> loas) {
    this.loas.addAll(loas);
  }

  /** A registry with nothing in it, not even {@link Loa#core}. */
  public static LoaRegistry empty() {
    return new LoaRegistry(List.of());
  }

  /**
   * Adds a Loa.
   *
   * @throws VudoException {@code LOA_EXISTS} when there is one of this name and version
   */
  public synchronized void register(Loa loa) {
    for (Loa known : loas) {
      if (ORDER.compare(known, loa) == 0) {
        throw new VudoException(ErrorCode.LOA_EXISTS, loa + ".");
      }
    }
    loas.add(loa);
    loas.sort(ORDER);
  }

  /**
   * Takes a Loa out. Spirits that have it keep it.
   *
   * @return whether there was one of this name and version
   */
  public synchronized boolean unregister(String name, String version) {
    return loas.removeIf(loa -> loa.name().equals(name) && loa.version().equals(version));
  }

  /** The highest version of a Loa; a version before a release only when there is no release. */
  public Optional<Loa> find(String name) {
    List<Loa> versions = versions(name);
    return versions.stream()
        .filter(loa -> loa.parsedVersion().preRelease().isEmpty())
        .reduce((lower, higher) -> higher)
        .or(() -> versions.stream().reduce((lower, higher) -> higher));
  }

  /**
   * A version of a Loa.
   *
   * @param version the whole of it, or the first numbers of it ({@code 1} or {@code 1.2}), which
   *     finds the highest release that begins with them
   */
  public Optional<Loa> find(String name, String version) {
    return versions(name).stream()
        .filter(loa -> loa.parsedVersion().satisfies(version))
        .reduce((lower, higher) -> higher);
  }

  private List<Loa> versions(String name) {
    return list().stream().filter(loa -> loa.name().equals(name)).toList();
  }

  /** All Loa, by name and version. */
  public synchronized List<Loa> list() {
    return List.copyOf(loas);
  }

  /** What a Spirit that is loaded now sees for as long as it lives. */
  LoaRegistry snapshot() {
    return new LoaRegistry(list());
  }
}
