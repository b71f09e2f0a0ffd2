package io.vudo.node.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.pekko.actor.Address;

/**
 * The nodes to ask for a place in the cluster.
 *
 * @param names each {@code HOST:PORT} or {@code self}
 */
record Seeds(List<String> names) {
  static final String SELF = "self";

  private static final int PROBE_TIMEOUT_MILLIS = 1_000;

  /**
   * Checks the names.
   *
   * @throws VudoException {@code CONFIG_INVALID}
   */
  Seeds {
    names = List.copyOf(names);
    names.stream().filter(name -> !name.equals(SELF)).forEach(Seeds::hostAndPort);
  }

  boolean isEmpty() {
    return names.isEmpty();
  }

  /** The addresses that the cluster knows them by. */
  List<Address> addresses(Address self) {
    return names.stream()
        .map(
            name -> {
              if (name.equals(SELF)) {
                return self;
              }
              URI seed = hostAndPort(name);
              return new Address(self.protocol(), self.system(), seed.getHost(), seed.getPort());
            })
        .distinct()
        .toList();
  }

  /** What each seed does when it is called, for whoever has to find out why none took us in. */
  String describe(Address self) {
    return addresses(self).stream()
        .map(seed -> seed.equals(self) ? seed.hostPort() + " is this node" : probe(seed))
        .collect(Collectors.joining("; "));
  }

  private static String probe(Address seed) {
    String name = seed.getHost().get() + ":" + seed.getPort().get();
    try (Socket socket = new Socket()) {
      socket.connect(
          new InetSocketAddress(seed.getHost().get(), seed.getPort().get()), PROBE_TIMEOUT_MILLIS);
      return name
          + " listens but did not take the node in (no member yet, another --host than this name,"
          + " or TLS on one side only; see its log)";
    } catch (IOException e) {
      return name + " does not answer: " + e.getMessage();
    }
  }

  private static URI hostAndPort(String name) {
    try {
      URI uri = new URI("vudo://" + name);
      if (uri.getHost() != null
          && uri.getPort() > 0
          && uri.getPort() < 65_536
          && uri.getRawAuthority().equals(name)
          && uri.getUserInfo() == null) {
        return uri;
      }
    } catch (URISyntaxException e) {
      // The same as one that has no port.
    }
    throw new VudoException(
        ErrorCode.CONFIG_INVALID, "A seed is HOST:PORT or self; got \"" + name + "\".");
  }
}
