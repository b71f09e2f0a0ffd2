package io.vudo.spirit.internal.turn;

import com.google.protobuf.ByteString;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Reply;
import io.vudo.protocol.journal.v1.TupleAnswer;
import io.vudo.protocol.journal.v1.TuplesAnswer;
import java.util.List;
import java.util.Optional;

/**
 * What the host functions see of the one who runs the guest: a turn of a Spirit ({@link
 * TurnContext}), or a program that runs without a node ({@link ProgramContext}).
 */
interface HostContext {
  /** Who the guest is. */
  SpiritId self();

  /** The message at hand. */
  Message input();

  /** TYPE/ID of the Spirit that spawned this one; empty when there is none. */
  String parent();

  Grants grants();

  SpiritLimits limits();

  /** {@link System#nanoTime()} at which the guest is stopped. */
  long deadlineNanos();

  /** The most bytes of a line that {@link #log} takes. */
  int maxLogLineBytes();

  // Answers

  /** Nanoseconds since 1970. */
  long nowNanos();

  /** Nanoseconds of a clock that never goes back while this context lives. */
  long monotonicNanos();

  byte[] random(int length);

  /** The tuple, or unwinds the guest to go and get one. */
  TupleAnswer tuple(WaitRequest.Tuple request);

  /** The tuples, or unwinds the guest to go and get them. */
  TuplesAnswer tuples(WaitRequest.Tuples request);

  /** How many there are, or a status; or unwinds the guest to have them counted. */
  long count(WaitRequest.Count request);

  /** The place in which the guest arrived, or a status; or unwinds the guest to wait there. */
  int barrier(WaitRequest.Barrier request);

  /** The reply, or unwinds the guest to ask for it. */
  Reply ask(WaitRequest.Reply request);

  /** What stands behind a name answered, or unwinds the guest to call it. */
  Reply process(WaitRequest.Named request);

  /** How long a turn waits for what stands behind a name. */
  long processMillis();

  /** Returns when the time is over, or unwinds the guest to let it pass. */
  void sleep(WaitRequest.Sleep request);

  /** The longest that a turn may wait for one answer. */
  long maxWaitMillis();

  // Effects

  void send(SpiritId to, String type, byte[] payload, Message.Kind kind);

  void writeTuple(String space, byte[] tuple, long ttlMillis);

  void confirmTake(String space, String hold);

  /** The name of the lease of this tuple, if it is what the guest writes next. */
  String nextLease(Tuple tuple);

  /** Lets a tuple live for so long from the commit on; 0 = for ever. */
  void renewLease(String space, String lease, long ttlMillis);

  void endLease(String space, String lease);

  /** Watches the tuples that match, in place of an earlier watch of this name. */
  void watchTuples(String space, String name, Template template);

  /** Ends a watch, if there is one of this name. */
  void unwatchTuples(String space, String name);

  /**
   * Starts a timer.
   *
   * @param name of a reminder, empty for a timer
   * @param delayMillis until it fires first
   * @param periodMillis between later times; 0 for none
   * @return its number
   */
  long startTimer(
      String name, long delayMillis, long periodMillis, SpiritId to, String type, byte[] payload);

  /** Cancels a timer; false when there is none of this number. */
  boolean cancelTimer(long number);

  /** Cancels a reminder; false when there is none of this name. */
  boolean cancelReminder(String name);

  // The Spirit's store

  Optional<ByteString> stored(String key);

  /** False when the store would be too large. */
  boolean store(String key, ByteString value);

  void delete(String key);

  /**
   * Takes a line for the log.
   *
   * @param level as in {@link TurnLog}
   * @param text its first bytes, at most {@link #maxLogLineBytes()}
   * @param originalLength how many bytes it has
   */
  void log(int level, byte[] text, int originalLength);

  // What a program of an operating system would have

  /** The arguments, the program's name first; none holds a NUL. */
  List<String> arguments();

  /** The environment as {@code NAME=value}; none holds a NUL. */
  List<String> environment();

  /** Takes bytes that the guest wrote to one of its output streams. */
  void write(StandardStream stream, byte[] bytes);

  /** What ends the guest with this exit code when it is thrown. */
  RuntimeException exit(int code);

  /** The output streams of a program. */
  enum StandardStream {
    STDOUT,
    STDERR
  }
}
