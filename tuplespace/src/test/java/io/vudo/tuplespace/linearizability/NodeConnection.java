package io.vudo.tuplespace.linearizability;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;

/** A caller's connection to a {@link SpaceNode}; for one thread. */
final class NodeConnection implements AutoCloseable {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);

  /** Longer than any operation takes at a node that lives. */
  private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(20);

  private final Socket socket = new Socket();
  private final BufferedReader in;

  /**
   * Connects.
   *
   * @throws IOException when there is nobody; nothing was asked then
   */
  NodeConnection(InetSocketAddress address) throws IOException {
    try {
      socket.connect(address, (int) CONNECT_TIMEOUT.toMillis());
      socket.setSoTimeout((int) ANSWER_TIMEOUT.toMillis());
      socket.setTcpNoDelay(true);
      in = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  /**
   * Asks by a line and answers the line that comes back.
   *
   * @throws IOException when none came; the node may have done it or not
   */
  String ask(String line) throws IOException {
    socket.getOutputStream().write((line + "\n").getBytes(UTF_8));
    String answer = in.readLine();
    if (answer == null) {
      throw new EOFException("The node has gone.");
    }
    return answer;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
