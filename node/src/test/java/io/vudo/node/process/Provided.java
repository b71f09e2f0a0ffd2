package io.vudo.node.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vudo.protocol.ProcessException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** What all nodes of this class path have: named in {@code META-INF/services}. */
public final class Provided implements ProcessProvider {
  @Override
  public void register(ProcessRegistry processes) {
    processes.handle("provided.here", call -> "from Provided");
    processes.handle("provided.count", Provided::count);
    processes.handle("provided.refuse", Provided::refuse);
  }

  private static Object refuse(ProcessCall call) {
    throw new ProcessException(404, "no " + call.arg(0, String.class));
  }

  /** Adds a line with the call's id to a file, and answers how many there are. */
  private static int count(ProcessCall call) throws IOException {
    Path file = Path.of(call.arg(0, String.class));
    Files.write(
        file,
        (call.id() + "\n").getBytes(UTF_8),
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
    return Files.readAllLines(file).size();
  }
}
