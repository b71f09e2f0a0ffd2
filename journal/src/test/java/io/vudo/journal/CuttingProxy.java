package io.vudo.journal;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Passes on what is sent to a server on this machine. The first connection on which a client sends
 * a certain text is cut then, before the server has seen it; later ones are not.
 */
final class CuttingProxy implements AutoCloseable {
  private final ServerSocket listener;
  private final int target;
  private final String text;
  private final AtomicBoolean cut = new AtomicBoolean();
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();

  CuttingProxy(int target, String text) throws IOException {
    this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    this.target = target;
    this.text = text;
    daemon(this::accept);
  }

  int port() {
    return listener.getLocalPort();
  }

  /** Whether it has cut the one. */
  boolean hasCut() {
    return cut.get();
  }

  private void accept() {
    try {
      while (true) {
        Socket client = opened(listener.accept());
        Socket server = opened(new Socket(InetAddress.getLoopbackAddress(), target));
        daemon(() -> pass(client, server, true));
        daemon(() -> pass(server, client, false));
      }
    } catch (IOException e) {
      // It is closed.
    }
  }

  private Socket opened(Socket socket) {
    open.add(socket);
    return socket;
  }

  private void pass(Socket from, Socket to, boolean fromClient) {
    byte[] buffer = new byte[64 * 1024];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        if (fromClient
            && new String(buffer, 0, read, ISO_8859_1).contains(text)
            && cut.compareAndSet(false, true)) {
          return;
        }
        out.write(buffer, 0, read);
      }
    } catch (IOException e) {
      // One side has gone.
    }
  }

  private static void daemon(Runnable task) {
    Thread thread = new Thread(task, "cutting-proxy");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket socket : open) {
      socket.close();
    }
  }
}
