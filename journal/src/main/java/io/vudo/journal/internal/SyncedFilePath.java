package io.vudo.journal.internal;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.h2.store.fs.FilePath;
import org.h2.store.fs.FilePathWrapper;

/**
 * A file system for H2 whose database files are opened with {@code O_DSYNC}: a write returns when
 * the bytes are on the disk, as if {@code fdatasync} followed each one.
 *
 * <p>H2 alone never does that. With {@code WRITE_DELAY=0} it hands the bytes of a commit to the
 * operating system before the commit returns, but leaves them in the page cache, where a power
 * failure takes them. A commit is one write of one chunk, so this costs one flush per commit.
 */
public final class SyncedFilePath extends FilePathWrapper {
  static final String SCHEME = "vudo-synced";

  private static final String DATABASE_SUFFIX = ".mv.db";

  /** Makes the scheme known to H2; doing so twice does no harm. */
  static void register() {
    FilePath.register(new SyncedFilePath());
  }

  @Override
  public String getScheme() {
    return SCHEME;
  }

  @Override
  public FileChannel open(String mode) throws IOException {
    // What is not the database itself, H2's own scratch files, need not survive anything.
    if (mode.equals("r") || !toString().contains(DATABASE_SUFFIX)) {
      return super.open(mode);
    }
    return FileChannel.open(
        Path.of(getBase().toString()),
        StandardOpenOption.CREATE,
        StandardOpenOption.READ,
        StandardOpenOption.WRITE,
        StandardOpenOption.DSYNC);
  }
}
