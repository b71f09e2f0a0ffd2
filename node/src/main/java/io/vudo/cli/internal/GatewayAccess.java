package io.vudo.cli.internal;

import java.util.Optional;
import javax.net.ssl.SSLContext;

/**
 * By what a command gets into a gateway.
 *
 * @param token what it says; empty for nothing
 * @param tls whom it trusts and what certificate it shows; empty for what Java trusts and none
 */
record GatewayAccess(Optional<String> token, Optional<SSLContext> tls) {
  /** That of somebody who has nothing to show. */
  static final GatewayAccess NONE = new GatewayAccess(Optional.empty(), Optional.empty());

  /** Not what it holds. */
  @Override
  public String toString() {
    return "GatewayAccess";
  }
}
