package io.vudo.node.internal;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Everything that the gateway answers to: method, path, the role that a caller needs, and whether a
 * line of the audit log tells of it. What is not here does not exist.
 */
public enum Route {
  ALIVE("GET", "/health/alive"),
  READY("GET", "/health/ready"),
  SCRAPE_METRICS("GET", "/metrics", Role.READ),

  OPENAPI("GET", "/v1/openapi.json", Role.READ),
  SHOW_STATUS("GET", "/v1/status", Role.READ),

  LIST_DEPLOYMENTS("GET", "/v1/deployments", Role.READ),
  SHOW_DEPLOYMENT("GET", "/v1/deployments/{type}", Role.READ),
  DEPLOY("POST", "/v1/deployments/{type}", Role.DEPLOY, Audited.ALWAYS),
  SHOW_SWAP("GET", "/v1/deployments/{type}/swap", Role.READ),
  SWAP("POST", "/v1/deployments/{type}/swap", Role.DEPLOY, Audited.ALWAYS),

  LIST_SPIRITS("GET", "/v1/spirits", Role.READ),
  ASK("POST", "/v1/spirits/{type}/{id}/ask", Role.MESSAGE, Audited.AS_MESSAGE),
  TELL("POST", "/v1/spirits/{type}/{id}/tell", Role.MESSAGE, Audited.AS_MESSAGE),
  SHOW_HISTORY("GET", "/v1/spirits/{type}/{id}/history", Role.READ),
  REPLAY("GET", "/v1/spirits/{type}/{id}/replay", Role.READ),
  // It changes nothing, but it brings a module that is run.
  REHEARSE("POST", "/v1/spirits/{type}/{id}/replay", Role.DEPLOY),
  EXPORT_STATE("GET", "/v1/spirits/{type}/{id}/state", Role.READ),
  COMPARE_STATES("GET", "/v1/spirits/{type}/{id}/diff", Role.READ),
  FORK("POST", "/v1/spirits/{type}/{id}/fork", Role.OPERATE, Audited.ALWAYS),
  RESTART("POST", "/v1/spirits/{type}/{id}/restart", Role.OPERATE, Audited.ALWAYS),
  MIGRATE("POST", "/v1/spirits/{type}/{id}/migrate", Role.OPERATE, Audited.ALWAYS),

  LIST_PROCESSES("GET", "/v1/process", Role.READ),
  CALL_PROCESS("POST", "/v1/process/{name}", Role.MESSAGE, Audited.AS_MESSAGE),
  // Of a Spirit: TYPE/ID.FUNCTION.
  CALL_SPIRIT("POST", "/v1/process/{type}/{name}", Role.MESSAGE, Audited.AS_MESSAGE),
  RUN_GHOST("POST", "/v1/ghosts/run", Role.MESSAGE, Audited.AS_MESSAGE),
  SHOW_GHOST_RUN("GET", "/v1/ghosts/runs/{run}", Role.READ),

  LIST_DEAD_LETTERS("GET", "/v1/dead-letters", Role.READ),
  SHOW_DEAD_LETTER("GET", "/v1/dead-letters/{letter}", Role.READ),
  DROP_DEAD_LETTER("DELETE", "/v1/dead-letters/{letter}", Role.OPERATE, Audited.ALWAYS),
  REPLAY_DEAD_LETTER("POST", "/v1/dead-letters/{letter}/replay", Role.OPERATE, Audited.ALWAYS),

  SHOW_CLUSTER("GET", "/v1/cluster", Role.READ),
  LIST_MIGRATIONS("GET", "/v1/cluster/migrations", Role.READ),
  WATCH_MIGRATIONS("GET", "/v1/cluster/migrations/watch", Role.READ),
  DRAIN("POST", "/v1/cluster/nodes/{node}/drain", Role.OPERATE, Audited.ALWAYS),
  RESUME("POST", "/v1/cluster/nodes/{node}/resume", Role.OPERATE, Audited.ALWAYS),
  LEAVE("POST", "/v1/cluster/nodes/{node}/leave", Role.OPERATE, Audited.ALWAYS),

