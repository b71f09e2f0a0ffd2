package io.vudo.node.internal.grpc;

import io.grpc.stub.ServerCallStreamObserver;
import java.util.Optional;
import java.util.concurrent.Executor;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.stream.Attributes;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.SinkQueueWithCancel;
import org.apache.pekko.stream.javadsl.Source;

/**
 * Lets a stream of messages go to a client as fast as it takes them: one is asked for when the
 * connection has room for it. So what the client does not read waits at its origin, which has
 * bounds for that.
 *
 * @param <A> the messages
 */
final class AnswerStream<A> {
  private final ServerCallStreamObserver<A> client;
  private final SinkQueueWithCancel<A> messages;
  private final Executor executor;

  // Guarded by this.
  private boolean pulling;
  private boolean over;

  private AnswerStream(
      ServerCallStreamObserver<A> client, SinkQueueWithCancel<A> messages, Executor executor) {
    this.client = client;
    this.messages = messages;
    this.executor = executor;
  }

  /**
   * A client for whom there is nothing yet. It has to be prepared while its call begins, before the
   * messages are known.
   */
  static <A> Prepared<A> prepare(ServerCallStreamObserver<A> client, ActorSystem<?> system) {
    Prepared<A> prepared = new Prepared<>(client, system);
    client.setOnReadyHandler(prepared::ready);
    client.setOnCancelHandler(prepared::cancel);
    return prepared;
  }

  /** A client that waits. Thread-safe. */
  static final class Prepared<A> {
    private final ServerCallStreamObserver<A> client;
    private final ActorSystem<?> system;

    // Guarded by this.
    private AnswerStream<A> stream;
    private boolean cancelled;

    private Prepared(ServerCallStreamObserver<A> client, ActorSystem<?> system) {
      this.client = client;
      this.system = system;
    }

    private void ready() {
      AnswerStream<A> begun;
      synchronized (this) {
        begun = stream;
      }
      if (begun != null) {
        begun.pull();
      }
    }

    private void cancel() {
      AnswerStream<A> begun;
      synchronized (this) {
        cancelled = true;
        begun = stream;
      }
      if (begun != null) {
        begun.messages.cancel();
      }
    }

    /** Lets them go; once. */
    void send(Source<A, NotUsed> messages) {
      AnswerStream<A> begun =
          new AnswerStream<>(
              client,
              messages.runWith(
                  Sink.<A>queue().withAttributes(Attributes.inputBuffer(1, 1)), system),
              system.executionContext());
      boolean gone;
      synchronized (this) {
        stream = begun;
        gone = cancelled;
      }
      if (gone) {
        begun.messages.cancel();
      } else {
        begun.pull();
      }
    }
  }

  private void pull() {
    synchronized (this) {
      if (pulling || over || !client.isReady()) {
        return;
      }
      pulling = true;
    }
    // Not at once: many that are there already would otherwise be as many calls deep.
    messages.pull().whenCompleteAsync(this::pulled, executor);
  }

  private void pulled(Optional<A> message, Throwable failure) {
    synchronized (this) {
      pulling = false;
      over = failure != null || message.isEmpty();
    }
    if (client.isCancelled()) {
      messages.cancel();
    } else if (failure != null) {
      client.onError(Answers.failure(failure));
    } else if (message.isEmpty()) {
      client.onCompleted();
    } else {
      client.onNext(message.get());
      pull();
    }
  }
}
