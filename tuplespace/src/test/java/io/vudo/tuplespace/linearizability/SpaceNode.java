package io.vudo.tuplespace.linearizability;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.protocol.Field;
import io.vudo.protocol.FieldType;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import io.vudo.testing.PostgresFixture;
import io.vudo.tuplespace.HoldOutcome;
import io.vudo.tuplespace.OperationId;
import io.vudo.tuplespace.Tuplespace;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Leave;

/**
 * A node of a cluster, as a process of its own: {@code SpaceNode CONFIG-FILE}. It answers each line
 * of a connection by a line:
 *
 * <pre>
 *   members                                     members N      that are up, or 0 when one is missed
 *   leave                                       done           and then it ends
 *   write SPACE KEY FIRST VALUE                 done
 *   read  SPACE FIRST VALUE WAIT-MS             found FIRST VALUE, or empty
 *   take  SPACE KEY FIRST VALUE WAIT-MS         found FIRST VALUE, or empty
 *   count SPACE FIRST VALUE                     count N
 *   swap  SPACE KEY FIRST VALUE REPLACEMENT     done, or empty
 * </pre>
 *
 * <p>{@code -} is no key, {@code *} leaves a field open. A failure is {@code error CODE TEXT}.
 */
final class SpaceNode {
  static final String NO_KEY = "-";
  static final String ANY = "*";

  private final ActorSystem<Void> system;
  private final Tuplespace spaces;

  private SpaceNode(ActorSystem<Void> system) {
    this.system = system;
    this.spaces =
        Tuplespace.start(
            system, (holder, holdId) -> CompletableFuture.completedFuture(HoldOutcome.PENDING));
  }

  public static void main(String[] arguments) throws IOException {
    Config settings = ConfigFactory.parseFile(Path.of(arguments[0]).toFile());
    Config config =
        settings
            .withFallback(PostgresFixture.config(settings.getString("test-node.database")))
            .withFallback(ConfigFactory.load())
            .resolve();
    InetAddress address = InetAddress.getByName(config.getString("test-node.host"));
    // Before it joins: a driver that gets no connection knows that nothing was done.
    try (ServerSocket server = new ServerSocket(config.getInt("test-node.port"), 100, address)) {
      SpaceNode node = new SpaceNode(ActorSystem.create(Behaviors.empty(), "vudo", config));
      while (true) {
        Socket socket = server.accept();
        Thread thread = new Thread(() -> node.serve(socket), "connection");
        thread.setDaemon(true);
        thread.start();
      }
    }
  }

  private void serve(Socket socket) {
    try (socket;
        BufferedReader in =
            new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8))) {
      socket.setTcpNoDelay(true);
      OutputStream out = socket.getOutputStream();
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        out.write((answer(line.split(" ", -1)) + "\n").getBytes(UTF_8));
        out.flush();
      }
    } catch (IOException e) {
      // The driver has gone, or goes on with another node.
    }
  }

  private String answer(String[] words) {
    try {
      return switch (words[0]) {
        case "members" -> "members " + members();
        case "leave" -> leave();
        case "write" -> {
          var unused =
              join(spaces.write(words[1], Tuple.of(words[3], number(words[4])), 0, key(words[2])));
          yield "done";
        }
        case "read" -> {
          Template template = template(words[2], words[3]);
          Duration wait = wait(words[4]);
          yield found(
              wait.isZero()
                  ? spaces.read(words[1], template)
                  : spaces.read(words[1], template, wait));
        }
        case "take" -> {
          Template template = template(words[3], words[4]);
          Duration wait = wait(words[5]);
          yield found(
              wait.isZero()
                  ? spaces.take(words[1], template, key(words[2]))
                  : spaces.take(words[1], template, key(words[2]), wait));
        }
        case "count" -> "count " + join(spaces.count(words[1], template(words[2], words[3])));
        case "swap" ->
            join(spaces.compareAndSwap(
                        words[1],
                        template(words[3], words[4]),
                        Tuple.of(words[3], number(words[5])),
                        0,
                        key(words[2])))
                    .isPresent()
                ? "done"
                : "empty";
        default -> throw new IllegalArgumentException(words[0]);
      };
    } catch (VudoException e) {
      return "error " + e.code() + " " + String.valueOf(e.getMessage()).replace('\n', ' ');
    }
  }

  private static <T> T join(CompletionStage<T> stage) {
    try {
      return stage.toCompletableFuture().join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof VudoException typed) {
        throw typed;
      }
      throw e;
    }
  }

  private static String found(CompletionStage<Optional<Tuple>> stage) {
    return join(stage)
        .map(
            tuple ->
                "found "
                    + ((Field.Text) tuple.field(0)).value()
                    + " "
                    + ((Field.Int64) tuple.field(1)).value())
        .orElse("empty");
  }

  private static OperationId key(String word) {
    return word.equals(NO_KEY) ? OperationId.none() : OperationId.key(word);
  }

  private static long number(String word) {
    return Long.parseLong(word);
  }

  private static Duration wait(String millis) {
    return Duration.ofMillis(number(millis));
  }

  private static Template template(String first, String value) {
    return Template.of(
        first.equals(ANY) ? FieldType.STRING : first,
        value.equals(ANY) ? FieldType.INT : (Object) number(value));
  }

  private int members() {
    var state = Cluster.get(system).state();
    if (!state.getUnreachable().isEmpty()) {
      return 0;
    }
    List<MemberStatus> statuses = new ArrayList<>();
    for (Member member : state.getMembers()) {
      statuses.add(member.status());
    }
    return statuses.stream().allMatch(MemberStatus.up()::equals) ? statuses.size() : 0;
  }

  private String leave() {
    Cluster cluster = Cluster.get(system);
    cluster.manager().tell(Leave.create(cluster.selfMember().address()));
    return "done";
  }
}
