package io.vudo.spirit.internal.actor;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoError;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.Completed;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.Reply;
import io.vudo.spirit.ActorMessage;
import io.vudo.spirit.internal.turn.GuestStatus;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/**
 * What Spirits send to an actor of a service, on its way there: in order, one message of each
 * Spirit at a time, and each once as long as this process lives.
 *
 * <p>It remembers of each Spirit the position of the last message that it took, as the inbox of a
 * Spirit does, but in memory only.
 */
final class ActorInbox extends AbstractBehavior<SpiritCommand> {
  private static final Comparator<Position> ORDER =
      Comparator.comparingLong(Position::getTurn).thenComparingInt(Position::getIndex);

  private static final int MAX_FAILURES = 1_000;

  /**
   * {@code vudo.service.actor} of the configuration.
   *
   * @param redelivery after how long the actor gets a message again that it has not acknowledged
   * @param maxSenders Spirits whose last position is remembered
   * @param maxWaiting messages of all Spirits that may wait
   */
  record Settings(Duration redelivery, int maxSenders, int maxWaiting) {}

  /** A message that the actor has, or will get. */
  private static final class Work {
    private final Message message;
    private ActorRef<DeliveryReply> replyTo;
    private long handedNanos;

    Work(Message message, ActorRef<DeliveryReply> replyTo) {
      this.message = message;
      this.replyTo = replyTo;
    }
  }

  /** What is known of a Spirit. */
  private static final class Sender {
    /** The actor has the first one. */
    private final Deque<Work> waiting = new ArrayDeque<>();

    private Position lastMessage;
    private Position lastQuestion;
    private String answeredId = "";
    private Answer answer;
  }

  private final Hosts hosts;
  private final ActorRef<ActorMessage> actor;
  private final Settings settings;
  private final Map<String, Sender> senders = new LinkedHashMap<>(16, 0.75f, true);

  /** How messages failed, by sender and id: their sender may not have heard it. */
  private final Map<String, DeliveryReply> failures = new LinkedHashMap<>();

  private int waiting;

  private ActorInbox(
      ActorContext<SpiritCommand> context,
      Hosts hosts,
      ActorRef<ActorMessage> actor,
      Settings settings) {
    super(context);
    context.setLoggerName(ActorInbox.class);
    this.hosts = hosts;
    this.actor = actor;
    this.settings = settings;
    context.watchWith(actor, SpiritCommand.Passivate.INSTANCE);
    context
        .getSystem()
        .receptionist()
        .tell(Receptionist.register(ActorDirectory.KEY, context.getSelf()));
  }

  static Behavior<SpiritCommand> create(
      Hosts hosts, ActorRef<ActorMessage> actor, Settings settings) {
    return Behaviors.setup(context -> new ActorInbox(context, hosts, actor, settings));
  }

  /** With an actor of its own, which ends with it. */
  static Behavior<SpiritCommand> create(
      Hosts hosts, Behavior<ActorMessage> actor, Settings settings) {
    return Behaviors.setup(
        context -> new ActorInbox(context, hosts, context.spawn(actor, "actor"), settings));
  }

  @Override
  public Receive<SpiritCommand> createReceive() {
    return newReceiveBuilder()
        .onMessage(SpiritCommand.Deliver.class, this::onDeliver)
        .onMessage(SpiritCommand.ActorDone.class, this::onDone)
        .onMessage(SpiritCommand.Passivate.class, this::onPassivate)
        .build();
  }

  private Behavior<SpiritCommand> onDeliver(SpiritCommand.Deliver deliver) {
    Message message = deliver.message();
    Sender sender = senders.computeIfAbsent(message.getSender(), name -> new Sender());
    Work underWay = find(sender, message.getId());
    handAgain(sender);
    if (underWay != null) {
      underWay.replyTo = deliver.replyTo();
    } else if (message.getKind() == Message.Kind.QUESTION) {
      onQuestion(sender, deliver);
    } else {
      onMessage(sender, deliver);
    }
    trim();
    return this;
  }

  private static Work find(Sender sender, String id) {
    for (Work work : sender.waiting) {
      if (work.message.getId().equals(id)) {
        return work;
      }
    }
    return null;
  }

  private void onQuestion(Sender sender, SpiritCommand.Deliver deliver) {
    Message question = deliver.message();
    if (question.getId().equals(sender.answeredId)) {
      answer(question, sender.answer);
    } else if (sender.lastQuestion == null
        || ORDER.compare(question.getPosition(), sender.lastQuestion) > 0) {
      dropQuestions(sender);
      if (take(sender, deliver)) {
        sender.lastQuestion = question.getPosition();
      }
    }
    // Else it is an older one, for which its Spirit does not wait any more.
  }

  /** Who asks anew does not wait for an earlier answer any more. */
  private void dropQuestions(Sender sender) {
    Work first = sender.waiting.peek();
    int before = sender.waiting.size();
    sender.waiting.removeIf(work -> work.message.getKind() == Message.Kind.QUESTION);
    waiting -= before - sender.waiting.size();
    if (first != sender.waiting.peek() && !sender.waiting.isEmpty()) {
      hand(sender.waiting.element());
    }
  }

