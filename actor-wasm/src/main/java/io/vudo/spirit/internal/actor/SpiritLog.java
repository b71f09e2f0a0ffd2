package io.vudo.spirit.internal.actor;

import io.vudo.protocol.SpiritId;
import io.vudo.protocol.journal.v1.Trace;
import io.vudo.protocol.journal.v1.Turn;
import io.vudo.spirit.internal.turn.Traces;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.slf4j.MDC;

/**
 * The log of one Spirit's actor: each line carries the node, the Spirit, the turn and the message
 * that it is about, as the keys {@code node}, {@code spirit}, {@code turn} and {@code message}, and
 * of what is traced {@code trace_id} and {@code span_id}, as OpenTelemetry calls them. They are put
 * there when a line is written, so a turn that says nothing costs nothing. Used by the actor alone.
 */
final class SpiritLog {
  private static final String NODE = "node";
  private static final String SPIRIT = "spirit";
  private static final String TURN = "turn";
  private static final String MESSAGE = "message";
  private static final String TRACE_ID = "trace_id";
  private static final String SPAN_ID = "span_id";

  private final ActorContext<?> context;
  private final String node;
  private final String spirit;
  private long turn;
  private String message = "";
  private Trace trace = Trace.getDefaultInstance();

  /**
   * @param node {@code host:port} of the node
   */
  SpiritLog(ActorContext<?> context, String node, SpiritId id) {
    this.context = context;
    this.node = node;
    this.spirit = id.toString();
  }

  /** The next line is about this turn, or about none (0), and this message, or none (empty). */
  void at(long turn, String message) {
    at(turn, message, Trace.getDefaultInstance());
  }

  /** The next line is about this turn, in this place of a trace, or in none. */
  void at(long turn, String message, Trace trace) {
    this.turn = turn;
    this.message = message;
    this.trace = trace;
  }

  /** The next line is about this turn, which is over. */
  void at(Turn turn) {
    at(turn.getNumber(), turn.getInput().getId(), Traces.of(turn));
  }

  /** Node and Spirit for what others log on this thread, until {@link #leave}. */
  void enter() {
    MDC.put(NODE, node);
    MDC.put(SPIRIT, spirit);
  }

  void leave() {
    at(0, "");
    MDC.remove(SPIRIT);
    MDC.remove(NODE);
  }

  void debug(String format, Object... arguments) {
    if (context.getLog().isDebugEnabled()) {
      about(() -> context.getLog().debug(format, arguments));
    }
  }

  void info(String format, Object... arguments) {
    about(() -> context.getLog().info(format, arguments));
  }

  void warn(String format, Object... arguments) {
    about(() -> context.getLog().warn(format, arguments));
  }

  void error(String format, Object... arguments) {
    about(() -> context.getLog().error(format, arguments));
  }

  /** Runs with all keys that are known. */
  void about(Runnable lines) {
    boolean within = MDC.get(SPIRIT) != null;
    enter();
    if (turn > 0) {
      MDC.put(TURN, Long.toString(turn));
    }
    if (!message.isEmpty()) {
      MDC.put(MESSAGE, message);
    }
    if (trace.getSpan() != 0) {
      MDC.put(TRACE_ID, TraceContexts.traceId(trace));
      MDC.put(SPAN_ID, TraceContexts.spanId(trace));
    }
    try {
      lines.run();
    } finally {
      MDC.remove(SPAN_ID);
      MDC.remove(TRACE_ID);
      MDC.remove(MESSAGE);
      MDC.remove(TURN);
      at(0, "");
      if (!within) {
        leave();
      }
    }
  }
}
