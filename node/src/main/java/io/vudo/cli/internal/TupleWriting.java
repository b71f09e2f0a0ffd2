package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vudo tuple write}, {@code swap}, {@code renew} and {@code cancel-lease}. */
final class TupleWriting {
  private TupleWriting() {}

  /** With a lease to be given. */
  private abstract static class WithLease extends SpaceCommand {
    @Option(
        names = "--ttl",
        paramLabel = "D",
        converter = DurationConverter.class,
        description = "For how long; for ever by default.")
    private Duration ttl = Duration.ZERO;

    WithLease(Terminal terminal) {
      super(terminal);
    }

    ObjectNode leased() {
      return Json.object().put("ttlMillis", ttl.toMillis());
    }
  }

  @Command(
      name = "write",
      description =
          "Write one or several tuples; prints the lease of each, by which renew and cancel-lease"
              + " find it.")
  static final class Write extends WithLease {
    @Parameters(
        index = "1..*",
        arity = "1..*",
        paramLabel = "TUPLE",
        description = "A tuple in JSON; up to 1,000.")
    private List<String> tuples;

    @Option(names = "--transaction", paramLabel = "ID", description = "Within this transaction.")
    private String transaction;

    Write(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      ObjectNode body = leased();
      if (tuples.size() == 1) {
        body.set("tuple", tuple(tuples.get(0)));
      } else {
        ArrayNode list = body.putArray("tuples");
        tuples.forEach(json -> list.add(tuple(json)));
      }
      if (transaction != null) {
        body.put("transaction", transaction);
      }
      JsonNode leases = Json.read(post("write", body).body()).path("leases");
      if (isJson()) {
        print(Json.object().put("written", leases.size()).set("leases", leases));
      } else {
        leases.forEach(lease -> print(lease.path("lease").asText()));
      }
      return 0;
    }
  }

  @Command(
      name = "swap",
      description =
          "Replace the oldest tuple that matches by another one, and print the one that was; exit"
              + " code 1 when none matches.")
  static final class Swap extends WithLease {
    @Parameters(index = "1", paramLabel = "EXPECTED", description = "A template in JSON.")
    private String expected;

    @Parameters(index = "2", paramLabel = "REPLACEMENT", description = "A tuple in JSON.")
    private String replacement;

    Swap(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      ObjectNode body = leased();
      body.set("expected", template(expected));
      body.set("replacement", tuple(replacement));
      return printTuple(post("swap", body));
    }
  }

  @Command(
      name = "renew",
      description = "Let a tuple live longer, or shorter, from now on; prints when it ends.")
  static final class Renew extends WithLease {
    @Parameters(index = "1", paramLabel = "LEASE", description = "What write printed.")
    private String lease;

    Renew(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      JsonNode answer = Json.read(post("renew", leased().put("lease", lease)).body());
      JsonNode end = answer.path("endsAtMillis");
      if (isJson()) {
        print(answer);
      } else {
        print(end.isNull() ? "never" : Instant.ofEpochMilli(end.asLong()).toString());
      }
      return 0;
    }
  }

  @Command(name = "cancel-lease", description = "End a lease before its time: the tuple is gone.")
  static final class CancelLease extends SpaceCommand {
    @Parameters(index = "1", paramLabel = "LEASE", description = "What write printed.")
    private String lease;

    CancelLease(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      post("cancel-lease", Json.object().put("lease", lease));
      return done("cancelled");
    }
  }
}
