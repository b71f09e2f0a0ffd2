package io.vudo.node.internal;

import io.vudo.protocol.Template;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.TupleJson;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.WatchHandler;
import io.vudo.tuplespace.Tuplespace;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** Watches of spaces as streams of server-sent events. */
final class WatchStreams {
  private final ActorSystem<?> system;
  private final Tuplespace spaces;
  private final EndlessStreams streams;
  private final long maxBytesBehind;

  /**
   * Streams of {@code spaces}.
   *
   * @param streams end each of them
   * @param maxBytesBehind how much may wait for one client
   */
  WatchStreams(
      ActorSystem<?> system, Tuplespace spaces, EndlessStreams streams, long maxBytesBehind) {
    this.system = system;
    this.spaces = spaces;
    this.streams = streams;
    this.maxBytesBehind = maxBytesBehind;
  }

  /** Begins a watch; it ends when the client goes away. */
  CompletionStage<HttpResponse> open(String space, Template template) {
    EventFeed feed = new EventFeed(system, maxBytesBehind);
    return spaces
        .watch(space, template, new Events(feed))
        .whenComplete(
            (watch, failure) -> {
              if (watch == null) {
                feed.finish();
              } else {
                feed.whenOver(watch::close);
              }
            })
        .thenApply(watch -> feed.response(streams));
  }

  private record Events(EventFeed feed) implements WatchHandler {
    @Override
    public void changed(TupleChange change) {
      feed.send(change.kind().text(), change.tuple().map(TupleJson::write).orElse("null"));
    }

    @Override
    public void ended(VudoError why) {
      feed.end(why);
    }
  }
}
