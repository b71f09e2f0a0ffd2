package io.vudo.examples.cluster;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The network in front of one node: it listens at the address by which others know the node, and
 * passes on to where the node really listens. Each node connects to others from an address of its
 * own, by which this knows who sends.
 *
 * <p>A cut is as that of a cable: nothing is refused and nothing is closed, bytes just do not come
 * any more; after it they come, as TCP would send them again. It is for one direction, because a
 * node sends on connections that it opened itself.
 */
final class LinkProxy implements AutoCloseable {
  private static final int BUFFER_BYTES = 64 * 1024;
  private static final int CONNECT_MILLIS = 2_000;

  private final ServerSocket server;
  private final InetSocketAddress target;
  private final Set<InetAddress> cut = ConcurrentHashMap.newKeySet();
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  private LinkProxy(ServerSocket server, InetSocketAddress target) {
    this.server = server;
    this.target = target;
  }

  /**
   * Starts it.
   *
   * @param address where others connect to
   * @param target where the node listens, or will
   */
  static LinkProxy start(InetSocketAddress address, InetSocketAddress target) throws IOException {
    ServerSocket server = new ServerSocket();
    server.setReuseAddress(true);
    server.bind(address, 128);
    LinkProxy proxy = new LinkProxy(server, target);
    daemon("accept-" + address, proxy::accept);
    return proxy;
  }

  /** {@code 127.0.0.last}. */
  static InetAddress loopback(int last) {
    try {
      return InetAddress.getByAddress(new byte[] {127, 0, 0, (byte) last});
    } catch (UnknownHostException e) {
      throw new IllegalStateException("four bytes are an address", e);
    }
  }

  /** Where others connect to. */
  InetSocketAddress address() {
    return (InetSocketAddress) server.getLocalSocketAddress();
  }

  /** Nothing from this address comes through, until it is healed. */
  void cut(InetAddress source) {
    cut.add(source);
  }

  /** Everything comes through. */
  synchronized void heal() {
    cut.clear();
    notifyAll();
  }

  private synchronized void awaitHealed(InetAddress source) throws IOException {
    try {
      while (cut.contains(source) && !closed) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (closed) {
      throw new IOException("closed");
    }
  }

  private void accept() {
    while (!closed) {
      try {
        Socket client = server.accept();
        open.add(client);
        daemon("link-" + client.getRemoteSocketAddress(), () -> connect(client));
      } catch (IOException e) {
        if (!closed) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  private void connect(Socket client) {
    InetAddress source = client.getInetAddress();
    Socket node = new Socket();
    open.add(node);
    try {
      awaitHealed(source);
      node.connect(target, CONNECT_MILLIS);
      client.setTcpNoDelay(true);
      node.setTcpNoDelay(true);
      daemon("link-back-" + client.getRemoteSocketAddress(), () -> pump(node, client, source));
      pump(client, node, source);
    } catch (IOException e) {
      // The node is not there: so the caller is told.
      close(client);
      close(node);
    }
  }

  private void pump(Socket from, Socket to, InetAddress source) {
    byte[] buffer = new byte[BUFFER_BYTES];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        awaitHealed(source);
        out.write(buffer, 0, read);
      }
      awaitHealed(source);
    } catch (IOException e) {
      // One side is gone; the other one learns of it.
    } finally {
      close(from);
      close(to);
    }
  }

  private void close(Socket socket) {
    open.remove(socket);
    try {
      socket.close();
    } catch (IOException e) {
      // It is closed either way.
    }
  }

  private static void daemon(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public synchronized void close() throws IOException {
    closed = true;
    server.close();
    open.forEach(this::close);
    notifyAll();
  }
}
