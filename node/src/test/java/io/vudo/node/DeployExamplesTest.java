package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.vudo.cli.NodeHelp;
import io.vudo.node.internal.Guards;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * What examples/deploy says fits together, and fits the settings, ports and paths that there are.
 */
class DeployExamplesTest {
  private static final Path DEPLOY = Path.of("..", "examples", "deploy");
  private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

  /** What the pod's environment gives. */
  private static final Map<String, String> POD =
      Map.of("POD_NAME", "vudo-0", "POD_IP", "10.1.2.3", "VUDO_JOURNAL_USER", "vudo");

  private static List<JsonNode> documents(String file) throws IOException {
    try (var parser =
        YAML.getFactory().createParser(DEPLOY.resolve("kubernetes").resolve(file).toFile())) {
      List<JsonNode> documents = YAML.readValues(parser, JsonNode.class).readAll();
      for (JsonNode document : documents) {
        assertTrue(document.has("apiVersion") && document.has("kind"), document.toString());
        assertFalse(document.at("/metadata/name").asText().isEmpty(), document.toString());
      }
      return documents;
    }
  }

  private static JsonNode find(List<JsonNode> documents, String kind, String name) {
    return documents.stream()
        .filter(document -> document.path("kind").asText().equals(kind))
        .filter(document -> document.at("/metadata/name").asText().equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError("There is no " + kind + " " + name));
  }

  private static NodeSettings settings(String text, Map<String, String> environment) {
    Config environmental = ConfigFactory.parseMap(environment);
    Config user = ConfigFactory.parseString(text).resolveWith(environmental);
    return NodeSettings.of(user);
  }

  private static int seconds(NodeSettings settings, String path) {
    return Math.toIntExact(settings.config().getDuration(path).toSeconds());
  }

  @Test
  void theStatefulSetFitsTheSettings() throws IOException {
    List<JsonNode> documents = documents("vudo.yaml");
    NodeSettings settings =
        settings(find(documents, "ConfigMap", "vudo").at("/data/node.conf").asText(), POD);
    Config vudo = settings.config().getConfig("vudo");
    JsonNode set = find(documents, "StatefulSet", "vudo");
    JsonNode pod = set.at("/spec/template/spec");
    JsonNode container = pod.at("/containers/0");

    Map<String, Integer> ports = new HashMap<>();
    container
        .path("ports")
        .forEach(port -> ports.put(port.path("name").asText(), port.path("containerPort").asInt()));
    assertEquals(
        Map.of(
            "cluster", settings.port(),
            "http", settings.httpPort(),
            "management", vudo.getInt("cluster.management.port")),
        ports);
    assertTrue(vudo.getBoolean("cluster.management.enabled"));
    assertEquals("0.0.0.0", settings.httpHost(), "reached from outside of the pod");

    String service = set.at("/spec/serviceName").asText();
    assertEquals("vudo-0." + service, settings.host());
    List<String> seeds = new ArrayList<>();
    for (int i = 0; i < set.at("/spec/replicas").asInt(); i++) {
      seeds.add("vudo-" + i + "." + service + ":" + settings.port());
    }
    assertEquals(seeds, vudo.getStringList("cluster.seeds"));
    JsonNode headless = find(documents, "Service", service);
    assertEquals("None", headless.at("/spec/clusterIP").asText());
    assertTrue(headless.at("/spec/publishNotReadyAddresses").asBoolean());

    Config health = settings.config().getConfig("pekko.management.health-checks");
    for (String probe : List.of("startupProbe", "readinessProbe", "livenessProbe")) {
      JsonNode get = container.path(probe).path("httpGet");
      assertTrue(ports.containsKey(get.path("port").asText()), probe);
      String path = probe.startsWith("liveness") ? "liveness-path" : "readiness-path";
      assertEquals("/" + health.getString(path), get.path("path").asText(), probe);
    }
    JsonNode startup = container.path("startupProbe");
    assertTrue(
        startup.path("periodSeconds").asInt() * startup.path("failureThreshold").asInt()
            > seconds(settings, "vudo.node.start-timeout")
                + seconds(settings, "vudo.cluster.warm-timeout"),
        "a start may take as long as the node allows itself");

    JsonNode preStop = container.at("/lifecycle/preStop/exec/command");
    assertEquals("sleep", preStop.path(0).asText());
    assertTrue(
        pod.path("terminationGracePeriodSeconds").asInt()
            > Integer.parseInt(preStop.path(1).asText())
                + seconds(settings, "vudo.node.stop-timeout")
                + seconds(settings, "vudo.spirit.move.drain-timeout"),
        "nobody is killed who still moves Spirits");

    checkOptions(container.path("args").toString().replaceAll("[\\[\\]\",]+", " "));
    checkSelectors(documents, set.at("/spec/template/metadata/labels"));
    checkSecretsAndVolumes(settings, container, pod);
  }

