package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import org.apache.pekko.event.LoggingAdapter;
import org.apache.pekko.http.ParsingErrorHandler;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.scaladsl.model.ErrorInfo;
import org.apache.pekko.http.scaladsl.model.StatusCode;
import org.apache.pekko.http.scaladsl.settings.ServerSettings;

/**
 * Answers what is not even HTTP (a bad request line, a header that is too long, an address with
 * illegal characters) like every other refusal. Named in pekko.conf.
 */
public final class UnreadableRequest extends ParsingErrorHandler {

  @Override
  public HttpResponse handle(
      StatusCode status, ErrorInfo error, LoggingAdapter log, ServerSettings settings) {
    return Gateway.problem(new VudoException(ErrorCode.REQUEST_INVALID, error.summary() + "."));
  }
}
