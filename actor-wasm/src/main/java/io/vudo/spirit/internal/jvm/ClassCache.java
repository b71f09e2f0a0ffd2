package io.vudo.spirit.internal.jvm;

import com.dylibso.chicory.compiler.internal.ClassLoadingCollector;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compiled classes on disk, a file a module, named by the digest of what was compiled. A file that
 * is not whole is as good as none. Thread-safe, also between processes.
 */
final class ClassCache {
  private static final Logger LOG = LoggerFactory.getLogger(ClassCache.class);

  /** Changes with the form of the files and with the library, whose classes refer to its own. */
  private static final String FORMAT = "vudo-classes-4 " + libraryVersion();

  private static final int DIGEST_BYTES = 32;

  private final Path directory;

  private ClassCache(Path directory) {
    this.directory = directory;
  }

  /**
   * What compiling a module gave.
   *
   * @param mainClass the name of the class that is the machine
   * @param classes the bytes of all classes by name
   * @param interpreted the indices of functions that are not compiled
   */
  record Entry(String mainClass, Map<String, byte[]> classes, Set<Integer> interpreted) {
    static Entry of(ClassLoadingCollector collector, Set<Integer> interpreted) {
      return new Entry(
          collector.mainClassName(), new LinkedHashMap<>(collector.classBytes()), interpreted);
    }

    ClassLoadingCollector load() {
      // They are as they were loaded first: nothing is to be changed.
      ClassLoadingCollector collector = new ClassLoadingCollector();
      classes.forEach(
          (name, bytes) -> {
            if (!name.equals(mainClass)) {
              collector.put(name, bytes);
            }
          });
      collector.putMainClass(mainClass, classes.get(mainClass));
      return collector;
    }
  }

  static ClassCache open(Path directory) {
    try {
      Files.createDirectories(directory);
      if (Files.getFileStore(directory).supportsFileAttributeView("posix")) {
        // What lies in the cache is run as it is.
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
      }
    } catch (IOException e) {
      throw new VudoException(ErrorCode.DATA_DIR_UNUSABLE, directory.toString(), e);
    }
    return new ClassCache(directory);
  }

  private static String libraryVersion() {
    return String.valueOf(ClassLoadingCollector.class.getPackage().getImplementationVersion());
  }

  private static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private Path file(byte[] module) {
    return directory.resolve(HexFormat.of().formatHex(sha256(module)) + ".classes");
  }

  Optional<Entry> find(byte[] module) {
    Path file = file(module);
    try {
      byte[] bytes = Files.readAllBytes(file);
      if (bytes.length <= DIGEST_BYTES) {
        return Optional.empty();
      }
      byte[] content = Arrays.copyOfRange(bytes, DIGEST_BYTES, bytes.length);
      byte[] digest = Arrays.copyOf(bytes, DIGEST_BYTES);
      return MessageDigest.isEqual(digest, sha256(content)) ? read(content) : Optional.empty();
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException | UncheckedIOException e) {
      LOG.warn("The class cache cannot be read ({}); the module is compiled again.", file, e);
      return Optional.empty();
    }
  }

  private static Optional<Entry> read(byte[] content) throws IOException {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(content))) {
      if (!in.readUTF().equals(FORMAT)) {
        return Optional.empty();
      }
      String mainClass = in.readUTF();
      Set<Integer> interpreted = new TreeSet<>();
      for (int left = in.readInt(); left > 0; left--) {
        interpreted.add(in.readInt());
      }
      Map<String, byte[]> classes = new LinkedHashMap<>();
      for (int left = in.readInt(); left > 0; left--) {
        classes.put(in.readUTF(), in.readNBytes(in.readInt()));
      }
      return Optional.of(new Entry(mainClass, classes, interpreted));
    }
  }

  /** Keeps an entry if it can: without it the next start is slower, nothing else. */
  void keep(byte[] module, Entry entry) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    try {
      DataOutputStream out = new DataOutputStream(content);
      out.writeUTF(FORMAT);
      out.writeUTF(entry.mainClass());
      out.writeInt(entry.interpreted().size());
      for (int function : entry.interpreted()) {
        out.writeInt(function);
      }
      out.writeInt(entry.classes().size());
      for (Map.Entry<String, byte[]> one : entry.classes().entrySet()) {
        out.writeUTF(one.getKey());
        out.writeInt(one.getValue().length);
        out.write(one.getValue());
      }
      out.flush();
      byte[] bytes = content.toByteArray();
      Path temporary = Files.createTempFile(directory, "new", ".tmp");
      try {
        try (var file = Files.newOutputStream(temporary)) {
          file.write(sha256(bytes));
          file.write(bytes);
        }
        Files.move(
            temporary,
            file(module),
            StandardCopyOption.ATOMIC_MOVE,
            StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException e) {
      LOG.warn("The class cache cannot be written ({}).", directory, e);
    }
  }
}
