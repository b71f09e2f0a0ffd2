package io.vudo.cli.internal;

import io.vudo.node.internal.PemText;
import io.vudo.node.internal.TlsContexts;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import picocli.CommandLine.Option;

/** Which node, and how to get in: for every command that talks to one. */
final class NodeOption {
  private static final String DEFAULT = "http://127.0.0.1:7070";
  private static final Pattern TOKEN = Pattern.compile("[!-~]{1,249}");

  @Option(
      names = "--node",
      paramLabel = "URL",
      description = "The node's gateway; VUDO_NODE, or " + DEFAULT + " by default.")
  private String url;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description = "Holds the token; VUDO_TOKEN (the token itself) or VUDO_TOKEN_FILE by default.")
  private Path tokenFile;

  @Option(
      names = "--ca-file",
      paramLabel = "FILE",
      description =
          "What issued the gateway's certificate, PEM; VUDO_CA_FILE, or those that Java trusts by"
              + " default.")
  private Path caFile;

  @Option(
      names = "--client-certificate",
      paramLabel = "FILE",
      description = "The certificate to show, PEM; VUDO_CLIENT_CERTIFICATE by default.")
  private Path clientCertificate;

  @Option(
      names = "--client-key",
      paramLabel = "FILE",
      description = "Its private key, PEM; VUDO_CLIENT_KEY by default.")
  private Path clientKey;

  /** A client of the node that was named, by the option, the environment or the default. */
  NodeClient client(VudoCommand command) {
    return new NodeClient(uri(command), access(command));
  }

  /** A client of the whole cluster of the node that was named. */
  ClusterClient cluster(VudoCommand command) {
    return new ClusterClient(uri(command), access(command));
  }

  private URI uri(VudoCommand command) {
    String fromEnvironment = command.terminal().environment().getOrDefault("VUDO_NODE", "");
    String chosen = url != null ? url : fromEnvironment.isEmpty() ? DEFAULT : fromEnvironment;
    try {
      URI uri = URI.create(chosen);
      if (uri.getHost() != null
          && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      throw command.usage("The node's URL is malformed: " + e.getMessage());
    }
    throw command.usage("The node's URL looks like " + DEFAULT + "; got \"" + chosen + "\"");
  }

  private GatewayAccess access(VudoCommand command) {
    return new GatewayAccess(token(command), tls(command));
  }

  private Optional<String> token(VudoCommand command) {
    String fromEnvironment = command.terminal().environment().getOrDefault("VUDO_TOKEN", "");
    if (tokenFile == null && !fromEnvironment.isEmpty()) {
      return Optional.of(checked(command, "VUDO_TOKEN", fromEnvironment.strip()));
    }
    return file(command, tokenFile, "VUDO_TOKEN_FILE")
        .map(
            file -> {
              try {
                return checked(command, file.toString(), Files.readString(file).strip());
              } catch (IOException e) {
                throw command.usage("Cannot read the token from " + file + ": " + e);
              }
            });
  }

  /** What is no token is not shown either: it may be half of one. */
  private static String checked(VudoCommand command, String source, String token) {
    if (!TOKEN.matcher(token).matches()) {
      throw command.usage(source + " holds no token: visible characters on one line");
    }
    return token;
  }

  private Optional<SSLContext> tls(VudoCommand command) {
    Optional<Path> ca = file(command, caFile, "VUDO_CA_FILE");
    Optional<Path> certificate = file(command, clientCertificate, "VUDO_CLIENT_CERTIFICATE");
    Optional<Path> key = file(command, clientKey, "VUDO_CLIENT_KEY");
    if (certificate.isPresent() != key.isPresent()) {
      throw command.usage("--client-certificate and --client-key go together");
    }
    if (ca.isEmpty() && certificate.isEmpty()) {
      return Optional.empty();
    }
    List<X509Certificate> authorities =
        ca.map(file -> PemText.read(file).certificates()).orElse(List.of());
    return Optional.of(
        TlsContexts.of(
            certificate.map(
                file ->
                    TlsContexts.Identity.of(PemText.read(file), PemText.read(key.orElseThrow()))),
            authorities));
  }

  private static Optional<Path> file(VudoCommand command, Path option, String variable) {
    String fromEnvironment = command.terminal().environment().getOrDefault(variable, "");
    return option != null
        ? Optional.of(option)
        : fromEnvironment.isEmpty() ? Optional.empty() : Optional.of(Path.of(fromEnvironment));
  }
}
