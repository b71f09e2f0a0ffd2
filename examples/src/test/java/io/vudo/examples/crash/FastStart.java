package io.vudo.examples.crash;

import io.vudo.cli.internal.NodeProcess;
import io.vudo.examples.Guests;
import java.io.BufferedOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;

/**
 * What lets a node start in a fraction of the time: an archive of its loaded classes, the library
 * of wasmtime unpacked, and one compiler only. The more starts, the more kills.
 *
 * <p>Such an archive takes jars alone, so the directories of the class path are packed first.
 */
public final class FastStart {
  /** What the JVM says of its archive must not be taken for what the node prints. */
  private static final List<String> ONE_COMPILER =
      List.of("-XX:TieredStopAtLevel=1", "-Xlog:disable", "-Xlog:all=warning:stderr");

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
  public static FastStart prepare(Path directory) throws IOException {
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
    unpackLibrary(jars, directory.resolve(System.mapLibraryName("wasmtime_jni")));
    FastStart fast =
        new FastStart(String.join(File.pathSeparator, jars), directory.resolve("node.jsa"));
    List<String> record = fast.always();
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

  /** Spares each start the 18 MB that the binding would unpack; it looks for them here first. */
  private static void unpackLibrary(List<String> jars, Path library) throws IOException {
    String arch = System.getProperty("os.arch").equals("aarch64") ? "aarch64" : "x86_64";
    for (String jar : jars) {
      if (Path.of(jar).getFileName().toString().startsWith("wasmtime-java-")) {
        try (JarFile file = new JarFile(jar)) {
          for (JarEntry entry : Collections.list(file.entries())) {
            if (entry.getName().endsWith("_linux_" + arch + ".so")) {
              try (InputStream in = file.getInputStream(entry)) {
                Files.copy(in, library);
              }
            }
          }
        }
      }
    }
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

  /** One for all tests of this process, made when it is first needed. */
  public static FastStart shared() {
    return Shared.FAST;
  }

  private static final class Shared {
    static final FastStart FAST = make();

    private static FastStart make() {
      try {
        return prepare(Files.createTempDirectory("fast-start-"));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** The beginning of a command line that runs {@code vudo} this way. */
  public List<String> command() {
    List<String> command = new ArrayList<>();
    for (String argument : NodeProcess.javaCommand()) {
      command.add(argument.equals(System.getProperty("java.class.path")) ? classPath : argument);
    }
    command.addAll(1, options());
    return command;
  }

  private List<String> options() {
    List<String> options = always();
    options.add("-XX:SharedArchiveFile=" + archive);
    return options;
  }

  private List<String> always() {
    List<String> options = new ArrayList<>(ONE_COMPILER);
    options.add("-Djava.library.path=" + archive.getParent());
    return options;
  }

  /** Makes a node start this way. */
  public CrashNode apply(CrashNode node) {
    return node.withJavaOptions(options()).withClassPath(classPath);
  }
}
