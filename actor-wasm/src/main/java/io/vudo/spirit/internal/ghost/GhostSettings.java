package io.vudo.spirit.internal.ghost;

import com.typesafe.config.Config;
import java.time.Duration;

/**
 * {@code vudo.ghost} of the configuration, which explains each.
 *
 * @param journalPlugin where events go
 * @param snapshotPlugin where snapshots would go
 */
record GhostSettings(
    Duration retention,
    int maxRunning,
    long maxInputBytes,
    long maxResultBytes,
    String journalPlugin,
    String snapshotPlugin) {

  static GhostSettings from(Config config) {
    Config ghost = config.getConfig("vudo.ghost");
    return new GhostSettings(
        ghost.getDuration("retention"),
        ghost.getInt("max-running"),
        ghost.getBytes("max-input-bytes"),
        ghost.getBytes("max-result-bytes"),
        config.getString("vudo.spirit.journal-plugin"),
        config.getString("vudo.spirit.snapshot-plugin"));
  }
}
