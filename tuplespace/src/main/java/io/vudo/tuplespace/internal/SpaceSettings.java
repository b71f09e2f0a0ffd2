package io.vudo.tuplespace.internal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.time.Duration;

/** The section {@code vudo.tuplespace} of the configuration; meanings in {@code reference.conf}. */
public record SpaceSettings(
    Duration askTimeout,
    SpaceLimits limits,
    int maxWaiting,
    long maxWaitingBytes,
    int maxBatch,
    String journalPluginId,
    String snapshotPluginId,
    int snapshotEvery,
    int snapshotsKept,
    Duration holdAge,
    Duration holdCheckTimeout,
    Duration holdCheckBackoffMin,
    Duration holdCheckBackoffMax,
    int holdChecksAtOnce,
    Duration restartBackoffMin,
    Duration restartBackoffMax,
    int maxWatchBehind,
    Duration maxTransactionTime,
    Duration offerTimeout) {

  /**
   * Reads the settings of a whole configuration.
   *
   * @throws VudoException {@code CONFIG_INVALID}, naming the setting
   */
  public static SpaceSettings of(Config root) {
    try {
      Config config = root.getConfig("vudo.tuplespace");
      return new SpaceSettings(
          positive(config, "ask-timeout"),
          new SpaceLimits(
              positiveBytes(config, "max-bytes"),
              positiveInt(config, "keys-remembered"),
              positiveBytes(config, "keys-remembered-bytes"),
              positiveInt(config, "senders-remembered"),
              positiveInt(config, "holds-remembered"),
              positiveInt(config, "max-waiters"),
              positiveBytes(config, "max-waiters-bytes"),
              positiveInt(config, "max-transactions"),
              positiveInt(config, "max-watchers")),
          positiveInt(config, "max-waiting"),
          positiveBytes(config, "max-waiting-bytes"),
          positiveInt(config, "max-batch"),
          config.getString("journal-plugin-id"),
          config.getString("snapshot-plugin-id"),
          positiveInt(config, "snapshot-every"),
          positiveInt(config, "snapshots-kept"),
          positive(config, "hold-age"),
          positive(config, "hold-check-timeout"),
          positive(config, "hold-check-backoff-min"),
          positive(config, "hold-check-backoff-max"),
          positiveInt(config, "hold-checks-at-once"),
          positive(config, "restart-backoff-min"),
          positive(config, "restart-backoff-max"),
          positiveInt(config, "max-watch-behind"),
          positive(config, "max-transaction-time"),
          positive(config, "offer-timeout"));
    } catch (ConfigException e) {
      throw new VudoException(ErrorCode.CONFIG_INVALID, e.getMessage(), e);
    }
  }

  private static Duration positive(Config config, String path) {
    Duration value = config.getDuration(path);
    check(path, value.toMillis() > 0);
    return value;
  }

  private static int positiveInt(Config config, String path) {
    int value = config.getInt(path);
    check(path, value > 0);
    return value;
  }

  private static long positiveBytes(Config config, String path) {
    long value = config.getBytes(path);
    check(path, value > 0);
    return value;
  }

  private static void check(String path, boolean valid) {
    if (!valid) {
      throw new VudoException(
          ErrorCode.CONFIG_INVALID, "vudo.tuplespace." + path + " must be positive.");
    }
  }
}
