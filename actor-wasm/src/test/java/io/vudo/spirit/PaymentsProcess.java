package io.vudo.spirit;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/** A service in a process of its own, to be killed. It notes what it gets in a file. */
final class PaymentsProcess {
  /** Is noted, and never acknowledged. */
  static final int KEPT = 11;

  private PaymentsProcess() {}

  static Process start(TestCluster.Node seed, Path notes, Path log) throws IOException {
    return new ProcessBuilder(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                PaymentsProcess.class.getName(),
                seed.name(),
                notes.toString()))
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }

  /** Takes the address of a node and a file. */
  public static void main(String[] args) {
    Config config =
        ConfigFactory.parseString(
                "pekko.remote.artery.canonical { hostname = 127.0.0.1, port = 0 }\n"
                    + "pekko.cluster.split-brain-resolver.stable-after = 1 s\n"
                    + "pekko.cluster.failure-detector.acceptable-heartbeat-pause = 20 s\n"
                    + "pekko.cluster.seed-nodes = [\"pekko://vudo@"
                    + args[0]
                    + "\"]")
            .withFallback(SpiritService.config())
            .withFallback(ConfigFactory.load());
    ActorSystem<Void> system = ActorSystem.create(Behaviors.empty(), "vudo", config);
    SpiritService.join(system).register("orders", payments(Path.of(args[1])));
  }

  private static Behavior<ActorMessage> payments(Path notes) {
    return Behaviors.receiveMessage(
        message -> {
          long number = TestCluster.number(message.payload());
          note(notes, message.sender().orElseThrow() + " " + number + "\n");
          if (number != KEPT) {
            if (message.isQuestion()) {
              message.reply(TestCluster.bytes(2 * number));
            } else {
              message.done();
            }
          }
          return Behaviors.same();
        });
  }

  private static void note(Path file, String line) {
    try {
      Files.writeString(file, line, UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
