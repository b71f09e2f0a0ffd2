package io.vudo.examples.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class LogCheckTest {
  private static final String START = "2026-01-02T03:04:05.678Z ";

  @Test
  void findsWhatIsNotAllowedWithItsTrace() {
    String log =
        START
            + "INFO  [-] NodeAssembly - Ready\n"
            + START
            + "ERROR [counter/a] SpiritActor - Something\nwas wrong\n\tat a.B.c(D.java:1)\n"
            + START
            + "WARN  [-] SplitBrainResolver - SBR took decision DownReachable\n"
            + START
            + "WARN  [-] SpiritGate - Spirit counter/b stopped: SPIRIT_FENCED: Another owner\n"
            + START
            + "WARN  [-] Other - SBR took decision DownReachable\n";
    assertEquals(
        List.of(
            START
                + "ERROR [counter/a] SpiritActor - Something\n    was wrong\n    \tat a.B.c(D.java:1)",
            START + "WARN  [-] Other - SBR took decision DownReachable"),
        LogCheck.unexpected(log));
  }

  @Test
  void aProcessThatHangsIsExpectedToSaySoUntilTheNextOneStarts() {
    String late = START + "WARN  [-] Gateway - POST /v1/spirits/a/b/ask took too long\n";
    String stuck =
        START + "ERROR [-] NodeAssembly - The actors did not end within vudo.node.stop-timeout\n";
    String log =
        stuck
            + START
            + "WARN  [-] CoordinatedShutdown - Coordinated shutdown phase [actor-system-terminate]"
            + " timed out after 10000 milliseconds\n"
            + late
            + stuck
            + START
            + "INFO  [-] Slf4jLogger - Slf4jLogger started\n"
            + late;
    assertEquals(List.of(stuck.strip(), late.strip()), LogCheck.unexpected(log));
  }

  @Test
  void findsTheLastLine() {
    assertEquals(
        List.of(START + "ERROR [-] X - y"), LogCheck.unexpected(START + "ERROR [-] X - y\n"));
    assertEquals(List.of(), LogCheck.unexpected(""));
  }
}
