package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Template;
import io.vudo.protocol.TupleChange;
import io.vudo.protocol.TupleJson;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.Watch;
import io.vudo.protocol.WatchHandler;
import io.vudo.tuplespace.Tuplespace;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.MediaTypes;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.apache.pekko.japi.Pair;
import org.apache.pekko.stream.BoundedSourceQueue;
import org.apache.pekko.stream.QueueOfferResult;
import org.apache.pekko.stream.SharedKillSwitch;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/**
 * Watches of spaces as streams of server-sent events.
 *
 * <p>A client takes events as fast as it reads its connection. What it has not taken yet waits
 * here, bounded in number and bytes; beyond, the watch ends and the client, when it reads on, is
 * told {@code WATCH_TOO_SLOW}. So one that does not read costs neither a thread nor more memory
 * than that.
 */
final class WatchStreams {
  private static final ContentType EVENT_STREAM = ContentTypes.create(MediaTypes.TEXT_EVENT_STREAM);

  /** Lines that begin with a colon mean nothing; sending them shows whether the client lives. */
  private static final ByteString SIGN_OF_LIFE = ByteString.fromString(": \n\n");

  private static final Duration SIGN_OF_LIFE_EVERY = Duration.ofSeconds(10);

  /** As many changes may be on their way from the space by default. */
  private static final int MAX_EVENTS_BEHIND = 10_000;

  private final ActorSystem<?> system;
  private final Tuplespace spaces;
  private final SharedKillSwitch stop;
  private final long maxBytesBehind;

  /**
   * Streams of {@code spaces}.
   *
   * @param stop ends each of them
   * @param maxBytesBehind how much may wait for one client
   */
  WatchStreams(
      ActorSystem<?> system, Tuplespace spaces, SharedKillSwitch stop, long maxBytesBehind) {
    this.system = system;
    this.spaces = spaces;
    this.stop = stop;
    this.maxBytesBehind = maxBytesBehind;
  }

  /** Begins a watch; it ends when the client goes away. */
  CompletionStage<HttpResponse> open(String space, Template template) {
    Events events = new Events(maxBytesBehind);
    Pair<BoundedSourceQueue<ByteString>, Source<ByteString, NotUsed>> stream =
        Source.<ByteString>queue(MAX_EVENTS_BEHIND)
            .map(events::taken)
            .watchTermination(
                (queue, ended) -> {
                  ended.whenComplete((done, failure) -> events.clientLeft());
                  return queue;
                })
            .preMaterialize(system);
    events.queue = stream.first();
    return spaces
        .watch(space, template, events)
        .whenComplete((watch, failure) -> events.started(watch))
        .thenApply(
            watch ->
                HttpResponse.create()
                    .addHeader(RawHeader.create("Cache-Control", "no-store"))
                    .withEntity(
                        HttpEntities.createChunked(
                            EVENT_STREAM,
                            Source.single(SIGN_OF_LIFE)
                                .concat(stream.second())
                                .concatLazy(Source.lazySource(events::last))
                                .keepAlive(SIGN_OF_LIFE_EVERY, () -> SIGN_OF_LIFE)
                                .via(stop.flow()))));
  }

  /** Between the watch and the stream. */
  private static final class Events implements WatchHandler {
    private final long maxBytesBehind;
    private final AtomicLong bytesBehind = new AtomicLong();
    private final AtomicReference<VudoError> error = new AtomicReference<>();

    // Set before anybody else sees this.
    private BoundedSourceQueue<ByteString> queue;

    // Guarded by this.
    private Watch watch;
    private boolean over;

    Events(long maxBytesBehind) {
      this.maxBytesBehind = maxBytesBehind;
    }

    /** The watch has begun; null when it has not, and then nobody will read the stream. */
    void started(Watch begun) {
      boolean close;
      synchronized (this) {
        watch = begun;
        close = over;
      }
      if (begun == null) {
        queue.complete();
      } else if (close) {
        begun.close();
      }
    }

    @Override
    public void changed(TupleChange change) {
      ByteString event =
          event(change.kind().text(), change.tuple().map(TupleJson::write).orElse("null"));
      long behind = bytesBehind.addAndGet(event.size());
      // One alone is never too much: a tuple may be larger than any bound that is set.
      if ((behind > maxBytesBehind && behind > event.size())
          || queue.offer(event) != QueueOfferResult.enqueued()) {
        end(
            new VudoError(
                ErrorCode.WATCH_TOO_SLOW,
                "The client is " + queue.size() + " changes, " + behind + " bytes behind."));
      }
    }

    @Override
    public void ended(VudoError why) {
      end(why);
    }

    ByteString taken(ByteString event) {
      bytesBehind.addAndGet(-event.size());
      return event;
    }

    /** What comes after the last change. */
    Source<ByteString, NotUsed> last() {
      return Optional.ofNullable(error.get())
          .map(VudoError::toException)
          .map(WatchStreams::problem)
          .map(Source::single)
          .orElseGet(Source::empty);
    }

    private void end(VudoError why) {
      error.compareAndSet(null, why);
      closeWatch();
      if (!queue.isCompleted()) {
        queue.complete();
      }
    }

    void clientLeft() {
      closeWatch();
    }

    private void closeWatch() {
      Watch open;
      synchronized (this) {
        over = true;
        open = watch;
      }
      if (open != null) {
        open.close();
      }
    }
  }

  private static ByteString problem(VudoException failure) {
    return event("error", new String(Json.write(Json.problem(failure)), StandardCharsets.UTF_8));
  }

  /** JSON on one line is data on one line. */
  private static ByteString event(String name, String data) {
    return ByteString.fromString("event: " + name + "\ndata: " + data + "\n\n");
  }
}
