package io.vudo.node;

import static io.vudo.node.ClusterFixture.awaitMembers;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.node.TestCertificates.NodeFiles;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** TLS between nodes: both sides show a certificate of one authority, or there is no connection. */
@Timeout(value = 4, unit = TimeUnit.MINUTES)
class ClusterTlsTest {
  @TempDir static Path directory;

  private static TestCertificates authority;
  private static TestCertificates other;

  @BeforeAll
  static void makeAuthorities() throws IOException {
    authority = new TestCertificates(directory.resolve("authority"));
    other = new TestCertificates(directory.resolve("other"));
  }

  private static NodeSettings with(NodeSettings settings, NodeFiles files) {
    return settings.withTls(files.certificate(), files.key(), files.ca());
  }

  @Test
  void nodesWithCertificatesOfOneAuthorityAreAClusterAndNobodyElseJoinsIt() throws IOException {
    try (ClusterFixture cluster = new ClusterFixture(5, "")) {
      VudoNode first = cluster.start(with(cluster.settings(0, ""), authority.issue("first")));
      VudoNode second = cluster.start(with(cluster.settings(1, ""), authority.issue("second")));
      VudoNode third = cluster.start(with(cluster.settings(2, ""), authority.issue("third")));
      awaitMembers(3, first, second, third);
      NodeFixture.of(first).deploy("echo", TestModules.echo());
      for (int i = 0; i < 10; i++) {
        NodeFixture.of(third).ask("echo/" + i, "any", "x").assertReply("x");
      }

      String impatient = "vudo.node.start-timeout = 8 s";
      NodeSettings foreign = with(cluster.settings(3, impatient), other.issue("foreign"));
      assertEquals(
          ErrorCode.CLUSTER_UNREACHABLE,
          assertThrows(VudoException.class, () -> cluster.start(foreign)).code());
      NodeSettings plain = cluster.settings(4, impatient);
      assertEquals(
          ErrorCode.CLUSTER_UNREACHABLE,
          assertThrows(VudoException.class, () -> cluster.start(plain)).code());
      awaitMembers(3, first, second, third);
      NodeFixture.of(second).ask("echo/0", "any", "x").assertReply("x");
    }
  }

  @Test
  void filesThatCannotBeUsedAreRefusedBeforeAnythingStarts() throws IOException {
    NodeFiles good = authority.issue("good");
    NodeFiles second = authority.issue("another");
    NodeFiles foreign = other.issue("stranger");
    NodeFiles elliptic = authority.issueElliptic("elliptic");
    Path none = directory.resolve("none.pem");
    Path nonsense = Files.writeString(directory.resolve("nonsense.pem"), "nonsense");

    refused("Cannot read " + none, new NodeFiles(none, good.key(), good.ca()));
    refused("Cannot read " + none, new NodeFiles(good.certificate(), none, good.ca()));
    refused("Cannot read " + none, new NodeFiles(good.certificate(), good.key(), none));
    refused("holds no PEM certificate", new NodeFiles(nonsense, good.key(), good.ca()));
    refused("holds no PEM RSA key", new NodeFiles(good.certificate(), nonsense, good.ca()));
    refused("is not the key of", new NodeFiles(good.certificate(), second.key(), good.ca()));
    refused("was not issued by", new NodeFiles(good.certificate(), good.key(), foreign.ca()));
    refused("must be an RSA key", elliptic);
    refused("go together", new NodeFiles(good.certificate(), good.key(), Path.of("")));
  }

  private static void refused(String why, NodeFiles files) {
    Path data = NodeFixture.newDataDirectory();
    VudoException refused =
        assertThrows(
            VudoException.class, () -> VudoNode.start(with(NodeFixture.settings(data, ""), files)));
    assertEquals(ErrorCode.TLS_INVALID, refused.code());
    assertTrue(refused.detail().contains(why), refused.detail());
  }
}
