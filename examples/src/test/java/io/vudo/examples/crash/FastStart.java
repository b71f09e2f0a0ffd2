package io.vudo.examples.crash;

import io.vudo.examples.Guests;
import java.io.BufferedOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;

/**
 * What lets a node start in a fraction of the time: an archive of its loaded classes, and one
 * compiler only. The more starts, the more kills.
 *
 * <p>Such an archive takes jars alone, so the directories of the class path are packed first.
 */
final class FastStart {
  private static final List<String> ONE_COMPILER = List.of("-XX:TieredStopAtLevel=1");

  private final String classPath;
  private final Path archive;

  private FastStart(String classPath, Path archive) {
    this.classPath = classPath;
    this.archive = archive;
  }

  /**
   * Makes it, by starting and ending a node once.
   *
   * @param directory exists, for jars, archive and that node
   */
  static FastStart prepare(Path directory) throws IOException {
    List<String> jars = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      Path path = Path.of(entry);
      if (Files.isDirectory(path)) {
        Path jar = directory.resolve("part-" + jars.size() + ".jar");
        pack(path, jar);
        jars.add(jar.toString());
      } else if (Files.exists(path)) {
        jars.add(entry);
      }
    }
    FastStart fast =
        new FastStart(String.join(File.pathSeparator, jars), directory.resolve("node.jsa"));
    List<String> record = new ArrayList<>(ONE_COMPILER);
    record.add("-XX:ArchiveClassesAtExit=" + fast.archive);
    try (CrashNode node =
        CrashNode.in(directory).withJavaOptions(record).withClassPath(fast.classPath)) {
      node.start();
      node.deploy("counter", Guests.example("counter"), "");
      node.ask("counter/a", "add", "1", "one");
      node.space("warm", "write", "{\"tuple\":[1]}", "two");
      node.terminate();
    }
    return fast;
  }

  private static void pack(Path directory, Path jar) throws IOException {
    try (JarOutputStream out =
        new JarOutputStream(new BufferedOutputStream(Files.newOutputStream(jar)))) {
      Files.walkFileTree(
          directory,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              String name = directory.relativize(file).toString().replace(File.separatorChar, '/');
              out.putNextEntry(new JarEntry(name));
              Files.copy(file, out);
              out.closeEntry();
              return FileVisitResult.CONTINUE;
            }
          });
    }
  }

  /** Makes a node start this way. */
  CrashNode apply(CrashNode node) {
    List<String> options = new ArrayList<>(ONE_COMPILER);
    options.add("-XX:SharedArchiveFile=" + archive);
    return node.withJavaOptions(options).withClassPath(classPath);
  }
}
