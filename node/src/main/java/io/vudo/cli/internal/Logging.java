package io.vudo.cli.internal;

import org.slf4j.bridge.SLF4JBridgeHandler;

/** Chooses the profile of the log; must come before the first logger of the process. */
final class Logging {
  private static final String PROFILE = "logback.configurationFile";

  private Logging() {}

  /**
   * Takes a profile of this package, unless the user named one of their own. What libraries log by
   * java.util.logging, gRPC among them, goes where the log goes, and not to stderr.
   */
  static void use(String profile) {
    if (System.getProperty(PROFILE) == null) {
      System.setProperty(PROFILE, "io/vudo/cli/" + profile + ".xml");
    }
    if (!SLF4JBridgeHandler.isInstalled()) {
      SLF4JBridgeHandler.removeHandlersForRootLogger();
      SLF4JBridgeHandler.install();
    }
  }
}
