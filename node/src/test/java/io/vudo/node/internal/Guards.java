package io.vudo.node.internal;

import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads callers files for tests of other packages. */
public final class Guards {
  private Guards() {}

  /**
   * Reads one as a gateway does.
   *
   * @throws VudoException {@code CALLERS_INVALID}
   */
  public static void read(Path file) throws IOException {
    Callers callers = Callers.read(file, Files.readAllBytes(file), new Caller.Limits(0, 0));
    if (callers.size() == 0) {
      throw new AssertionError(file + " lets nobody in");
    }
  }
}
