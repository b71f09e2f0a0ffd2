package io.vudo.node.internal;

import io.vudo.protocol.VudoException;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** A request that is answered with more than a problem alone: with headers, say. */
final class Refused extends RuntimeException {
  private final transient HttpResponse response;

  Refused(VudoException why, HttpResponse response) {
    super(why.getMessage(), why, false, false);
    this.response = response;
  }

  HttpResponse response() {
    return response;
  }
}
