package io.vudo.node;

import static io.vudo.node.ClusterFixture.awaitMembers;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Pekko Management beside the gateway: health as the gateway has it, members, and nothing to
 * change.
 */
@Timeout(value = 4, unit = TimeUnit.MINUTES)
class ClusterManagementTest {
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  @Test
  void itTellsHealthAndMembersAndChangesNothing() throws Exception {
    int port = freePort();
    String management =
        "vudo.cluster.management { enabled = on, host = 127.0.0.1, port = " + port + " }";
    try (ClusterFixture cluster = new ClusterFixture(2, "")) {
      VudoNode first = cluster.start(cluster.settings(0, management));
      VudoNode second = cluster.start(1);
      awaitMembers(2, first, second);

      assertEquals(200, call("GET", port, "/ready").statusCode());
      assertEquals(200, call("GET", port, "/alive").statusCode());
      NodeFixture.of(first).assertReady();
      JsonNode members = new ObjectMapper().readTree(call("GET", port, "/cluster/members").body());
      assertEquals(2, members.path("members").size(), members.toString());

      String other = ClusterFixture.addressOf(second).toString();
      for (String method : new String[] {"PUT", "DELETE", "POST"}) {
        assertTrue(
            call(method, port, "/cluster/members/" + other).statusCode() >= 400,
            method + " is refused");
      }
      awaitMembers(2, first, second);

      VudoException taken =
          assertThrows(
              VudoException.class,
              () ->
                  VudoNode.start(NodeFixture.settings(NodeFixture.newDataDirectory(), management)));
      assertEquals(ErrorCode.ADDRESS_IN_USE, taken.code());
      assertTrue(taken.detail().contains("127.0.0.1:" + port), taken.detail());
    }
  }

  private static HttpResponse<String> call(String method, int port, String path)
      throws IOException, InterruptedException {
    return HTTP.send(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .method(method, BodyPublishers.ofString(method.equals("GET") ? "" : "operation=down"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .build(),
        BodyHandlers.ofString());
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket =
        new ServerSocket(0, 1, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}))) {
      return socket.getLocalPort();
    }
  }
}
