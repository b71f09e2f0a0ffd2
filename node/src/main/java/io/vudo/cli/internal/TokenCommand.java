package io.vudo.cli.internal;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.node.internal.Json;
import io.vudo.node.internal.Role;
import io.vudo.node.internal.Tokens;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vudo token}: what callers of a gateway say to be let in. */
final class TokenCommand {
  private TokenCommand() {}

  static CommandLine assemble(Terminal terminal) {
    return new CommandLine(new Group()).addSubcommand(new Create(terminal));
  }

  @Command(
      name = "token",
      mixinStandardHelpOptions = true,
      synopsisSubcommandLabel = "create",
      description = {
        "Make tokens for callers of a gateway.",
        "",
        "vudo token create --name ci --role read --role deploy"
      })
  private static final class Group implements Runnable {
    @Spec private CommandSpec spec;

    @Override
    public void run() {
      throw new ParameterException(spec.commandLine(), "An operation is missing; there is create.");
    }
  }

  @Command(
      name = "create",
      description = {
        "Make a token and the entry that lets it in.",
        "",
        "The token goes to stdout and is nowhere else. The entry goes to stderr, for",
        "the file that vudo.gateway.callers-file names; it has only the token's SHA-256.",
        "Needs no node."
      })
  private static final class Create extends VudoCommand {
    @Option(
        names = "--name",
        paramLabel = "NAME",
        required = true,
        description = "How the caller is called, in the file and in the audit log.")
    private String name;

    @Option(
        names = "--role",
        paramLabel = "ROLE",
        required = true,
        description = "What it may do: read, message, deploy or operate; once for each.")
    private List<String> roles;

    @Option(
        names = "--days",
        paramLabel = "N",
        description = "How long it is good for; for ever by default.")
    private Integer days;

    Create(Terminal terminal) {
      super(terminal);
    }

    @Override
    public Integer call() {
      Set<Role> all = new TreeSet<>();
      for (String role : roles) {
        all.add(
            Role.of(role)
                .orElseThrow(
                    () -> usage("The roles are " + Role.all() + "; got \"" + role + "\"")));
      }
      if (!Tokens.isName(name)) {
        throw usage("A name has 1 to 64 letters, digits and ._@+-; got \"" + name + "\"");
      }
      if (days != null && days < 1) {
        throw usage("--days takes 1 or more");
      }
      String token = Tokens.create();
      ObjectNode entry = Json.object().put("name", name).put("token-sha256", Tokens.hash(token));
      ArrayNode list = entry.putArray("roles");
      all.forEach(role -> list.add(role.text()));
      if (days != null) {
        entry.put(
            "expires",
            Instant.now().plus(days, ChronoUnit.DAYS).truncatedTo(ChronoUnit.SECONDS).toString());
      }
      if (isJson()) {
        ObjectNode both = Json.object().put("token", token);
        both.set("entry", entry);
        print(both);
      } else {
        print(token);
        terminal().err().println("An entry for callers in the file of vudo.gateway.callers-file:");
        terminal().err().println("  " + entry);
      }
      return 0;
    }
  }
}
