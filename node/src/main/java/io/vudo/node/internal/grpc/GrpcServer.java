package io.vudo.node.internal.grpc;

import com.typesafe.config.Config;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.nio.NioIoHandler;
import io.grpc.netty.shaded.io.netty.util.concurrent.DefaultThreadFactory;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.vudo.node.internal.Gateway;
import io.vudo.node.internal.GatewayTls;
import io.vudo.node.internal.NodeAssembly;
import io.vudo.node.internal.Route;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.pekko.Done;
import org.apache.pekko.actor.Cancellable;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The port for gRPC. It drains by itself when the actor system is shut down. */
public final class GrpcServer {
  private static final Logger log = LoggerFactory.getLogger(GrpcServer.class);

  /** How often the health service looks how the node is. */
  private static final Duration HEALTH_INTERVAL = Duration.ofSeconds(1);

  /** Calls are answered elsewhere; these only read and write connections. */
  private static final int NETWORK_THREADS = 2;

  /** How often a client may ask whether the node lives. */
  private static final Duration MIN_CLIENT_KEEP_ALIVE = Duration.ofSeconds(10);

  private final ActorSystem<?> system;
  private final Server server;
  private final Calls calls;
  private final HealthStatusManager health;
  private final Cancellable healthTimer;
  private final EventLoopGroup network;
  private final Duration drainTimeout;

  private GrpcServer(
      ActorSystem<?> system,
      Server server,
      Calls calls,
      HealthStatusManager health,
      Cancellable healthTimer,
      EventLoopGroup network,
      Duration drainTimeout) {
    this.system = system;
    this.server = server;
    this.calls = calls;
    this.health = health;
    this.healthTimer = healthTimer;
    this.network = network;
    this.drainTimeout = drainTimeout;
  }

  /**
   * Binds the port.
   *
   * @param vudo the configuration below {@code vudo}
   * @param host where to listen
   * @param gateway answers
   * @param tls for connections; empty for none
   * @param serves whether requests should come now
   * @throws VudoException {@code ADDRESS_IN_USE}, {@code CONFIG_INVALID}
   */
  public static GrpcServer start(
      ActorSystem<?> system,
      Config vudo,
      String host,
      Gateway gateway,
      Optional<GatewayTls> tls,
      BooleanSupplier serves) {
    Config grpc = vudo.getConfig("grpc");
    atLeastOne(grpc, "max-asks-per-stream");
    int maxConnections = atLeastOne(grpc, "max-connections");
    int maxCalls = atLeastOne(grpc, "max-calls-per-connection");
    long maxIdleMillis = atLeastOneMilli(grpc, "max-connection-idle");
    long keepAliveMillis = atLeastOneMilli(grpc, "keep-alive");
    Calls calls = new Calls(system, vudo, gateway);
    HealthStatusManager health = new HealthStatusManager();
    // Not Netty's native transport: it would have to be unpacked to a temporary directory.
    EventLoopGroup network =
        new MultiThreadIoEventLoopGroup(
            NETWORK_THREADS,
            new DefaultThreadFactory("vudo-grpc", true),
            NioIoHandler.newFactory());
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(new InetSocketAddress(host, grpc.getInt("port")))
            .channelFactory(() -> new BoundedPort(maxConnections))
            .bossEventLoopGroup(network)
            .workerEventLoopGroup(network)
            .executor(system.executionContext())
            .maxInboundMessageSize(
                Math.toIntExact(Math.min(Integer.MAX_VALUE, grpc.getBytes("max-message-bytes"))))
            .maxConcurrentCallsPerConnection(maxCalls)
            .maxConnectionIdle(maxIdleMillis, TimeUnit.MILLISECONDS)
            .keepAliveTime(keepAliveMillis, TimeUnit.MILLISECONDS)
            .permitKeepAliveTime(MIN_CLIENT_KEEP_ALIVE.toMillis(), TimeUnit.MILLISECONDS)
            .permitKeepAliveWithoutCalls(true);
    tls.ifPresent(files -> builder.sslContext(new GrpcTls(files)));
    ServerInterceptor context = CallContext.interceptor();
    ServerInterceptor admission = calls.admission();
    calls
        .services()
        .forEach(
            service ->
                builder.addService(
                    ServerInterceptors.interceptForward(service, context, admission)));
    builder.addService(health.getHealthService());
    if (grpc.getBoolean("reflection")) {
      builder.addService(
          ServerInterceptors.interceptForward(
              ProtoReflectionServiceV1.newInstance(), context, admitted(gateway)));
    }
    Server server;
    try {
      server = builder.build().start();
    } catch (IOException e) {
      var unused = network.shutdownGracefully();
      throw NodeAssembly.addressInUse(e, host + ":" + grpc.getInt("port"), "--grpc-port")
          .orElseGet(() -> new VudoException(ErrorCode.CONFIG_INVALID, "gRPC: " + e, e));
    }
    GrpcServer started =
        new GrpcServer(
            system,
            server,
            calls,
            health,
            system
                .scheduler()
                .scheduleAtFixedRate(
                    Duration.ZERO,
                    HEALTH_INTERVAL,
                    () ->
                        health.setStatus(
                            HealthStatusManager.SERVICE_NAME_ALL_SERVICES,
                            serves.getAsBoolean()
                                ? ServingStatus.SERVING
                                : ServingStatus.NOT_SERVING),
                    system.executionContext()),
            network,
            vudo.getDuration("http.drain-timeout"));
    started.endWithTheSystem();
    log.info(
        "gRPC listens on {}:{}{}",
        host,
        server.getPort(),
        tls.isPresent() ? ", with TLS" : ", without TLS");
    return started;
  }

