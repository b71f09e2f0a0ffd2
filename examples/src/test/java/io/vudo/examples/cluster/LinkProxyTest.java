package io.vudo.examples.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import org.junit.jupiter.api.Test;

class LinkProxyTest {
  private static final int SOON_MILLIS = 20_000;
  private static final int SHORT_MILLIS = 200;

  @Test
  void cutsOneSourceAndNotTheOther() throws IOException {
    InetAddress here = LinkProxy.loopback(2);
    InetAddress there = LinkProxy.loopback(3);
    try (ServerSocket node = new ServerSocket(0, 1, LinkProxy.loopback(1));
        LinkProxy proxy =
            LinkProxy.start(
                new InetSocketAddress(LinkProxy.loopback(1), 0),
                new InetSocketAddress(LinkProxy.loopback(1), node.getLocalPort()));
        Socket one = connect(proxy, here);
        Socket oneAtNode = node.accept();
        Socket other = connect(proxy, there);
        Socket otherAtNode = node.accept()) {
      assertPasses(one, oneAtNode);
      assertPasses(oneAtNode, one);

      proxy.cut(here);
      send(one);
      assertNothing(oneAtNode);
      send(oneAtNode);
      assertNothing(one);
      assertPasses(other, otherAtNode);
      try (Socket late = connect(proxy, here)) {
        // It is let in by the system and reaches nobody.
        send(late);
        node.setSoTimeout(SHORT_MILLIS);
        assertThrows(SocketTimeoutException.class, () -> node.accept().close());

        proxy.heal();
        node.setSoTimeout(SOON_MILLIS);
        try (Socket lateAtNode = node.accept()) {
          assertArrives(lateAtNode);
        }
      }
      // What was sent meanwhile comes.
      assertArrives(oneAtNode);
      assertArrives(one);
    }
  }

  @Test
  void theEndOfOneSideIsSeenByTheOther() throws IOException {
    try (ServerSocket node = new ServerSocket(0, 1, LinkProxy.loopback(1));
        LinkProxy proxy =
            LinkProxy.start(
                new InetSocketAddress(LinkProxy.loopback(1), 0),
                new InetSocketAddress(LinkProxy.loopback(1), node.getLocalPort()));
        Socket one = connect(proxy, LinkProxy.loopback(2))) {
      node.accept().close();
      assertEquals(-1, read(one));
    }
  }

  private static Socket connect(LinkProxy proxy, InetAddress from) throws IOException {
    return new Socket(proxy.address().getAddress(), proxy.address().getPort(), from, 0);
  }

  private static void assertPasses(Socket from, Socket to) throws IOException {
    send(from);
    assertArrives(to);
  }

  private static void send(Socket from) throws IOException {
    from.getOutputStream().write("x".getBytes(UTF_8));
  }

  private static void assertArrives(Socket to) throws IOException {
    assertEquals('x', read(to));
  }

  private static int read(Socket from) throws IOException {
    from.setSoTimeout(SOON_MILLIS);
    return from.getInputStream().read();
  }

  private static void assertNothing(Socket to) throws IOException {
    to.setSoTimeout(SHORT_MILLIS);
    assertThrows(SocketTimeoutException.class, () -> to.getInputStream().read());
  }
}
