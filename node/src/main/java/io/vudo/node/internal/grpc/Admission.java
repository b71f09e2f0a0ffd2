package io.vudo.node.internal.grpc;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.vudo.node.internal.Gateway;
import io.vudo.node.internal.Route;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.apache.pekko.actor.Cancellable;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * Has the gateway judge calls by their headers: of one that is refused no message is read. One that
 * is let in counts from then on, and ends when its request does not come in time; so nobody fills
 * the memory with requests that are not answered because they never end.
 */
final class Admission implements ServerInterceptor {
  private static final Context.Key<Gateway.Call> KEY = Context.key("vudo-admitted");

  private final ActorSystem<?> system;
  private final Gateway gateway;
  private final Function<String, Optional<Route>> routes;
  private final Duration timeout;

  /**
   * Admission of calls whose {@link CallContext} is known.
   *
   * @param routes what the operation of a name is for; calls for which there is nothing pass, and
   *     are judged by whoever answers them
   * @param timeout how long a request may take to come
   */
  Admission(
      ActorSystem<?> system,
      Gateway gateway,
      Function<String, Optional<Route>> routes,
      Duration timeout) {
    this.system = system;
    this.gateway = gateway;
    this.routes = routes;
    this.timeout = timeout;
  }

  /** The call that is being begun, which was let in. */
  static Gateway.Call current() {
    return KEY.get();
  }

  /** Ends a call with the answer that tells an error. */
  static void close(ServerCall<?, ?> call, HttpResponse problem) {
    StatusRuntimeException failure = Answers.failure(problem);
    call.close(
        failure.getStatus(), Optional.ofNullable(failure.getTrailers()).orElseGet(Metadata::new));
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    Optional<Route> route = routes.apply(call.getMethodDescriptor().getFullMethodName());
    return route.isEmpty()
        ? next.startCall(call, headers)
        : judged(route.get(), new ClosedOnce<>(call), headers, next);
  }

  private <Q, A> ServerCall.Listener<Q> judged(
      Route route, ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    Gateway.Call begun = gateway.begin(route, CallContext.current().admissible());
    if (begun.refusal().isPresent()) {
      var unused = begun.refusal().get().thenAccept(response -> close(call, response));
      return new ServerCall.Listener<>() {};
    }
    Cancellable timer =
        system
            .scheduler()
            .scheduleOnce(
                timeout,
                () ->
                    begun
                        .expire()
                        .ifPresent(
                            refusal -> refusal.thenAccept(response -> close(call, response))),
                system.executionContext());
    Runnable leave =
        () -> {
          timer.cancel();
          begun.leave();
        };
    try {
      return new Leaving<>(
          Contexts.interceptCall(Context.current().withValue(KEY, begun), call, headers, next),
          leave);
    } catch (RuntimeException e) {
      leave.run();
      throw e;
    }
  }

  /** A call that may be closed by its timer while whoever answers it closes it, too. */
  private static final class ClosedOnce<Q, A> extends SimpleForwardingServerCall<Q, A> {
    private final AtomicBoolean closed = new AtomicBoolean();

    ClosedOnce(ServerCall<Q, A> call) {
      super(call);
    }

    @Override
    public void close(Status status, Metadata trailers) {
      if (closed.compareAndSet(false, true)) {
        super.close(status, trailers);
      }
    }
  }

  /** Leaves when the call is over. */
  private static final class Leaving<Q> extends SimpleForwardingServerCallListener<Q> {
    private final Runnable leave;

    Leaving(ServerCall.Listener<Q> listener, Runnable leave) {
      super(listener);
      this.leave = leave;
    }

    @Override
    public void onCancel() {
      leave.run();
      super.onCancel();
    }

    @Override
    public void onComplete() {
      leave.run();
      super.onComplete();
    }
  }
}
