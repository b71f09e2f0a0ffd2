package io.vudo.node.internal;

import io.vudo.node.internal.wire.DeploymentsUpdate;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/**
 * A node's copy of what is deployed: it follows the {@link DeploymentRegister}, wherever that is.
 *
 * <p>It tells the register once a second which revision it has, which subscribes it, acknowledges
 * what it got, and brings what got lost on the way or with a register that moved.
 */
final class DeploymentView {
  private static final Duration TELL_INTERVAL = Duration.ofSeconds(1);

  /** What it understands: updates, and its own clock. */
  sealed interface Message {}

  private record Received(DeploymentsUpdate update) implements Message {}

  private enum Tell implements Message {
    INSTANCE
  }

  /**
   * What was taken over.
   *
   * @param state all that is known now
   * @param changed the types that are new in it
   * @param complete whether there was nothing newer
   */
  record Change(DeploymentState state, List<DeploymentState.Type> changed, boolean complete) {}

  private final String node;
  private final ActorRef<DeploymentRegister.Command> register;
  private final ActorRef<DeploymentsUpdate> updates;
  private final Consumer<Change> listener;
  private DeploymentState state = DeploymentState.EMPTY;

  private DeploymentView(
      ActorContext<Message> context,
      String node,
      ActorRef<DeploymentRegister.Command> register,
      Consumer<Change> listener) {
    this.node = node;
    this.register = register;
    this.listener = listener;
    this.updates = context.messageAdapter(DeploymentsUpdate.class, Received::new);
  }

  /**
   * The view.
   *
   * @param node which node it is on
   * @param register the way to the register
   * @param listener is told of every update before it is acknowledged
   */
  static Behavior<Message> create(
      String node, ActorRef<DeploymentRegister.Command> register, Consumer<Change> listener) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers -> {
                  timers.startTimerWithFixedDelay(Tell.INSTANCE, Duration.ZERO, TELL_INTERVAL);
                  DeploymentView view = new DeploymentView(context, node, register, listener);
                  return Behaviors.receive(Message.class)
                      .onMessage(Received.class, received -> view.take(received.update()))
                      .onMessageEquals(Tell.INSTANCE, view::tell)
                      .build();
                }));
  }

  private Behavior<Message> tell() {
    register.tell(new DeploymentRegister.Seen(state.revision(), node, updates));
    return Behaviors.same();
  }

  private Behavior<Message> take(DeploymentsUpdate update) {
    boolean fits = update.getAfter() <= state.revision() && update.getUpTo() >= state.revision();
    boolean news = update.getUpTo() > state.revision();
    if (fits) {
      List<DeploymentState.Type> types =
          update.getTypesList().stream().map(DeploymentFormat::read).toList();
      state = news ? state.with(types, update.getUpTo()) : state;
      listener.accept(
          new Change(state, news ? types : List.of(), update.getUpTo() == update.getNewest()));
    }
    // Something is missing, or was taken over and is to be acknowledged.
    return update.getAfter() > state.revision() || news ? tell() : Behaviors.same();
  }
}
