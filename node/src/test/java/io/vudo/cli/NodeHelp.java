package io.vudo.cli;

/** What {@code vudo node} says of its options, for tests of other packages. */
public final class NodeHelp {
  private NodeHelp() {}

  public static String text() {
    return CommandRun.vudo("node", "--help").out();
  }
}
