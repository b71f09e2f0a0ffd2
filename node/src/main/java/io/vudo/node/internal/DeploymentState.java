package io.vudo.node.internal;

import io.vudo.protocol.ModuleDigest;
import io.vudo.spirit.Deployment;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * All that is deployed.
 *
 * @param byType ordered by name
 * @param revision that of the newest deployment
 */
record DeploymentState(Map<String, Type> byType, long revision) {
  static final DeploymentState EMPTY = new DeploymentState(Map.of(), 0);

  /**
   * A deployment to which living Spirits go over.
   *
   * @param deployment what they go over to
   * @param from the last other module that was deployed before; empty when there was none
   */
  record Swap(Deployment deployment, Optional<ModuleDigest> from) {}

  /**
   * What is known of one type.
   *
   * @param newest its newest deployment
   * @param swap its newest deployment that was a swap
   * @param before the last other module before the newest
   * @param requestId of whoever asked for the newest; only the register knows it
   */
  record Type(
      Deployment newest, Optional<Swap> swap, Optional<ModuleDigest> before, String requestId) {}

  /** With one more deployment. */
  DeploymentState with(Deployment deployment, boolean swap, String requestId) {
    Optional<Type> now = Optional.ofNullable(byType.get(deployment.type()));
    Optional<ModuleDigest> before =
        now.map(Type::newest)
            .map(Deployment::digest)
            .filter(digest -> !digest.equals(deployment.digest()))
            .or(() -> now.flatMap(Type::before));
    Type type =
        new Type(
            deployment,
            swap ? Optional.of(new Swap(deployment, before)) : now.flatMap(Type::swap),
            before,
            requestId);
    return with(List.of(type), deployment.revision());
  }

  /** With these in the place of what was known of their types. */
  DeploymentState with(Collection<Type> newer, long upTo) {
    Map<String, Type> changed = new TreeMap<>(byType);
    for (Type type : newer) {
      changed.merge(
          type.newest().type(),
          type,
          (now, next) -> next.newest().revision() >= now.newest().revision() ? next : now);
    }
    return new DeploymentState(changed, upTo);
  }

  /** The types that have changed since a revision, the oldest change first. */
  List<Type> since(long known, int most) {
    return byType.values().stream()
        .filter(type -> type.newest().revision() > known)
        .sorted(Comparator.comparingLong(type -> type.newest().revision()))
        .limit(most)
        .toList();
  }
}
