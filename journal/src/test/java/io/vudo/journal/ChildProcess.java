package io.vudo.journal;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A JVM of its own that runs a main of the tests. */
final class ChildProcess {
  private final Process process;
  private final BufferedReader output;

  private ChildProcess(Process process) {
    this.process = process;
    this.output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
  }

  static ChildProcess start(Class<?> main, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Xmx256m");
    command.add("-XX:+UseSerialGC");
    command.add("-XX:TieredStopAtLevel=1");
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(main.getName());
    command.addAll(List.of(arguments));
    return new ChildProcess(
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start());
  }

  long pid() {
    return process.pid();
  }

  /** The next line, or null when there are no more. */
  String readLine() throws IOException {
    return output.readLine();
  }

  /** SIGSTOP: it runs no further, and its connections stay open. */
  void stop() throws IOException, InterruptedException {
    signal("-STOP");
  }

  /** SIGCONT, after {@link #stop}. */
  void resume() throws IOException, InterruptedException {
    signal("-CONT");
  }

  private void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", name, Long.toString(pid())).inheritIO().start().waitFor();
  }

  /** SIGKILL, as {@code kill -9} does; what was printed before can still be read. */
  void kill() throws InterruptedException {
    // Unlike that of Process, this leaves the pipe open, so that all that was printed can be read.
    process.toHandle().destroyForcibly();
    process.waitFor();
  }
}
