package io.vudo.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Stands between a client and a node, and loses connections when it is told to. */
final class CuttableProxy implements AutoCloseable {
  private final ServerSocket server;
  private final URI node;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger answersToLose = new AtomicInteger();

  CuttableProxy(URI node) throws IOException {
    this.node = node;
    this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    start(this::accept);
  }

  String url() {
    return "http://127.0.0.1:" + server.getLocalPort();
  }

  /** The next answers of the node do not arrive: their connections are cut instead. */
  void loseAnswers(int answers) {
    answersToLose.set(answers);
  }

  int answersToLose() {
    return answersToLose.get();
  }

  /** Cuts all connections that there are. */
  void cut() {
    open.forEach(CuttableProxy::closed);
    open.clear();
  }

  private static void start(Runnable loop) {
    Thread thread = new Thread(loop, "proxy");
    thread.setDaemon(true);
    thread.start();
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        Socket upstream = new Socket(node.getHost(), node.getPort());
        open.add(client);
        open.add(upstream);
        start(() -> pump(client, upstream, false));
        start(() -> pump(upstream, client, true));
      } catch (IOException e) {
        // Closed.
      }
    }
  }

  private void pump(Socket from, Socket to, boolean answers) {
    byte[] buffer = new byte[64 << 10];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        if (answers && answersToLose.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
          break;
        }
        out.write(buffer, 0, read);
      }
    } catch (IOException e) {
      // Cut.
    }
    closed(from);
    closed(to);
  }

  private static void closed(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    cut();
  }
}