  WRITE_TUPLES("POST", "/v1/spaces/{space}/write", Role.MESSAGE, Audited.AS_MESSAGE),
  READ_TUPLE("POST", "/v1/spaces/{space}/read", Role.READ),
  TAKE_TUPLE("POST", "/v1/spaces/{space}/take", Role.MESSAGE, Audited.AS_MESSAGE),
  READ_ALL_TUPLES("POST", "/v1/spaces/{space}/read-all", Role.READ),
  TAKE_ALL_TUPLES("POST", "/v1/spaces/{space}/take-all", Role.MESSAGE, Audited.AS_MESSAGE),
  COUNT_TUPLES("POST", "/v1/spaces/{space}/count", Role.READ),
  SWAP_TUPLE("POST", "/v1/spaces/{space}/swap", Role.MESSAGE, Audited.AS_MESSAGE),
  RENEW_LEASE("POST", "/v1/spaces/{space}/renew", Role.MESSAGE, Audited.AS_MESSAGE),
  CANCEL_LEASE("POST", "/v1/spaces/{space}/cancel-lease", Role.MESSAGE, Audited.AS_MESSAGE),
  WAIT_AT_BARRIER("POST", "/v1/spaces/{space}/barrier", Role.MESSAGE, Audited.AS_MESSAGE),
  BEGIN_TRANSACTION("POST", "/v1/spaces/{space}/begin", Role.MESSAGE, Audited.AS_MESSAGE),
  COMMIT_TRANSACTION("POST", "/v1/spaces/{space}/commit", Role.MESSAGE, Audited.AS_MESSAGE),
  ABORT_TRANSACTION("POST", "/v1/spaces/{space}/abort", Role.MESSAGE, Audited.AS_MESSAGE),
  WATCH_TUPLES_BY_QUERY("GET", "/v1/spaces/{space}/watch", Role.READ),
  WATCH_TUPLES("POST", "/v1/spaces/{space}/watch", Role.READ);

  /** Whether a line of the audit log tells of it. */
  enum Audited {
    NEVER,
    /** Only when {@code vudo.gateway.audit.messages} is on: there may be very many. */
    AS_MESSAGE,
    ALWAYS
  }

  private final String method;
  private final String path;

  @SuppressWarnings("ImmutableEnumChecker") // List.of() answers one that nobody can change.
  private final List<String> segments;

  /** Null for what is open to everybody. */
  private final Role role;

  private final Audited audited;

  /** One for everybody: what asks has no identity, and learns nothing. */
  Route(String method, String path) {
    this(method, path, null, Audited.NEVER);
  }

  Route(String method, String path, Role role) {
    this(method, path, role, Audited.NEVER);
  }

  Route(String method, String path, Role role, Audited audited) {
    this.method = method;
    this.path = path;
    this.segments = List.of(path.substring(1).split("/"));
    this.role = role;
    this.audited = audited;
  }

  /** GET, POST or DELETE. */
  public String method() {
    return method;
  }

  /** The path, with what differs in braces. */
  public String path() {
    return path;
  }

  /** What a caller must be allowed to; empty for what is open to everybody. */
  public Optional<Role> role() {
    return Optional.ofNullable(role);
  }

  Audited audited() {
    return audited;
  }

  /** How the audit log calls it. */
  public String operation() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * What there is at a path.
   *
   * @param path its segments, decoded
   */
  static List<Route> at(List<String> path) {
    List<Route> found = new ArrayList<>(2);
    for (Route route : ALL) {
      if (route.matches(path)) {
        found.add(route);
      }
    }
    return found;
  }

  private static final List<Route> ALL = Arrays.asList(values());

  private boolean matches(List<String> given) {
    if (given.size() != segments.size()) {
      return false;
    }
    for (int i = 0; i < given.size(); i++) {
      if (!isArgument(segments.get(i)) && !segments.get(i).equals(given.get(i))) {
        return false;
      }
    }
    return true;
  }

  private static boolean isArgument(String segment) {
    return segment.startsWith("{");
  }

  /** What stands for the parts in braces at a path that matches, in their order. */
  Map<String, String> arguments(List<String> given) {
    Map<String, String> arguments = new LinkedHashMap<>();
    for (int i = 0; i < given.size(); i++) {
      String segment = segments.get(i);
      if (isArgument(segment)) {
        arguments.put(segment.substring(1, segment.length() - 1), given.get(i));
      }
    }
    return arguments;
  }
}
