package io.vudo.spirit.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.spirit.Engines;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Admission and the engines, held against the official core test suite. */
class CoreSuiteTest {
  /** How many assertions must pass, so that skipping cannot hide what does not work. */
  private static final Map<String, Integer> LEAST_PASSED =
      Map.of("wasmtime", 49_000, "jvm", 25_000);

  @TempDir static Path folder;

  @BeforeAll
  static void unpack() throws IOException {
    try (InputStream in = CoreSuiteTest.class.getResourceAsStream("core-test-suite.zip");
        ZipInputStream zip = new ZipInputStream(in)) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        Path file = folder.resolve(entry.getName()).normalize();
        assertTrue(file.startsWith(folder), entry.getName());
        Files.createDirectories(file.getParent());
        Files.copy(zip, file);
      }
    }
  }

  static List<String> engines() {
    return Engines.names();
  }

  @ParameterizedTest
  @MethodSource("engines")
  void whatRunsComputesWhatTheSpecificationSays(String engine)
      throws IOException, InterruptedException {
    SpecReport report = new SpecReport();
    try (Engines engines = Engines.withDefaults()) {
      new SpecSuite(folder).run(engines.engine(engine), report);
    }
    assertEquals(List.of(), report.failures(engine));
    int passed = report.totals(engine).passed;
    assertTrue(passed >= LEAST_PASSED.get(engine), passed + " passed; " + report.reasons(engine));
  }
}
