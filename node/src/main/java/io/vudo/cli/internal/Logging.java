package io.vudo.cli.internal;

/** Chooses the profile of the log; must come before the first logger of the process. */
final class Logging {
  private static final String PROFILE = "logback.configurationFile";

  private Logging() {}

  /** Takes a profile of this package, unless the user named one of their own. */
  static void use(String profile) {
    if (System.getProperty(PROFILE) == null) {
      System.setProperty(PROFILE, "io/vudo/cli/" + profile + ".xml");
    }
  }
}