  private static void checkSelectors(List<JsonNode> documents, JsonNode labels) {
    assertEquals(labels, find(documents, "Service", "vudo").at("/spec/selector"));
    assertEquals(labels, find(documents, "Service", "vudo-nodes").at("/spec/selector"));
    assertEquals(labels, find(documents, "StatefulSet", "vudo").at("/spec/selector/matchLabels"));
    assertEquals(
        labels, find(documents, "PodDisruptionBudget", "vudo").at("/spec/selector/matchLabels"));
    assertEquals(
        labels, find(documents, "NetworkPolicy", "vudo").at("/spec/podSelector/matchLabels"));
    find(documents, "ServiceAccount", "vudo");
  }

  private static void checkSecretsAndVolumes(
      NodeSettings settings, JsonNode container, JsonNode pod) throws IOException {
    List<JsonNode> secrets = documents("secrets.yaml");
    for (JsonNode variable : container.path("env")) {
      JsonNode reference = variable.at("/valueFrom/secretKeyRef");
      if (!reference.isMissingNode()) {
        JsonNode secret = find(secrets, "Secret", reference.path("name").asText());
        assertTrue(
            secret.path("stringData").has(reference.path("key").asText()), reference::toString);
      }
    }
    Map<String, String> mounts = new HashMap<>();
    container
        .path("volumeMounts")
        .forEach(
            mount -> mounts.put(mount.path("name").asText(), mount.path("mountPath").asText()));
    assertEquals(settings.data().toString(), mounts.get("data"));
    JsonNode tls = find(secrets, "Secret", "vudo-tls").path("stringData");
    for (String file :
        List.of(
            "cluster.tls.certificate",
            "cluster.tls.key",
            "cluster.tls.ca",
            "gateway.tls.certificate",
            "gateway.tls.key")) {
      Path path = Path.of(settings.config().getString("vudo." + file));
      assertEquals(mounts.get("tls"), path.getParent().toString());
      assertTrue(tls.has(path.getFileName().toString()), path.toString());
    }
    Path callers = Path.of(settings.config().getString("vudo.gateway.callers-file"));
    assertEquals(mounts.get("callers"), callers.getParent().toString());
    checkCallers(
        find(secrets, "Secret", "vudo-callers")
            .at("/stringData")
            .path(callers.getFileName().toString())
            .asText());
    for (JsonNode volume : pod.path("volumes")) {
      assertTrue(mounts.containsKey(volume.path("name").asText()), volume.toString());
    }
  }

  /** A gateway takes the file. */
  private static void checkCallers(String text) throws IOException {
    Path file = Files.writeString(Files.createTempFile("callers", ".conf"), text);
    try {
      Guards.read(file);
    } finally {
      Files.delete(file);
    }
  }

  @Test
  void theUnitFitsTheSettings() throws IOException {
    Path systemd = DEPLOY.resolve("systemd");
    Properties environment = new Properties();
    try (var reader = Files.newBufferedReader(systemd.resolve("vudo.env"))) {
      environment.load(reader);
    }
    NodeSettings settings =
        settings(
            Files.readString(systemd.resolve("node.conf")),
            Map.of("VUDO_NODE_HOST", environment.getProperty("VUDO_NODE_HOST")));
    assertTrue(environment.containsKey("VUDO_JOURNAL_PASSWORD"));
    Path callers = Path.of(settings.config().getString("vudo.gateway.callers-file"));
    checkCallers(Files.readString(systemd.resolve(callers.getFileName())));
    assertEquals(
        settings.config().getString("vudo.cluster.tls.certificate"),
        settings.config().getString("vudo.gateway.tls.certificate"));
    assertEquals(settings.host(), settings.httpHost());
    assertTrue(
        settings
            .config()
            .getStringList("vudo.cluster.seeds")
            .contains(settings.host() + ":" + settings.port()));

    String unit = Files.readString(systemd.resolve("vudo.service"));
    Matcher timeout = Pattern.compile("(?m)^TimeoutStopSec=(\\d+)$").matcher(unit);
    assertTrue(timeout.find());
    assertTrue(
        Integer.parseInt(timeout.group(1))
            > seconds(settings, "vudo.node.stop-timeout")
                + seconds(settings, "vudo.spirit.move.drain-timeout"));
    Matcher start = Pattern.compile("(?m)^ExecStart=\\S+ (.*)$").matcher(unit);
    assertTrue(start.find());
    checkOptions(start.group(1));
  }

  /** Every option is one that the command has. */
  private static void checkOptions(String words) {
    String help = NodeHelp.text();
    Matcher option = Pattern.compile("--[a-z-]+").matcher(words);
    int options = 0;
    while (option.find()) {
      options++;
      assertTrue(help.contains(option.group()), option.group());
    }
    assertTrue(options > 0 && words.strip().startsWith("node "), words);
  }
}
