package io.vudo.node.process;

import io.vudo.embedded.Loa;
import io.vudo.embedded.LoaRegistry;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ProcessException;
import io.vudo.protocol.ProcessName;
import io.vudo.protocol.VudoException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What Java code answers under dotted names on one node. Guests call it by {@code process},
 * programs by {@code VudoClient.process} and {@code POST /v1/process/NAME}.
 *
 * <ul>
 *   <li>A {@link Loa}: its functions are {@code NAME.function}, or {@code NAME@VERSION.function}
 *       for another version than the highest.
 *   <li>A {@linkplain #handle handler}, under one name.
 *   <li>A {@linkplain #group group}: all names {@code GROUP.ITEM.function}; the handler gets the
 *       item.
 *   <li>An {@linkplain #alias alias}, another name of anything, of a Spirit or a script as well.
 * </ul>
 *
 * <p>Upper and lower case make no difference. Of what could be meant the first in this order is: an
 * alias, a handler, a Loa, the longest group; and after all of them scripts and Spirits.
 *
 * <p>May be changed at any time, while the node runs too; calls that are under way end as they
 * began. Give all nodes of a cluster the same: a call is answered by the node where its caller is.
 * Thread-safe.
 */
public final class ProcessRegistry {
  private static final int MOST_ALIASES = 8;
  private static final int NOT_FOUND = 404;

  private final LoaRegistry loas = LoaRegistry.empty();
  private final Map<String, Named> handlers = new HashMap<>();
  private final Map<String, Named> groups = new HashMap<>();
  private final Map<String, Named> aliases = new HashMap<>();

  /** Something, and how its name was written. */
  private record Named(String name, ProcessHandler handler, String target) {}

  /**
   * What answers to a name.
   *
   * @param owner the Loa, handler or group: those of one owner share its part of the threads
   * @param name without aliases
   * @param item in a group the part between group and function; empty otherwise
   * @param handler what is called
   */
  public record Match(String owner, ProcessName name, String item, ProcessHandler handler) {}

  /**
   * Something that is registered.
   *
   * @param kind {@code loa}, {@code handler}, {@code group} or {@code alias}
   * @param name of a function of a Loa, of a handler, of a group, or the alias
   * @param detail of a Loa its version, of an alias what it stands for; empty otherwise
   */
  public record Entry(String kind, String name, String detail) {}

  /**
   * Adds a Loa; all functions that it declares can be called.
   *
   * @return this
   * @throws VudoException {@code LOA_EXISTS}
   */
  public ProcessRegistry register(Loa loa) {
    loas.register(loa);
    return this;
  }

  /**
   * Takes a Loa out.
   *
   * @return whether there was one of this name and version
   */
  public boolean unregister(String name, String version) {
    return loas.unregister(name, version);
  }

  /**
   * Answers one name.
   *
   * @return this
   * @throws VudoException {@code PROCESS_NAME_INVALID}, {@code PROCESS_EXISTS}
   */
  public synchronized ProcessRegistry handle(String name, ProcessHandler handler) {
    ProcessName.parse(name);
    return add(handlers, new Named(name, handler, ""));
  }

  /**
   * Answers all names that begin with a group's: {@code models} those of {@code models.user.Find}
   * and {@code models.Load}.
   *
   * @return this
   * @throws VudoException {@code PROCESS_NAME_INVALID}, {@code PROCESS_EXISTS}
   */
  public synchronized ProcessRegistry group(String group, ProcessHandler handler) {
    ProcessName.parse(group + ".x");
    return add(groups, new Named(group, handler, ""));
  }

  /**
   * Answers the functions of a group, in upper or lower case: with {@code find} of the group {@code
   * models} the name {@code models.user.Find}, whose item is {@code user}. Other functions fail
   * with {@code Exception|404:…}.
   *
   * @return this
   * @throws VudoException {@code PROCESS_NAME_INVALID}, {@code PROCESS_EXISTS}
   */
  public ProcessRegistry group(String group, Map<String, ProcessHandler> functions) {
    Map<String, ProcessHandler> known = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    known.putAll(functions);
    return group(
        group,
        call -> {
          ProcessHandler handler = known.get(call.function());
          if (handler == null) {
            throw new ProcessException(
                NOT_FOUND,
                group + " has no function " + call.function() + "; it has " + known.keySet());
          }
          return handler.call(call);
        });
  }

  /**
   * Gives something another name, whether it is there already or not.
   *
   * @return this
   * @throws VudoException {@code PROCESS_NAME_INVALID}, {@code PROCESS_EXISTS}
   */
  public synchronized ProcessRegistry alias(String alias, String name) {
    ProcessName.parse(alias);
    ProcessName.parse(name);
    return add(aliases, new Named(alias, null, name));
  }

  private ProcessRegistry add(Map<String, Named> names, Named named) {
    if (names.putIfAbsent(ProcessName.key(named.name()), named) != null) {
      throw new VudoException(ErrorCode.PROCESS_EXISTS, named.name() + ".");
    }
    return this;
  }

  /**
   * Takes out the handler, the group and the alias of a name.
   *
   * @return whether there was one
   */
  public synchronized boolean remove(String name) {
    String key = ProcessName.key(name);
    boolean handled = handlers.remove(key) != null;
    boolean grouped = groups.remove(key) != null;
    boolean aliased = aliases.remove(key) != null;
    return handled || grouped || aliased;
  }

  /** What a name is called without aliases. */
  public synchronized String resolve(String name) {
    String resolved = name;
    for (int i = 0; i < MOST_ALIASES; i++) {
      Named alias = aliases.get(ProcessName.key(resolved));
      if (alias == null) {
        return resolved;
      }
      resolved = alias.target();
    }
    throw new VudoException(
        ErrorCode.PROCESS_UNKNOWN,
        "\"" + name + "\" is an alias of more than " + MOST_ALIASES + " others in a row.");
  }

  /**
   * What answers to a name now; empty when nothing that is registered here does.
   *
   * @throws VudoException {@code PROCESS_NAME_INVALID}
   */
  public Optional<Match> find(String called) {
    ProcessName name = ProcessName.parse(resolve(called));
    return handler(name).or(() -> loa(name)).or(() -> inGroup(name));
  }

  private synchronized Optional<Match> handler(ProcessName name) {
    return Optional.ofNullable(handlers.get(ProcessName.key(name.toString())))
        .map(found -> new Match(ProcessName.key(found.name()), name, "", found.handler()));
  }

  private Optional<Match> loa(ProcessName name) {
    String owner = name.owner();
    int at = owner.indexOf('@');
    String loaName = at < 0 ? owner : owner.substring(0, at);
    return loas.list().stream()
        .map(Loa::name)
        .filter(loaName::equalsIgnoreCase)
        // Of two that differ in case only, the one that is meant to the letter.
        .min(Comparator.comparing(known -> !known.equals(loaName)))
        .flatMap(known -> at < 0 ? loas.find(known) : loas.find(known, owner.substring(at + 1)))
        .flatMap(loa -> function(loa, name));
  }

  private static Optional<Match> function(Loa loa, ProcessName name) {
    return loa.capabilities().stream()
        .filter(name.function()::equalsIgnoreCase)
        .min(Comparator.comparing(known -> !known.equals(name.function())))
        .map(known -> new Match("loa " + loa.name(), name, "", new LoaHandler(loa, known)));
  }

  private synchronized Optional<Match> inGroup(ProcessName name) {
    String prefix = name.owner();
    while (!prefix.isEmpty()) {
      Named group = groups.get(ProcessName.key(prefix));
      if (group != null) {
        String item =
            prefix.length() == name.owner().length()
                ? ""
                : name.owner().substring(prefix.length() + 1);
        return Optional.of(
            new Match("group " + ProcessName.key(group.name()), name, item, group.handler()));
      }
      prefix = prefix.substring(0, Math.max(0, prefix.lastIndexOf('.')));
    }
    return Optional.empty();
  }

  /** All that is registered, ordered by name. */
  public List<Entry> list() {
    List<Entry> entries = new ArrayList<>();
    for (Loa loa : loas.list()) {
      for (String function : loa.capabilities()) {
        entries.add(new Entry("loa", loa.name() + "." + function, loa.version()));
      }
    }
    synchronized (this) {
      handlers.values().forEach(one -> entries.add(new Entry("handler", one.name(), "")));
      groups.values().forEach(one -> entries.add(new Entry("group", one.name(), "")));
      aliases.values().forEach(one -> entries.add(new Entry("alias", one.name(), one.target())));
    }
    entries.sort(Comparator.comparing(Entry::name).thenComparing(Entry::detail));
    return entries;
  }
}
