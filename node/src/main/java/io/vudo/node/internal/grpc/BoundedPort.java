package io.vudo.node.internal.grpc;

import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioServerSocketChannel;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A port that has so many connections at once, whether or not anything was said on them; further
 * ones wait in the listen queue, as at the port of HTTP.
 */
final class BoundedPort extends NioServerSocketChannel {
  private final int most;
  private final AtomicInteger open = new AtomicInteger();

  /**
   * A port that is not bound yet.
   *
   * @param most the connections, 1 or more
   */
  BoundedPort(int most) {
    this.most = most;
  }

  @Override
  protected int doReadMessages(List<Object> accepted) throws Exception {
    if (open.get() >= most) {
      config().setAutoRead(false);
      if (open.get() < most) {
        // One has left between the two lines above, and woke nobody up.
        config().setAutoRead(true);
      }
      return 0;
    }
    int before = accepted.size();
    int count = super.doReadMessages(accepted);
    for (Object connection : accepted.subList(before, accepted.size())) {
      open.incrementAndGet();
      var unused = ((Channel) connection).closeFuture().addListener(closed -> left());
    }
    return count;
  }

  private void left() {
    open.decrementAndGet();
    if (isOpen()) {
      config().setAutoRead(true);
    }
  }
}
