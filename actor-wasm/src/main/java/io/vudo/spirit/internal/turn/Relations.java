package io.vudo.spirit.internal.turn;

import com.google.protobuf.ByteString;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.Failed;
import io.vudo.protocol.journal.v1.Link;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.Send;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.Turn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * Who watches a Spirit, whom it watches, and to whom it is linked: a part of its state.
 *
 * <p>It changes by effects of completed turns of the guest, and by turns of the host's own, which
 * handle what other Spirits ask for. Whether they got it is decided once, before the turn is
 * journaled; the record of one who was refused has the refusal among its effects.
 *
 * <p>A link is known to both sides by the id of the message that asked for it, so that the end of
 * one is not taken for the end of another that was made meanwhile. When both ask at once there are
 * two, which does no harm. Confined to its machine.
 */
final class Relations {
  /** Why there is nobody to watch. */
  static final String NOT_FOUND = "not_found";

  private static final String STOPPED = "stopped";
  private static final String LIMIT = "limit";

  /** Above the index of any effect and any timer's message: a life's end comes after all. */
  private static final int FIRST_INDEX = 2_000_000_000;

  private final SpiritId self;
  private final int most;
  private final Set<String> watchers = new LinkedHashSet<>();
  private final Set<String> watched = new LinkedHashSet<>();

  /** By the id of the link, the Spirit at its other end. */
  private final Map<String, String> links = new LinkedHashMap<>();

  /**
   * Nobody at first.
   *
   * @param most watchers, watched ones, and links: so many of each
   */
  Relations(SpiritId self, int most) {
    this.self = self;
    this.most = most;
  }

  /** Whether a message is handled without the guest. */
  static boolean isForHost(Message.Kind kind) {
    return switch (kind) {
      case MONITOR, DEMONITOR, LINK, UNLINK, EXIT -> true;
      default -> false;
    };
  }

