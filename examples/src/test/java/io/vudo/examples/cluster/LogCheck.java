package io.vudo.examples.cluster;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a node's log may say at WARN and ERROR while nodes are killed, stopped and cut off. Anything
 * else is a fault of the node, or has to be added here with the reason.
 */
final class LogCheck {
  private static final int SHOWN_LINES = 7;
  private static final int MOST_LINES = 200;

  /** As in {@code logback-file.xml}: time, level, Spirit, logger, message. */
  private static final Pattern LINE =
      Pattern.compile("\\d{4}-\\d\\d-\\d\\dT\\S+ (\\w+) +\\[[^]]*] (\\S+) - (.*)");

  /** A logger, and what an entry of it, trace included, may contain. */
  private record Allowed(String logger, Pattern text) {
    boolean covers(Entry entry) {
      return logger.equals(entry.logger) && text.matcher(entry.text).find();
    }
  }

  private static Allowed allowed(String logger, String text) {
    return new Allowed(logger, Pattern.compile(text));
  }

  private static final List<Allowed> ALLOWED =
      List.of(
          // A peer that was killed, stopped or cut off: connections end, and begin again.
          allowed("Materializer", "\\[(outbound|inbound) connection to "),
          allowed("Association", "Outbound (control |message |large message )?stream to "),
          allowed("Association", "Association to .* (is irrecoverably failed|was (idle|stopped))"),
          allowed("Association", "Association to .* has been quarantined"),
          // One that is not there yet when its peers call it for the first time.
          allowed("Association", "Quarantine of .* ignored because unknown UID"),
          allowed("ArteryTransport", "quarantined this node"),
          allowed("FlushBeforeDeathWatchNotification", "Flush timeout"),
          // A peer that came back under the same address, and has other tables of short names.
          allowed("InboundActorRefCompression", "unknown compression table version"),
          allowed("InboundManifestCompression", "unknown compression table version"),
          // What was under way when a connection was cut is asked for again.
          allowed("SystemMessageAcker", "Sending negative acknowledgement of system message"),
          allowed("SystemMessageDelivery", "Received negative acknowledgement of system message"),
          // The database ends the transaction of a process that was stopped in the middle of it.
          allowed("ProxyConnection", "marked as broken because of SQLSTATE\\(08006\\)"),
          allowed("SpiritActor", "Failed to persist[\\s\\S]*SQLException: Connection is closed"),
          allowed(
              "SpiritGate",
              "stopped: JOURNAL_UNAVAILABLE[\\s\\S]*SQLException: Connection is closed"),
          // The failure detector at work, and the split brain resolver's decisions.
          allowed("Cluster", "Marking node as UNREACHABLE"),
          allowed("Cluster", "Marking exiting node"),
          allowed("SplitBrainResolver", "SBR (took decision|is downing|detected instability)"),
          // A majority of the nodes has to hear of each place of a shard, and one is not there.
          // When
          // two are away, one after the other, it takes so many attempts that it is an error.
          allowed("DDataShardCoordinator", "unable to (update a distributed|get an initial) state"),
          // The address of a Spirit on a node that has just died waits for what it had sent there.
          allowed("ShardRegion$HandOffStopper", "SpiritCommand\\$Passivate] is not handled"),
          // Deployed while a node was gone of which the others had not noticed yet; it is named.
          allowed("DeploymentRegister", "Not heard of the deployment of "),
          // A node that was stopped, and goes on, is asked for the singletons that it has given up.
          allowed("ClusterSingletonManager", "unhandled event HandOverToMe in state Stopping"),
          // A rebalance that began before one of the nodes was stopped or cut off.
          allowed("DDataShardCoordinator", "Shard \\[\\d+] deallocation didn't complete within"),
          allowed("ShardRegion", "Trying to register to coordinator"),
          allowed("ShardRegion", "(Requested shard homes|Retry request for shards?) "),
          // Whoever sent them sends them again.
          allowed("ShardRegion", "Dropping \\[\\d+] buffered messages to shard"),
          // Requests at a node that was put out, which nobody there can answer any more.
          allowed("CoordinatedShutdown", "phase \\[service-requests-done] timed out"),
          // Its shard was on a node that is gone; the Spirit asks again.
          allowed("SpiritActor", "the index of Spirits to wake is away"),
          // Of two owners of a Spirit one stops, and says so.
          allowed("SpiritGate", "Spirit \\S+ stopped: SPIRIT_FENCED"),
          // Of Pekko HTTP: a caller gave up while the node ended; nobody reads that answer.
          allowed("ActorSystemImpl", "Inner flow was completed without producing result elements"),
          // A process that was stopped by SIGSTOP and continued notices the lost time.
          allowed("PhiAccrualFailureDetector", "heartbeat interval is growing too large"),
          allowed("ClusterHeartbeat", "Scheduled sending of heartbeat was delayed"),
          allowed("Replicator", "Scheduled .* was delayed"));

  /**
   * Pekko's remoting may wait without end for a stream to a peer that it was cut off from
   * (apache/pekko#3247, mended after 1.7); the node ends such a process itself, and says so.
   */
  private static final Allowed HANGS =
      allowed("CoordinatedShutdown", "phase \\[actor-system-terminate] timed out");

  /** Said of that until the process is gone: nobody is there any more who could answer. */
  private static final List<Allowed> ALLOWED_WHEN_IT_HANGS =
      List.of(
          allowed("NodeAssembly", "The actors did not end within"),
          allowed("NodeAssembly", "did not close cleanly[\\s\\S]*The actors do not end"),
          allowed("Gateway", "took too long"));

  /** The first that the next process of a node logs of its actors. */
  private static final Allowed STARTS = allowed("Slf4jLogger", "started");

  /** A line and what belongs to it. */
  private static final class Entry {
    final String level;
    final String logger;
    final StringBuilder text;
    int lines;

    Entry(String level, String logger, String line) {
      this.level = level;
      this.logger = logger;
      this.text = new StringBuilder(line);
    }

    boolean isBad(List<Allowed> expected) {
      return (level.equals("WARN") || level.equals("ERROR"))
          && expected.stream().noneMatch(allowed -> allowed.covers(this));
    }

    String shortened() {
      String[] all = text.toString().split("\n", -1);
      return String.join("\n", List.of(all).subList(0, Math.min(all.length, SHOWN_LINES)));
    }
  }

  private LogCheck() {}

  /** What is not allowed, each entry with the beginning of its trace. */
  static List<String> unexpected(String log) {
    List<Entry> entries = new ArrayList<>();
    for (String line : log.lines().toList()) {
      Matcher matcher = LINE.matcher(line);
      if (matcher.matches()) {
        entries.add(new Entry(matcher.group(1), matcher.group(2), line));
      } else if (!entries.isEmpty()) {
        // More of the line before.
        Entry last = entries.get(entries.size() - 1);
        if (last.lines++ < MOST_LINES) {
          last.text.append("\n    ").append(line);
        }
      }
    }
    List<String> unexpected = new ArrayList<>();
    boolean hangs = false;
    for (Entry entry : entries) {
      hangs = HANGS.covers(entry) || (hangs && !STARTS.covers(entry));
      boolean bad =
          entry.isBad(ALLOWED)
              && !HANGS.covers(entry)
              && !(hangs && !entry.isBad(ALLOWED_WHEN_IT_HANGS));
      if (bad) {
        unexpected.add(entry.shortened());
      }
    }
    return unexpected;
  }
}
