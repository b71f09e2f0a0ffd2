package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoError;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
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
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/**
 * Server-sent events for one client. Thread-safe.
 *
 * <p>A client takes events as fast as it reads its connection. What it has not taken yet waits
 * here, bounded in number and bytes; beyond, the feed ends and the client, when it reads on, is
 * told {@code WATCH_TOO_SLOW}. So one that does not read costs neither a thread nor more memory
 * than that.
 */
final class EventFeed {
  private static final ContentType EVENT_STREAM = ContentTypes.create(MediaTypes.TEXT_EVENT_STREAM);

  /** Lines that begin with a colon mean nothing; sending them shows whether the client lives. */
  private static final ByteString SIGN_OF_LIFE = ByteString.fromString(": \n\n");

  private static final Duration SIGN_OF_LIFE_EVERY = Duration.ofSeconds(10);

  /** As many events may be on their way from a space by default. */
  private static final int MAX_EVENTS_BEHIND = 10_000;

  private final long maxBytesBehind;
  private final AtomicLong bytesBehind = new AtomicLong();
  private final AtomicReference<VudoError> error = new AtomicReference<>();
  private final BoundedSourceQueue<ByteString> queue;
  private final Source<ByteString, NotUsed> stream;

  // Guarded by this.
  private Runnable closing;
  private boolean over;

  /**
   * A feed without events.
   *
   * @param maxBytesBehind how much may wait for the client
   */
  EventFeed(ActorSystem<?> system, long maxBytesBehind) {
    this.maxBytesBehind = maxBytesBehind;
    Pair<BoundedSourceQueue<ByteString>, Source<ByteString, NotUsed>> queued =
        Source.<ByteString>queue(MAX_EVENTS_BEHIND)
            .map(this::taken)
            .watchTermination(
                (sink, ended) -> {
                  ended.whenComplete((done, failure) -> over());
                  return sink;
                })
            .preMaterialize(system);
    this.queue = queued.first();
    this.stream = queued.second();
  }

  private ByteString taken(ByteString event) {
    bytesBehind.addAndGet(-event.size());
    return event;
  }

  /**
   * The answer that carries the feed; once.
   *
   * @param streams end it with them, and drop what the client has not taken
   */
  HttpResponse response(EndlessStreams streams) {
    return response(streams.ending(events()));
  }

  /**
   * The answer that carries the feed until it is over; once.
   *
   * @param streams know of it
   */
  HttpResponse responseUntilOver(EndlessStreams streams) {
    return response(streams.counted(events()));
  }

  private static HttpResponse response(Source<ByteString, NotUsed> events) {
    return HttpResponse.create()
        .addHeader(RawHeader.create("Cache-Control", "no-store"))
        .withEntity(HttpEntities.createChunked(EVENT_STREAM, events));
  }

  private Source<ByteString, NotUsed> events() {
    return Source.single(SIGN_OF_LIFE)
        .concat(stream)
        .concatLazy(Source.lazySource(this::last))
        .keepAlive(SIGN_OF_LIFE_EVERY, () -> SIGN_OF_LIFE);
  }

  /** What comes after the last event. */
  private Source<ByteString, NotUsed> last() {
    return Optional.ofNullable(error.get())
        .map(why -> new String(Json.write(Json.problem(why.toException())), StandardCharsets.UTF_8))
        .map(problem -> Source.single(event("error", problem)))
        .orElseGet(Source::empty);
  }

  /**
   * Sends an event, unless the feed is over.
   *
   * @param data JSON on one line
   */
  void send(String name, String data) {
    ByteString event = event(name, data);
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

  /** Ends the feed, and tells the client why. */
  void end(VudoError why) {
    error.compareAndSet(null, why);
    over();
    close();
  }

  /** Ends the feed; what was sent before still reaches a client that reads. */
  void finish() {
    over();
    close();
  }

  private void close() {
    if (!queue.isCompleted()) {
      queue.complete();
    }
  }

  /** Runs this once the feed is over, whoever ended it; at once when it is. */
  void whenOver(Runnable close) {
    synchronized (this) {
      if (!over) {
        closing = close;
        return;
      }
    }
    close.run();
  }

  private void over() {
    Runnable run;
    synchronized (this) {
      over = true;
      run = closing;
      closing = null;
    }
    if (run != null) {
      run.run();
    }
  }

  private static ByteString event(String name, String data) {
    return ByteString.fromString("event: " + name + "\ndata: " + data + "\n\n");
  }
}
