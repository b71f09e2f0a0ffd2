package io.vudo.spirit.internal.turn;

import io.vudo.protocol.Capability;
import io.vudo.protocol.Capability.Kind;
import java.util.List;

/** What one Spirit may do. Immutable. */
final class Grants {
  private final List<Capability> granted;

  private Grants(List<Capability> granted) {
    this.granted = granted;
  }

  static Grants of(List<String> capabilities) {
    return new Grants(capabilities.stream().map(Capability::parse).toList());
  }

  boolean allow(Kind wanted) {
    return allow(wanted, "");
  }

  boolean allow(Kind wanted, String object) {
    for (Capability capability : granted) {
      if (capability.allows(wanted, object)) {
        return true;
      }
    }
    return false;
  }
}