  /** The type of a message of this kind. */
  static String type(Message.Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  /** How many it has that are made by messages of this kind, MONITOR or LINK, of its own. */
  int size(Message.Kind kind) {
    return kind == Message.Kind.LINK ? links.size() : watched.size();
  }

  // Deciding

  /** Whether it is halted with the sender of this message. */
  boolean ends(Message message) {
    return message.getKind() == Message.Kind.EXIT
        && message.getLinksList().stream()
            .anyMatch(link -> message.getSender().equals(links.get(link)));
  }

  /**
   * Adds to the record of a turn of the host's own what the sender must be told.
   *
   * @param absent why nobody can be watched here; empty when somebody can
   */
  void answer(Turn.Builder record, Optional<String> absent) {
    Message asked = record.getInput();
    boolean link = asked.getKind() == Message.Kind.LINK;
    if (!link && asked.getKind() != Message.Kind.MONITOR) {
      return;
    }
    boolean full =
        link
            ? links.size() >= most
            : watchers.size() >= most && !watchers.contains(asked.getSender());
    Optional<String> reason = absent.or(() -> full ? Optional.of(LIMIT) : Optional.empty());
    if (reason.isPresent()) {
      if (link) {
        send(record, self, asked.getSender(), message(Message.Kind.UNLINK).addLinks(asked.getId()));
      }
      send(record, self, asked.getSender(), down(reason.get()));
    }
  }

  /** Adds to the record of a turn that halts the Spirit what its watchers and links are told. */
  void tellOfHalt(Turn.Builder record) {
    Failed reason = record.getFailed();
    watchers.forEach(watcher -> send(record, self, watcher, down(reason.getCode())));
    String cause =
        reason.getCode().equals(ErrorCode.LINKED_FAILED.name())
            ? reason.getDetail()
            : self
                + " failed in turn "
                + record.getNumber()
                + ": "
                + reason.getCode()
                + " "
                + reason.getDetail();
    linksByPeer()
        .forEach(
            (peer, ids) ->
                send(
                    record,
                    self,
                    peer,
                    message(Message.Kind.EXIT)
                        .addAllLinks(ids)
                        .setPayload(ByteString.copyFromUtf8(cause))));
  }

  /** Adds a message of the host's own to the effects of a turn. */
  static void send(Turn.Builder record, SpiritId self, String to, Message.Builder message) {
    record.addEffects(
        effect(
            self,
            to,
            message,
            Position.newBuilder()
                .setTurn(record.getNumber())
                .setIndex(record.getEffectsCount())
                .build()));
  }

  private static Effect effect(
      SpiritId self, String to, Message.Builder message, Position position) {
    return Effect.newBuilder()
        .setSend(
            Send.newBuilder()
                .setTo(to)
                .setMessage(
                    message
                        .setId(self + "#" + position.getTurn() + "#" + position.getIndex())
                        .setSender(self.toString())
                        .setPosition(position)))
        .build();
  }

  private static Message.Builder message(Message.Kind kind) {
    return Message.newBuilder().setType(type(kind)).setKind(kind);
  }

  private Message.Builder down(String reason) {
    return message(Message.Kind.DOWN).setPayload(ByteString.copyFromUtf8(self + " " + reason));
  }

  // What the records say

  /**
   * Does what an effect of the guest says, and answers what leaves: of a link that there is already
   * nothing, of the end of links their ids, which the guest's effect does not tell.
   */
  Optional<Effect> leaving(Effect effect) {
    String peer = effect.getSend().getTo();
    Message message = effect.getSend().getMessage();
    switch (message.getKind()) {
      case MONITOR -> watched.add(peer);
      case DEMONITOR -> watched.remove(peer);
      case LINK -> {
        if (links.containsValue(peer)) {
          return Optional.empty();
        }
        links.put(message.getId(), peer);
      }
      case UNLINK -> {
        List<String> ids = linksByPeer().get(peer);
        if (ids == null) {
          return Optional.empty();
        }
        links.keySet().removeAll(ids);
        Effect.Builder complete = effect.toBuilder();
        complete.getSendBuilder().getMessageBuilder().addAllLinks(ids);
        return Optional.of(complete.build());
      }
      default -> {}
    }
    return Optional.of(effect);
  }

  /** Does what the record of a turn says, but for {@link #leaving}. */
  void apply(Turn turn) {
    Message input = turn.getInput();
    boolean accepted = turn.getEffectsCount() == 0;
    switch (input.getKind()) {
      case MONITOR -> {
        if (accepted) {
          watchers.add(input.getSender());
        }
      }
      case DEMONITOR -> watchers.remove(input.getSender());
      case LINK -> {
        if (accepted) {
          links.put(input.getId(), input.getSender());
        }
      }
      case UNLINK -> input.getLinksList().forEach(link -> links.remove(link, input.getSender()));
      case DOWN -> watched.remove(input.getSender());
      default -> {}
    }
    if (turn.getSupervised().getHalted()) {
      watchers.clear();
      links.clear();
    }
  }

  /**
   * Ends all of it with a life.
   *
   * @param outbox takes what the others are told
   */
  void end(long lastTurn, BiConsumer<Position, Effect> outbox) {
    Map<String, List<String>> linked = linksByPeer();
    int index = FIRST_INDEX;
    for (String watcher : watchers) {
      last(lastTurn, index++, watcher, down(STOPPED), outbox);
    }
    for (Map.Entry<String, List<String>> link : linked.entrySet()) {
      last(
          lastTurn,
          index++,
          link.getKey(),
          message(Message.Kind.UNLINK).addAllLinks(link.getValue()),
          outbox);
    }
    for (String other : watched) {
      last(lastTurn, index++, other, message(Message.Kind.DEMONITOR), outbox);
    }
    clear();
  }

  private void last(
      long turn,
      int index,
      String to,
      Message.Builder message,
      BiConsumer<Position, Effect> outbox) {
    Position position = Position.newBuilder().setTurn(turn).setIndex(index).build();
    outbox.accept(position, effect(self, to, message, position));
  }

  private Map<String, List<String>> linksByPeer() {
    Map<String, List<String>> byPeer = new LinkedHashMap<>();
    links.forEach((id, peer) -> byPeer.computeIfAbsent(peer, unused -> new ArrayList<>()).add(id));
    return byPeer;
  }

  private void clear() {
    watchers.clear();
    watched.clear();
    links.clear();
  }

  void writeTo(SpiritHeader.Builder header) {
    header.addAllWatchers(watchers).addAllWatched(watched);
    links.forEach((id, peer) -> header.addLinks(Link.newBuilder().setId(id).setSpirit(peer)));
  }

  void readFrom(SpiritHeader header) {
    clear();
    watchers.addAll(header.getWatchersList());
    watched.addAll(header.getWatchedList());
    header.getLinksList().forEach(link -> links.put(link.getId(), link.getSpirit()));
  }
}