  private void onMessage(Sender sender, SpiritCommand.Deliver deliver) {
    Message message = deliver.message();
    if (!message.hasPosition()) {
      take(sender, deliver);
    } else if (sender.lastMessage != null
        && ORDER.compare(message.getPosition(), sender.lastMessage) <= 0) {
      deliver.replyTo().tell(failures.getOrDefault(failureKey(message), handled(message.getId())));
    } else if (message.hasPrevious()
        && (sender.lastMessage == null
            || ORDER.compare(message.getPrevious(), sender.lastMessage) > 0)) {
      deliver.refuse(
          new VudoError(ErrorCode.SPIRIT_UNAVAILABLE, "An earlier message must come first."));
    } else if (take(sender, deliver)) {
      sender.lastMessage = message.getPosition();
    }
  }

  private static DeliveryReply handled(String id) {
    return new DeliveryReply.Handled(id, 0, Completed.getDefaultInstance());
  }

  private static String failureKey(Message message) {
    return message.getSender() + " " + message.getId();
  }

  private boolean take(Sender sender, SpiritCommand.Deliver deliver) {
    if (waiting >= settings.maxWaiting()) {
      deliver.refuse(
          new VudoError(
              ErrorCode.MAILBOX_FULL,
              waiting + " messages wait for the actor: vudo.service.actor.max-waiting."));
      return false;
    }
    waiting++;
    sender.waiting.add(new Work(deliver.message(), deliver.replyTo()));
    if (sender.waiting.size() == 1) {
      hand(sender.waiting.element());
    }
    return true;
  }

  private void hand(Work work) {
    work.handedNanos = System.nanoTime();
    ActorRef<SpiritCommand> self = getContext().getSelf();
    Message message = work.message;
    actor.tell(
        ActorMessages.of(
            message,
            outcome ->
                self.tell(
                    new SpiritCommand.ActorDone(message.getSender(), message.getId(), outcome))));
  }

  /**
   * The actor may have lost it, with a failure of its own; and what waits behind it comes again.
   */
  private void handAgain(Sender sender) {
    Work first = sender.waiting.peek();
    if (first != null && System.nanoTime() - first.handedNanos > settings.redelivery().toNanos()) {
      getContext()
          .getLog()
          .warn(
              "Message {} of {} is not acknowledged within {} ms, and handed to the actor again",
              first.message.getId(),
              first.message.getSender(),
              settings.redelivery().toMillis());
      hand(first);
    }
  }

  private Behavior<SpiritCommand> onDone(SpiritCommand.ActorDone done) {
    Sender sender = senders.get(done.sender());
    Work work = sender == null ? null : sender.waiting.peek();
    if (work == null || !work.message.getId().equals(done.messageId())) {
      // Acknowledged already.
      return this;
    }
    sender.waiting.remove();
    waiting--;
    if (work.message.getKind() == Message.Kind.QUESTION) {
      sender.answeredId = work.message.getId();
      sender.answer = Answer.newBuilder().setReply(reply(done.outcome())).build();
      answer(work.message, sender.answer);
    } else {
      work.replyTo.tell(acknowledged(work.message, done.outcome()));
    }
    if (!sender.waiting.isEmpty()) {
      hand(sender.waiting.element());
    }
    return this;
  }

  private static Reply reply(ActorMessages.Outcome outcome) {
    return outcome.failure().isEmpty()
        ? Reply.newBuilder().setPayload(outcome.payload()).build()
        : Reply.newBuilder()
            .setStatus(GuestStatus.FAILED)
            .setPayload(ByteString.copyFromUtf8(outcome.failure()))
            .build();
  }

  /** By the asker's address: it may have left memory, or moved. */
  private void answer(Message question, Answer answer) {
    hosts.send(question.getSender(), new SpiritCommand.Answered(question.getId(), answer));
  }

  private DeliveryReply acknowledged(Message message, ActorMessages.Outcome outcome) {
    if (outcome.failure().isEmpty()) {
      return handled(message.getId());
    }
    DeliveryReply refused =
        new DeliveryReply.Refused(
            message.getId(), new VudoError(ErrorCode.ACTOR_FAILED, outcome.failure()));
    failures.put(failureKey(message), refused);
    var oldest = failures.keySet().iterator();
    while (failures.size() > MAX_FAILURES) {
      oldest.next();
      oldest.remove();
    }
    return refused;
  }

  private void trim() {
    var oldest = senders.values().iterator();
    while (senders.size() > settings.maxSenders() && oldest.hasNext()) {
      if (oldest.next().waiting.isEmpty()) {
        oldest.remove();
      }
    }
  }

  /** What waits here is sent again by the Spirits: to another actor of the name, or later. */
  private Behavior<SpiritCommand> onPassivate(SpiritCommand.Passivate passivate) {
    getContext()
        .getSystem()
        .receptionist()
        .tell(Receptionist.deregister(ActorDirectory.KEY, getContext().getSelf()));
    return Behaviors.stopped();
  }
}
