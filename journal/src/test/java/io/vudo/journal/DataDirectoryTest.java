package io.vudo.journal;

import static io.vudo.journal.JournalFixture.fresh;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

final class DataDirectoryTest {
  @Test
  void isCreatedLockedAndReopened() throws Exception {
    Path path = fresh("directory/nested");
    try (DataDirectory directory = DataDirectory.open(path)) {
      assertEquals("vudo-data 1\n", Files.readString(directory.path().resolve("format")));
      VudoException e = assertThrows(VudoException.class, () -> DataDirectory.open(path));
      assertEquals(ErrorCode.DATA_DIR_IN_USE, e.code());
    }
    DataDirectory.open(path).close();
  }

  @Test
  void otherProcessIsNamed() throws Exception {
    Path path = fresh("directory-other-process");
    ChildProcess child = ChildProcess.start(HoldDirectory.class, path.toString());
    try {
      assertEquals("open", child.readLine());
      VudoException e = assertThrows(VudoException.class, () -> DataDirectory.open(path));
      assertEquals(ErrorCode.DATA_DIR_IN_USE, e.code());
      assertTrue(e.detail().contains("process " + child.pid()), e.detail());
    } finally {
      child.kill();
    }
    // The lock died with its owner.
    DataDirectory.open(path).close();
  }

  /** Opens a directory and stays. */
  static final class HoldDirectory {
    public static void main(String[] arguments) throws Exception {
      DataDirectory directory = DataDirectory.open(Path.of(arguments[0]));
      System.out.println("open");
      System.in.read();
      directory.close();
    }
  }

  @Test
  void fileInItsPlaceIsRefused() throws Exception {
    Path file = fresh("directory-is-a-file");
    Files.createDirectories(file.getParent());
    Files.writeString(file, "x");
    VudoException e = assertThrows(VudoException.class, () -> DataDirectory.open(file));
    assertEquals(ErrorCode.DATA_DIR_UNUSABLE, e.code());
    VudoException below =
        assertThrows(VudoException.class, () -> DataDirectory.open(file.resolve("data")));
    assertEquals(ErrorCode.DATA_DIR_UNUSABLE, below.code());
  }

  @Test
  void newerFormatIsRefused() throws Exception {
    Path path = fresh("directory-newer");
    DataDirectory.open(path).close();
    Files.writeString(path.resolve("format"), "vudo-data 2\n");
    VudoException e = assertThrows(VudoException.class, () -> DataDirectory.open(path));
    assertEquals(ErrorCode.JOURNAL_VERSION, e.code());
    Files.writeString(path.resolve("format"), "nonsense");
    e = assertThrows(VudoException.class, () -> DataDirectory.open(path));
    assertEquals(ErrorCode.JOURNAL_CORRUPT, e.code());
  }
}
