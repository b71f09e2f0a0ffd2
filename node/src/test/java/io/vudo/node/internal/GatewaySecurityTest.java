package io.vudo.node.internal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.cli.internal.Terminal;
import io.vudo.cli.internal.Vudo;
import io.vudo.client.TuplespaceClient;
import io.vudo.node.NodeFixture;
import io.vudo.node.TestCertificates;
import io.vudo.node.TestCertificates.NodeFiles;
import io.vudo.node.TestModules;
import io.vudo.node.VudoNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.protocol.VudoException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Who gets into the gateway and what for: one node, TLS, tokens and client certificates. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class GatewaySecurityTest {
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  @TempDir static Path directory;

  private static final Map<Role, String> TOKENS = new LinkedHashMap<>();
  private static final String ALL = Tokens.create();

  /** What was logged since the beginning. */
  private static final List<ILoggingEvent> LOGGED = new CopyOnWriteArrayList<>();

  private static final AppenderBase<ILoggingEvent> APPENDER =
      new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
          LOGGED.add(event);
        }
      };

  private static TestCertificates authority;
  private static NodeFiles server;
  private static NodeFiles orders;
  private static Path callers;
  private static VudoNode node;
  private static HttpClient http;

  @BeforeAll
  static void start() throws IOException {
    APPENDER.start();
    root().addAppender(APPENDER);
    authority = new TestCertificates(directory.resolve("authority"));
    server = authority.issue("server");
    orders = authority.issueTo("orders", "CN=orders,O=Example", "orders.example");
    callers = directory.resolve("callers.conf");
    for (Role role : Role.values()) {
      TOKENS.put(role, Tokens.create());
    }
    writeCallers("");
    node =
        VudoNode.start(
            NodeFixture.settings(
                NodeFixture.newDataDirectory(),
                tls(
                        server,
                        "client-authentication = optional",
                        "client-ca = \"" + server.ca() + "\"")
                    + "vudo.gateway.callers-file = \""
                    + callers
                    + "\"\nvudo.gateway.reload-interval = 50 ms"));
    http = client(context(Optional.empty()));
    assertEquals("https", node.httpAddress().getScheme());
    assertEquals(201, deploy("echo", ALL).statusCode());
  }

  @AfterAll
  static void end() {
    node.close();
    root().detachAppender(APPENDER);
    Set<String> secrets =
        Stream.concat(TOKENS.values().stream(), Stream.of(ALL)).collect(Collectors.toSet());
    for (ILoggingEvent event : LOGGED) {
      for (String secret : secrets) {
        assertFalse(event.getFormattedMessage().contains(secret), event::getLoggerName);
      }
    }
  }

  private static Logger root() {
    return (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
  }

  private static String tls(NodeFiles files, String... more) {
    return "vudo.gateway.tls {\n certificate = \""
        + files.certificate()
        + "\"\n key = \""
        + files.key()
        + "\"\n"
        + String.join("\n", more)
        + "\n}\n";
  }

  private static String entry(String name, String shown, String more, Role... roles) {
    return " { name = \""
        + name
        + "\", "
        + shown
        + ", roles = ["
        + Arrays.stream(roles).map(Role::text).collect(Collectors.joining(", "))
        + "] "
        + more
        + " }\n";
  }

  private static String token(String token) {
    return "token-sha256 = " + Tokens.hash(token);
  }

  /** Writes those that all tests use, and these. */
  private static void writeCallers(String more) throws IOException {
    StringBuilder text = new StringBuilder("callers = [\n");
    text.append(entry("all", token(ALL), "", Role.values()));
    for (Role role : Role.values()) {
      text.append(entry("only-" + role.text(), token(TOKENS.get(role)), "", role));
    }
    Path written = Files.writeString(callers.resolveSibling("callers.new"), text + more + "]\n");
    Files.move(written, callers, StandardCopyOption.REPLACE_EXISTING);
  }

  private static SSLContext context(Optional<NodeFiles> client) {
    return TlsContexts.of(
        client.map(
            files ->
                TlsContexts.Identity.of(
                    PemText.read(files.certificate()), PemText.read(files.key()))),
        PemText.read(authority.ca()).certificates());
  }

  private static HttpClient client(SSLContext context) {
    return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).sslContext(context).build();
  }

  private static HttpRequest.Builder request(String path, String token) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(node.httpAddress() + path)).timeout(PATIENCE);
    return token.isEmpty() ? request : request.header("Authorization", "Bearer " + token);
  }

  private static HttpResponse<byte[]> send(HttpClient client, HttpRequest.Builder request)
      throws IOException {
    try {
      return client.send(request.build(), BodyHandlers.ofByteArray());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  private static HttpResponse<byte[]> get(String path, String token) throws IOException {
    return send(http, request(path, token).GET());
  }

  private static HttpResponse<byte[]> deploy(String type, String token) throws IOException {
    return send(
        http,
        request("/v1/deployments/" + type + "?engine=jvm", token)
            .POST(BodyPublishers.ofByteArray(TestModules.echo())));
  }

  /** Asserts a refusal, and answers its detail. */
  private static String refused(ErrorCode code, HttpResponse<byte[]> response) {
    String text = new String(response.body(), StandardCharsets.UTF_8);
    assertEquals(code.httpStatus(), response.statusCode(), text);
    assertTrue(
        response.headers().firstValue("Content-Type").orElse("").startsWith("application/problem"));
    JsonNode problem = Json.read(response.body());
    assertEquals(code.name(), problem.path("code").asText());
    return problem.path("detail").asText();
  }

  private static String header(HttpResponse<?> response, String name) {
    return response.headers().firstValue(name).orElse("");
  }

  // Roles

  @Test
  void everyRouteWantsItsRoleAndOnlyTheHealthProbesAreOpen() throws Exception {
    for (Route route : Route.values()) {
      String path =
          route
              .path()
              .replace("{type}", "nothing")
              .replace("{id}", "x")
              .replace("{name}", "nobody.knows")
              .replace("{node}", "nobody:1")
              .replace("{letter}", "0-1")
              .replace("{run}", "nobody-ran")
              .replace("{space}", "matrix");
      HttpResponse<byte[]> nobody =
          send(http, request(path, "").method(route.method(), BodyPublishers.noBody()));
      if (path.startsWith("/health/")) {
        assertEquals(200, nobody.statusCode(), route::name);
        continue;
      }
      Role role = route.role().orElseThrow(() -> new AssertionError(route + " is open"));
      refused(ErrorCode.UNAUTHENTICATED, nobody);
      assertEquals("Bearer realm=\"vudo\"", header(nobody, "WWW-Authenticate"));
      for (Role other : EnumSet.complementOf(EnumSet.of(role))) {
        String detail =
            refused(
                ErrorCode.FORBIDDEN,
                send(
                    http,
                    request(path, TOKENS.get(other))
                        .method(route.method(), BodyPublishers.noBody())));
        assertTrue(detail.contains("the role \"" + role.text() + "\""), detail);
      }
      HttpRequest allowed =
          request(path, TOKENS.get(role)).method(route.method(), BodyPublishers.noBody()).build();
      // Some of them go on for ever.
      HttpResponse<InputStream> answer = http.send(allowed, BodyHandlers.ofInputStream());
      answer.body().close();
      assertFalse(Set.of(401, 403, 429).contains(answer.statusCode()), route::name);
    }
  }

  @Test
  void whoIsUnknownDoesNotLearnWhatThereIs() throws IOException {
    refused(ErrorCode.UNAUTHENTICATED, get("/v1/nowhere", ""));
    refused(ErrorCode.NOT_FOUND, get("/v1/nowhere", ALL));
    HttpResponse<byte[]> wrong = send(http, request("/v1/spirits", ALL).DELETE());
    assertEquals(405, wrong.statusCode());
    assertEquals("GET", header(wrong, "Allow"));
    // The probes have no other method either.
    assertEquals(405, send(http, request("/health/alive", "").DELETE()).statusCode());
  }

  @Test
  void tokensThatAreNone() throws IOException {
    String wrong = Tokens.create();
    HttpResponse<byte[]> unknown = get("/v1/status", wrong);
    assertEquals("The token is not known.", refused(ErrorCode.UNAUTHENTICATED, unknown));
    assertEquals(
        "Bearer realm=\"vudo\", error=\"invalid_token\"", header(unknown, "WWW-Authenticate"));
    for (String header :
        List.of("Basic " + ALL, ALL, "Bearer", "Bearer  ", "Bearer " + ALL + "x")) {
      refused(
          ErrorCode.UNAUTHENTICATED,
          send(http, request("/v1/status", "").header("Authorization", header)));
    }
    assertEquals(
        200,
        send(http, request("/v1/status", "").header("Authorization", "bearer " + ALL))
            .statusCode());
  }

  // The file

  @Test
  void theFileIsReadAgainAndOneThatIsWrongChangesNothing() throws IOException {
    String passing = Tokens.create();
    writeCallers(entry("passing", token(passing), "", Role.READ));
    await().atMost(PATIENCE).until(() -> get("/v1/status", passing).statusCode() == 200);

    writeCallers(
        entry("passing", token(passing), ", expires = \"2020-01-01T00:00:00Z\"", Role.READ));
    await().atMost(PATIENCE).until(() -> get("/v1/status", passing).statusCode() == 401);
    assertEquals(
        "passing was let in until 2020-01-01T00:00:00Z.",
        refused(ErrorCode.UNAUTHENTICATED, get("/v1/status", passing)));

    writeCallers(
        entry("passing", token(passing), ", expires = \"2999-01-01T00:00:00Z\"", Role.READ));
    await().atMost(PATIENCE).until(() -> get("/v1/status", passing).statusCode() == 200);
    Files.writeString(callers, "callers = [{ name = passing, roles = [emperor] }]");
    await().atMost(PATIENCE).until(() -> isLogged("Entry 1, passing"));
    assertEquals(200, get("/v1/status", passing).statusCode());

    writeCallers("");
    await().atMost(PATIENCE).until(() -> get("/v1/status", passing).statusCode() == 401);
    assertEquals(200, get("/v1/status", ALL).statusCode());
  }

  private static boolean isLogged(String text) {
    return LOGGED.stream().anyMatch(event -> event.getFormattedMessage().contains(text));
  }

  // Limits

  @Test
  void whoAsksTooOftenIsToldWhenToComeBackAndOthersGoOn() throws IOException {
    String eager = Tokens.create();
    String calm = Tokens.create();
    String limits = ", limits { requests-per-second = 0.001 }";
    writeCallers(
        entry("eager", token(eager), limits, Role.READ)
            + entry("calm", token(calm), limits, Role.READ));
    await().atMost(PATIENCE).until(() -> get("/v1/status", eager).statusCode() != 401);
    HttpResponse<byte[]> late = get("/v1/status", eager);
    assertEquals(
        "eager may make 0.001 requests per second.", refused(ErrorCode.RATE_LIMITED, late));
    int seconds = Integer.parseInt(header(late, "Retry-After"));
    assertTrue(seconds > 0 && seconds <= 1000, () -> "Retry-After " + seconds);
    assertEquals(200, get("/v1/status", calm).statusCode());
    writeCallers("");
    await().atMost(PATIENCE).until(() -> get("/v1/status", eager).statusCode() == 401);
  }

  @Test
  void aStreamCountsAsLongAsItIsOpen() throws Exception {
    String watcher = Tokens.create();
    writeCallers(
        entry("watcher", token(watcher), ", limits { concurrent-requests = 1 }", Role.READ));
    await().atMost(PATIENCE).until(() -> get("/v1/status", watcher).statusCode() == 200);
    HttpResponse<InputStream> stream =
        http.send(
            request("/v1/cluster/migrations/watch", watcher).build(), BodyHandlers.ofInputStream());
    assertEquals(200, stream.statusCode());
    assertTrue(stream.body().read() >= 0);
    HttpResponse<byte[]> second = get("/v1/status", watcher);
    assertEquals("watcher may make 1 requests at once.", refused(ErrorCode.RATE_LIMITED, second));
    assertEquals("1", header(second, "Retry-After"));
    stream.body().close();
    await().atMost(PATIENCE).until(() -> get("/v1/status", watcher).statusCode() == 200);
    writeCallers("");
    await().atMost(PATIENCE).until(() -> get("/v1/status", watcher).statusCode() == 401);
  }

  // Certificates

  @Test
  void aClientCertificateIsWhoeverTheFileSays() throws IOException {
    HttpClient shown = client(context(Optional.of(orders)));
    assertTrue(
        refused(ErrorCode.UNAUTHENTICATED, send(shown, request("/v1/status", "")))
            .contains("CN=orders"));
    // A token counts more than a certificate.
    assertEquals(200, send(shown, request("/v1/status", ALL)).statusCode());
    refused(ErrorCode.UNAUTHENTICATED, send(shown, request("/v1/status", Tokens.create())));

    String marker = Tokens.create();
    writeCallers(
        entry("other", "certificate-subject = \"CN=orders,O=Example,C=DE\"", "", Role.READ)
            + entry("another", "certificate-san = \"dns:example\"", "", Role.READ)
            + entry("marker", token(marker), "", Role.READ));
    await().atMost(PATIENCE).until(() -> get("/v1/status", marker).statusCode() == 200);
    refused(ErrorCode.UNAUTHENTICATED, send(shown, request("/v1/status", "")));

    for (String identity :
        List.of(
            "certificate-subject = \"CN=Orders, O=Example\"",
            "certificate-san = \"dns:Orders.example\"")) {
      writeCallers(entry("orders", identity, "", Role.READ));
      await()
          .atMost(PATIENCE)
          .until(() -> send(shown, request("/v1/status", "")).statusCode() == 200);
      String detail =
          refused(
              ErrorCode.FORBIDDEN,
              send(
                  shown, request("/v1/spirits/echo/x/ask", "").POST(BodyPublishers.ofString("x"))));
      assertTrue(detail.contains("orders has \"read\""), detail);
    }
    writeCallers("");
    await()
        .atMost(PATIENCE)
        .until(() -> send(shown, request("/v1/status", "")).statusCode() == 401);
    // Who shows none is asked for a token.
    refused(ErrorCode.UNAUTHENTICATED, get("/v1/status", ""));
  }

  @Test
  void aCertificateOfAnotherAuthorityIsRefusedByBothSides() throws IOException {
    TestCertificates other = new TestCertificates(directory.resolve("other"));
    NodeFiles stranger = other.issueTo("stranger", "CN=orders,O=Example", "orders.example");
    HttpClient shown =
        client(
            TlsContexts.of(
                Optional.of(
                    TlsContexts.Identity.of(
                        PemText.read(stranger.certificate()), PemText.read(stranger.key()))),
                PemText.read(authority.ca()).certificates()));
    assertThrows(IOException.class, () -> send(shown, request("/v1/status", ALL)));
    HttpClient suspicious =
        client(TlsContexts.of(Optional.empty(), PemText.read(other.ca()).certificates()));
    assertThrows(SSLException.class, () -> send(suspicious, request("/v1/status", ALL)));
    CommandResult command = vudo(ALL, other.ca(), "status");
    assertEquals(1, command.exitCode());
    assertTrue(command.err().contains("--ca-file"), command.err());
  }

  @Test
  void newConnectionsUseTheCertificateThatTheFilesHoldNow() throws IOException {
    assertEquals("RSA", keyOfTheServer());
    NodeFiles elliptic = authority.issueElliptic("elliptic");
    byte[] certificate = Files.readAllBytes(server.certificate());
    byte[] key = Files.readAllBytes(server.key());
    // One file after the other, as it happens: between the two they do not fit.
    Files.copy(elliptic.certificate(), server.certificate(), StandardCopyOption.REPLACE_EXISTING);
    await().atMost(PATIENCE).until(() -> isLogged("is not the key of"));
    assertEquals("RSA", keyOfTheServer());
    Files.copy(elliptic.key(), server.key(), StandardCopyOption.REPLACE_EXISTING);
    await().atMost(PATIENCE).until(() -> keyOfTheServer().equals("EC"));
    assertEquals(
        200, send(client(context(Optional.empty())), request("/v1/status", ALL)).statusCode());
    Files.write(server.certificate(), certificate);
    Files.write(server.key(), key);
    await().atMost(PATIENCE).until(() -> keyOfTheServer().equals("RSA"));
  }

  private static String keyOfTheServer() throws IOException {
    URI address = node.httpAddress();
    try (SSLSocket socket =
        (SSLSocket)
            context(Optional.empty())
                .getSocketFactory()
                .createSocket(address.getHost(), address.getPort())) {
      socket.startHandshake();
      return socket.getSession().getPeerCertificates()[0].getPublicKey().getAlgorithm();
    }
  }

  // The audit log

  @Test
  void whatChangesSomethingHasALineOfTheAuditLog() throws IOException {
    assertEquals(403, deploy("audited", TOKENS.get(Role.READ)).statusCode());
    HttpResponse<byte[]> deployed =
        send(
            http,
            request("/v1/deployments/audited?engine=jvm", TOKENS.get(Role.DEPLOY))
                .header("X-Request-Id", "pipeline-17")
                .POST(BodyPublishers.ofByteArray(TestModules.echo())));
    assertEquals(201, deployed.statusCode());
    assertEquals("pipeline-17", header(deployed, "X-Request-Id"));
    HttpResponse<byte[]> asked =
        send(
            http,
            request("/v1/spirits/audited/x/ask", TOKENS.get(Role.MESSAGE))
                .POST(BodyPublishers.ofString("x")));
    assertEquals(200, asked.statusCode());
    assertNotEquals("", header(asked, "X-Request-Id"));

    List<JsonNode> lines = audited("audited");
    assertEquals(2, lines.size(), lines::toString);
    JsonNode line = lines.get(1);
    assertEquals("deploy", line.path("operation").asText());
    assertEquals("engine=jvm", line.path("parameters").asText());
    assertEquals("only-deploy", line.path("caller").asText());
    assertEquals("deploy", line.path("role").asText());
    assertEquals("127.0.0.1", line.path("address").asText());
    assertEquals("OK", line.path("outcome").asText());
    assertEquals(201, line.path("status").asInt());
    assertEquals("pipeline-17", line.path("request").asText());
    assertTrue(line.path("millis").isIntegralNumber());
    assertEquals("FORBIDDEN", lines.get(0).path("outcome").asText());
    assertEquals("only-read", lines.get(0).path("caller").asText());
  }

  private static List<JsonNode> audited(String target) {
    List<JsonNode> lines = new ArrayList<>();
    for (ILoggingEvent event : LOGGED) {
      if (event.getLoggerName().equals(AuditLog.NAME)) {
        JsonNode line = Json.read(event.getFormattedMessage().getBytes(StandardCharsets.UTF_8));
        if (line.path("target").asText().startsWith(target)) {
          lines.add(line);
        }
      }
    }
    return lines;
  }

  @Test
  void withoutCallersEverybodyOfThisMachineMayAndIsCountedByAddress() throws IOException {
    String config =
        "vudo.gateway.audit.messages = on\nvudo.gateway.limits.requests-per-second = 0.001";
    try (VudoNode open =
        VudoNode.start(NodeFixture.settings(NodeFixture.newDataDirectory(), config))) {
      assertEquals("http", open.httpAddress().getScheme());
      assertTrue(isLogged("for this machine only, without authentication"));
      HttpRequest.Builder ask =
          HttpRequest.newBuilder(URI.create(open.httpAddress() + "/v1/spirits/nobody%0A/x/tell"))
              .POST(BodyPublishers.noBody());
      refused(ErrorCode.SPIRIT_TYPE_INVALID, send(http, ask));
      assertEquals(
          "This address may make 0.001 requests per second.",
          refused(ErrorCode.RATE_LIMITED, send(http, ask)));
      HttpRequest.Builder alive =
          HttpRequest.newBuilder(URI.create(open.httpAddress() + "/health/alive"));
      assertEquals(200, send(http, alive).statusCode());
    }
    List<JsonNode> lines = audited("nobody\n");
    assertEquals(
        List.of("SPIRIT_TYPE_INVALID", "RATE_LIMITED"),
        lines.stream().map(line -> line.path("outcome").asText()).toList());
    assertEquals("anonymous", lines.get(0).path("caller").asText());
    assertEquals("tell", lines.get(0).path("operation").asText());
  }

  // The callers' side

  private record CommandResult(int exitCode, String out, String err) {}

  private static CommandResult vudo(String token, Path ca, String... arguments) {
    return command(
        Map.of(
            "VUDO_NODE",
            node.httpAddress().toString(),
            "VUDO_TOKEN",
            token,
            "VUDO_CA_FILE",
            ca.toString()),
        arguments);
  }

  private static CommandResult command(Map<String, String> environment, String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exitCode =
        new Vudo(
                new Terminal(
                    new ByteArrayInputStream(new byte[0]),
                    new PrintStream(out, false, StandardCharsets.UTF_8),
                    new PrintStream(err, true, StandardCharsets.UTF_8),
                    environment,
                    false,
                    false))
            .execute(arguments);
    return new CommandResult(
        exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  @Test
  void commandsSayATokenOrShowACertificate() throws IOException {
    CommandResult asked = vudo(TOKENS.get(Role.MESSAGE), authority.ca(), "ask", "echo/cli", "hi");
    assertEquals("hi", asked.out().strip(), asked.err());
    CommandResult forbidden = vudo(TOKENS.get(Role.READ), authority.ca(), "ask", "echo/cli", "hi");
    assertEquals(1, forbidden.exitCode());
    assertTrue(forbidden.err().startsWith("error[FORBIDDEN]"), forbidden.err());
    assertTrue(vudo(ALL, authority.ca(), "status").out().contains("spirits"));
    assertTrue(vudo(ALL, authority.ca(), "top", "--once").out().contains("echo/"));

    Path file = Files.writeString(directory.resolve("token"), ALL + "\n");
    Map<String, String> url = Map.of("VUDO_NODE", node.httpAddress().toString());
    CommandResult byFile =
        command(
            url,
            "spirits",
            "--token-file",
            file.toString(),
            "--ca-file",
            authority.ca().toString());
    assertEquals(0, byFile.exitCode(), byFile.err());

    writeCallers(entry("orders", "certificate-subject = \"CN=orders,O=Example\"", "", Role.READ));
    HttpClient shown = client(context(Optional.of(orders)));
    await()
        .atMost(PATIENCE)
        .until(() -> send(shown, request("/v1/status", "")).statusCode() == 200);
    List<String> options =
        List.of(
            "--ca-file",
            authority.ca().toString(),
            "--client-certificate",
            orders.certificate().toString(),
            "--client-key",
            orders.key().toString());
    List<String> words = new ArrayList<>(List.of("spirits"));
    words.addAll(options);
    CommandResult byCertificate = command(url, words.toArray(String[]::new));
    assertEquals(0, byCertificate.exitCode(), byCertificate.err());
    writeCallers("");

    CommandResult half = command(url, "spirits", "--client-key", orders.key().toString());
    assertEquals(2, half.exitCode(), half.err());
    CommandResult spaced = command(Map.of("VUDO_TOKEN", "two secret words"), "spirits");
    assertEquals(2, spaced.exitCode());
    assertFalse(spaced.err().contains("secret"), spaced.err());
  }

  @Test
  void aTokenOfTheCommandIsLetInByTheEntryBesideIt() throws IOException {
    CommandResult both =
        command(
            Map.of(),
            "token",
            "create",
            "--name",
            "made",
            "--role",
            "read",
            "--days",
            "1",
            "--format",
            "json");
    JsonNode made = Json.read(both.out().getBytes(StandardCharsets.UTF_8));
    writeCallers(made.path("entry").toString());
    String token = made.path("token").asText();
    await().atMost(PATIENCE).until(() -> get("/v1/status", token).statusCode() == 200);
    refused(ErrorCode.FORBIDDEN, deploy("made", token));
    writeCallers("");

    CommandResult text = command(Map.of(), "token", "create", "--name", "x", "--role", "deploy");
    assertTrue(text.out().matches("vudo_[A-Za-z0-9_-]{43}\n"), text.out());
    assertTrue(text.err().contains(Tokens.hash(text.out().strip())), text.err());
    assertFalse(text.err().contains(text.out().strip()));
    assertEquals(
        2, command(Map.of(), "token", "create", "--name", "x", "--role", "emperor").exitCode());
  }

  @Test
  void theClientOfTuplespacesSaysATokenToo() {
    TuplespaceClient client =
        TuplespaceClient.builder()
            .node(node.httpAddress().toString())
            .sslContext(context(Optional.empty()))
            .token(TOKENS.get(Role.MESSAGE))
            .build();
    client.write("jobs", Tuple.of("job", 1), 0).toCompletableFuture().join();
    assertEquals(
        Optional.of(Tuple.of("job", 1)),
        client.take("jobs", Template.of("job", Template.ANY)).toCompletableFuture().join());
    VudoException forbidden =
        assertInstanceOf(
            VudoException.class,
            assertThrows(
                    CompletionException.class,
                    () ->
                        client
                            .count("jobs", Template.of("job", Template.ANY))
                            .toCompletableFuture()
                            .join())
                .getCause());
    assertEquals(ErrorCode.FORBIDDEN, forbidden.code());
    VudoException none =
        assertThrows(
            VudoException.class, () -> TuplespaceClient.builder().token("two secret words"));
    assertEquals(ErrorCode.REQUEST_INVALID, none.code());
    assertFalse(none.getMessage().contains("secret"));
  }

  // Refusing to start

  private static VudoException notStarted(String host, String config) {
    return assertThrows(
        VudoException.class,
        () ->
            VudoNode.start(
                NodeFixture.settings(NodeFixture.newDataDirectory(), config).withHttpHost(host)));
  }

  @Test
  void nothingListensUnprotectedUnlessItIsTold() {
    String file = "vudo.gateway.callers-file = \"" + callers + "\"\n";
    for (String host : List.of("0.0.0.0", "192.0.2.1", "::", "gateway.example")) {
      VudoException open = notStarted(host, "");
      assertEquals(ErrorCode.GATEWAY_UNPROTECTED, open.code());
      assertTrue(open.detail().contains("vudo.gateway.callers-file"), open.detail());
      assertEquals(ErrorCode.GATEWAY_UNPROTECTED, notStarted(host, tls(server)).code());
      VudoException plain = notStarted(host, file);
      assertEquals(ErrorCode.GATEWAY_UNPROTECTED, plain.code());
      assertTrue(plain.detail().contains("vudo.gateway.tls"), plain.detail());
      for (String enough :
          List.of(
              file + tls(server),
              file + "vudo.gateway.allow-plaintext = on",
              "vudo.gateway.allow-unauthenticated = on")) {
        GatewaySecurity.open(NodeFixture.settings(directory, enough).withHttpHost(host)).close();
      }
    }
    for (String host : List.of("127.0.0.1", "127.0.0.17", "::1", "localhost")) {
      GatewaySecurity.open(NodeFixture.settings(directory, "").withHttpHost(host)).close();
    }
  }

  @Test
  void filesAndSettingsThatAreWrong() throws IOException {
    wrongCallers("No configuration setting found for key 'callers'", "");
    wrongCallers("there is no key \"caller\" here", "caller = []");
    wrongCallers("no configuration setting found for key 'name'", "callers = [{ roles = [read] }]");
    wrongCallers("one of token-sha256", "callers = [{ name = a, roles = [read] }]");
    wrongCallers(
        "64 hexadecimal digits",
        "callers = [{ name = a, token-sha256 = " + ALL + ", roles = [read] }]");
    String hash = "token-sha256 = " + Tokens.hash("a");
    wrongCallers(
        "the roles are read, message, deploy, operate; got \"emperor\"",
        "callers = [{ name = a, " + hash + ", roles = [emperor] }]");
    wrongCallers("can do nothing", "callers = [{ name = a, " + hash + ", roles = [] }]");
    wrongCallers(
        "two entries",
        "callers = [" + entry("a", hash, "", Role.READ) + entry("b", hash, "", Role.READ) + "]");
    wrongCallers(
        "expires looks like",
        "callers = [" + entry("a", hash, ", expires = tomorrow", Role.READ) + "]");
    wrongCallers(
        "0 or more",
        "callers = [" + entry("a", hash, ", limits { requests-per-second = -1 }", Role.READ) + "]");
    wrongCallers(
        "certificate-san begins with",
        "callers = [" + entry("a", "certificate-san = orders", "", Role.READ) + "]");

    Path none = directory.resolve("none");
    VudoException missing = notStarted("127.0.0.1", "vudo.gateway.callers-file = \"" + none + "\"");
    assertEquals(ErrorCode.CALLERS_INVALID, missing.code());
    assertEquals(
        ErrorCode.TLS_INVALID,
        notStarted("127.0.0.1", "vudo.gateway.tls.key = \"" + server.key() + "\"").code());
    assertEquals(
        ErrorCode.TLS_INVALID,
        notStarted("127.0.0.1", tls(new NodeFiles(server.certificate(), orders.key(), null)))
            .code());
    assertEquals(
        ErrorCode.TLS_INVALID,
        notStarted("127.0.0.1", tls(server, "client-authentication = required")).code());
    assertEquals(
        ErrorCode.CONFIG_INVALID,
        notStarted("127.0.0.1", tls(server, "client-authentication = perhaps")).code());
    assertEquals(
        ErrorCode.CONFIG_INVALID,
        notStarted(
                "127.0.0.1",
                tls(
                    server,
                    "client-authentication = required",
                    "client-ca = \"" + server.ca() + "\""))
            .code());
  }

  private static void wrongCallers(String why, String text) throws IOException {
    Path file = Files.writeString(directory.resolve("wrong.conf"), text);
    VudoException refused = notStarted("127.0.0.1", "vudo.gateway.callers-file = \"" + file + "\"");
    assertEquals(ErrorCode.CALLERS_INVALID, refused.code(), refused.getMessage());
    assertTrue(
        refused
            .detail()
            .toLowerCase(java.util.Locale.ROOT)
            .contains(why.toLowerCase(java.util.Locale.ROOT)),
        refused.detail());
    assertFalse(refused.getMessage().contains(ALL));
  }
}
