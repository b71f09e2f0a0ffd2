package io.vudo.embedded;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs of the package's tutorial compile, and print what it says they print. */
class TutorialTest extends EmbeddedContract {
  private static final Path PAGE =
      Path.of("src", "main", "java", "io", "vudo", "embedded", "package-info.java");

  private static List<String> blocks(String page, String begin, String end) {
    List<String> all =
        Pattern.compile(Pattern.quote(begin) + "(.*?)" + Pattern.quote(end), Pattern.DOTALL)
            .matcher(page)
            .results()
            .map(block -> block.group(1).replaceAll("(?m)^ \\* ?", ""))
            .toList();
    assertFalse(all.isEmpty(), begin);
    return all;
  }

  @Test
  void theProgramsOfTheTutorialRun(@TempDir Path directory) throws Exception {
    String page = Files.readString(PAGE);
    byte[] module = Guests.wasm(blocks(page, " * <pre>\n", " * </pre>").get(0));
    List<String> programs = blocks(page, " * <pre>{@code\n", " * }</pre>");
    assertEquals(2, programs.size());
    Path first = Files.writeString(directory.resolve("Tutorial.java"), programs.get(0));
    Path second = Files.writeString(directory.resolve("GhostTutorial.java"), programs.get(1));
    compile(directory, first, second);
    assertEquals(
        """
        3
        5
        Point[x=3, y=4] has norm 7
        Good day, visitor 12.
        TRAP_MEMORY_OUT_OF_BOUNDS
        SPIRIT_FAILED
        """,
        printed(directory, "Tutorial", module));
    assertEquals(
        """
        23
        GHOST_MISMATCH
        step left (a.add) DONE
        step right (b.norm) FAILED
        step both (a.add) SKIPPED
        TRAP_MEMORY_OUT_OF_BOUNDS
        """,
        printed(directory, "GhostTutorial", module));
  }

  private static String printed(Path directory, String program, byte[] module) throws Exception {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream before = System.out;
    try (URLClassLoader loader =
        new URLClassLoader(
            new URL[] {directory.toUri().toURL()}, TutorialTest.class.getClassLoader())) {
      Method main = loader.loadClass(program).getMethod("main", String[].class);
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      main.invoke(null, (Object) new String[] {HexFormat.of().formatHex(module)});
    } finally {
      System.setOut(before);
    }
    return printed.toString(StandardCharsets.UTF_8).replace("\r", "");
  }

  private static void compile(Path directory, Path first, Path second) throws IOException {
    ByteArrayOutputStream messages = new ByteArrayOutputStream();
    int result =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                messages,
                messages,
                "-proc:none",
                "-d",
                directory.toString(),
                "-classpath",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                first.toString(),
                second.toString());
    assertEquals(0, result, messages.toString(StandardCharsets.UTF_8));
  }
}
