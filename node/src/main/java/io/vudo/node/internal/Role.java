package io.vudo.node.internal;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** What a caller of the gateway may do. None of them contains another. */
public enum Role {
  /** See: what is deployed and runs, histories and states of Spirits, tuples. */
  READ,
  /** Use: messages to Spirits, and whatever changes tuples. */
  MESSAGE,
  /** Bring code: deployments, swaps, and modules that are tried on a history. */
  DEPLOY,
  /** Run the cluster: moves, restarts, forks, dead letters, nodes that come and go. */
  OPERATE;

  /** As it is written in files, options and answers. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The role that is written so. */
  public static Optional<Role> of(String text) {
    return Arrays.stream(values()).filter(role -> role.text().equals(text)).findFirst();
  }

  /** All of them, for a sentence. */
  public static String all() {
    return Arrays.stream(values()).map(Role::text).collect(Collectors.joining(", "));
  }
}
