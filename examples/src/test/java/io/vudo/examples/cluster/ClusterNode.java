package io.vudo.examples.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.examples.crash.CrashNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * One node of a cluster: its process, the network in front of it, and what the node itself says of
 * its cluster. One thread at a time does things to it; any may ask it.
 */
final class ClusterNode implements AutoCloseable {
  private final CrashNode process;
  private final LinkProxy proxy;
  private volatile boolean paused;

  ClusterNode(CrashNode process, LinkProxy proxy) {
    this.process = process;
    this.proxy = proxy;
  }

  /** Its name in commands and in the cluster: {@code host:port}. */
  String name() {
    InetSocketAddress address = proxy.address();
    return address.getAddress().getHostAddress() + ":" + address.getPort();
  }

  /** The address that it connects from. */
  InetAddress address() {
    return proxy.address().getAddress();
  }

  LinkProxy proxy() {
    return proxy;
  }

  CrashNode process() {
    return process;
  }

  @Override
  public String toString() {
    return name();
  }

  // Faults

  /** SIGSTOP: it does nothing until it is continued, and does not know of it. */
  void pause() {
    paused = true;
    signal("STOP");
  }

  /** SIGCONT. */
  void resume() {
    signal("CONT");
    paused = false;
  }

  boolean isPaused() {
    return paused;
  }

  private void signal(String name) {
    try {
      int exit =
          new ProcessBuilder("sh", "-c", "kill -" + name + " " + process.pid())
              .inheritIO()
              .start()
              .waitFor();
      if (exit != 0) {
        throw new VudoException(ErrorCode.INTERNAL_ERROR, "kill -" + name + " failed");
      }
    } catch (IOException e) {
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "kill -" + name, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** {@code kill -9}, also when it is stopped. */
  void kill() {
    process.kill();
    paused = false;
  }

  // What it says

  /**
   * The members of its cluster that are up, and that it can reach.
   *
   * @return names; empty when it does not answer
   */
  Set<String> reachable() {
    return members(
        member ->
            member.path("status").asText().equals("Up") && member.path("reachable").asBoolean());
  }

  /** All members that it knows, whatever their state; empty when it does not answer. */
  Set<String> members() {
    return members(member -> true);
  }

  /** The members that it cannot reach. */
  Set<String> unreachable() {
    return members(member -> !member.path("reachable").asBoolean());
  }

  private Set<String> members(Predicate<JsonNode> wanted) {
    Set<String> names = new TreeSet<>();
    try {
      for (JsonNode member : process.get("/v1/status").path("members")) {
        if (wanted.test(member)) {
          String address = member.path("address").asText();
          names.add(address.substring(address.indexOf('@') + 1));
        }
      }
    } catch (VudoException e) {
      names.clear();
    }
    return names;
  }

  /** The Spirits that are in its memory. */
  List<String> residents() {
    return process.get("/v1/spirits").path("spirits").findValuesAsText("id");
  }

  /** All that it has logged in all its lives, oldest first. */
  String log() throws IOException {
    Path logs = process.data().resolve("logs");
    if (!Files.isDirectory(logs)) {
      return "";
    }
    StringWriter all = new StringWriter();
    try (Stream<Path> files = Files.list(logs)) {
      for (Path file : files.sorted(ClusterNode::byAge).toList()) {
        try (InputStream raw = Files.newInputStream(file);
            Reader text =
                new InputStreamReader(
                    file.toString().endsWith(".gz") ? new GZIPInputStream(raw) : raw,
                    StandardCharsets.UTF_8)) {
          text.transferTo(all);
        }
      }
    }
    return all.toString();
  }

  /** Files that were rolled over have a date and a number; the one in use has the shortest name. */
  private static int byAge(Path a, Path b) {
    boolean aRolled = a.toString().endsWith(".gz");
    boolean bRolled = b.toString().endsWith(".gz");
    return aRolled == bRolled
        ? Integer.compare(number(a), number(b))
        : Boolean.compare(bRolled, aRolled);
  }

  private static int number(Path file) {
    String[] parts = file.getFileName().toString().split("\\.", -1);
    return parts.length < 3 ? 0 : Integer.parseInt(parts[parts.length - 2]);
  }

  @Override
  public void close() throws IOException {
    process.close();
    proxy.close();
  }
}
