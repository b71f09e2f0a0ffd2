package io.vudo.spirit.internal.ghost;

import org.apache.pekko.actor.Props;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.persistence.AbstractPersistentActor;
import org.apache.pekko.persistence.DeleteMessagesFailure;
import org.apache.pekko.persistence.DeleteMessagesSuccess;
import org.apache.pekko.persistence.Recovery;
import org.apache.pekko.persistence.RecoveryCompleted;

/**
 * Deletes all events of a run, says so, and ends. The typed API deletes events with snapshots only;
 * a run has none. The journal keeps the last one, which is empty, for its number.
 */
final class EventEraser {
  private final String persistenceId;
  private final GhostSettings settings;
  private final ActorRef<GhostCommand> replyTo;

  private EventEraser(
      String persistenceId, GhostSettings settings, ActorRef<GhostCommand> replyTo) {
    this.persistenceId = persistenceId;
    this.settings = settings;
    this.replyTo = replyTo;
  }

  /** Begins at once; {@code replyTo} gets one {@link GhostCommand.Erased}. */
  static Props props(String persistenceId, GhostSettings settings, ActorRef<GhostCommand> replyTo) {
    EventEraser eraser = new EventEraser(persistenceId, settings, replyTo);
    return Props.create(Worker.class, () -> eraser.new Worker());
  }

  /** Has no fields that its super class, whose constructor asks for the plugins, would not see. */
  private final class Worker extends AbstractPersistentActor {
    private boolean told;

    @Override
    public String persistenceId() {
      return persistenceId;
    }

    @Override
    public String journalPluginId() {
      return settings.journalPlugin();
    }

    @Override
    public String snapshotPluginId() {
      return settings.snapshotPlugin();
    }

    @Override
    public Recovery recovery() {
      return Recovery.none();
    }

    @Override
    public Receive createReceiveRecover() {
      return receiveBuilder()
          // Not whatever there is: it may be done late, when a new run has begun under this name.
          .match(RecoveryCompleted.class, completed -> deleteMessages(lastSequenceNr()))
          .build();
    }

    @Override
    public Receive createReceive() {
      return receiveBuilder()
          .match(DeleteMessagesSuccess.class, done -> end(null))
          .match(DeleteMessagesFailure.class, failed -> end(failed.cause()))
          .build();
    }

    private void end(Throwable failure) {
      tell(failure);
      getContext().stop(getSelf());
    }

    private void tell(Throwable failure) {
      if (!told) {
        told = true;
        replyTo.tell(new GhostCommand.Erased(failure));
      }
    }

    @Override
    public void postStop() throws Exception {
      tell(new IllegalStateException("The journal did not answer."));
      super.postStop();
    }
  }
}