  private static int atLeastOne(Config grpc, String setting) {
    int value = grpc.getInt(setting);
    if (value < 1) {
      throw new VudoException(ErrorCode.CONFIG_INVALID, "vudo.grpc." + setting + " is 1 or more.");
    }
    return value;
  }

  private static long atLeastOneMilli(Config grpc, String setting) {
    long millis = grpc.getDuration(setting).toMillis();
    if (millis < 1) {
      throw new VudoException(
          ErrorCode.CONFIG_INVALID, "vudo.grpc." + setting + " is 1 ms or more.");
    }
    return millis;
  }

  /** What is there to see is for whoever may see. */
  private static ServerInterceptor admitted(Gateway gateway) {
    return new ServerInterceptor() {
      @Override
      public <Q, A> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        Gateway.Admission admission =
            gateway.admit(Route.OPENAPI, CallContext.current().admissible());
        if (admission.refusal().isPresent()) {
          Admission.close(call, admission.refusal().get());
          return new ServerCall.Listener<>() {};
        }
        admission.leave().run();
        return next.startCall(call, headers);
      }
    };
  }

  private void endWithTheSystem() {
    CoordinatedShutdown shutdown = CoordinatedShutdown.get(Adapter.toClassic(system));
    shutdown.addTask(
        CoordinatedShutdown.PhaseBeforeServiceUnbind(),
        "vudo-grpc-announce",
        () -> {
          healthTimer.cancel();
          health.enterTerminalState();
          calls.stop();
          return CompletableFuture.completedFuture(Done.getInstance());
        });
    shutdown.addTask(
        CoordinatedShutdown.PhaseServiceUnbind(),
        "vudo-grpc-unbind",
        () -> {
          server.shutdown();
          return CompletableFuture.completedFuture(Done.getInstance());
        });
    shutdown.addTask(
        CoordinatedShutdown.PhaseServiceRequestsDone(), "vudo-grpc-drain", this::drain);
  }

  private CompletionStage<Done> drain() {
    CompletableFuture<Done> drained = new CompletableFuture<>();
    Thread waiting =
        new Thread(
            () -> {
              try {
                if (!server.awaitTermination(drainTimeout.toMillis(), TimeUnit.MILLISECONDS)) {
                  server.shutdownNow();
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              } finally {
                var unused = network.shutdownGracefully(0, 1, TimeUnit.SECONDS);
                drained.complete(Done.getInstance());
              }
            },
            "vudo-grpc-drain");
    waiting.setDaemon(true);
    waiting.start();
    return drained;
  }

  /** Where it listens; the real port. */
  public InetSocketAddress address() {
    return (InetSocketAddress) server.getListenSockets().get(0);
  }
}
