package io.vudo.node.internal;

import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.Done;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;
import org.apache.pekko.cluster.Cluster;

/**
 * Where the gateways of all nodes are. Thread-safe.
 *
 * <p>Each node registers an actor that does nothing and is called as its gateway's address. So the
 * receptionist spreads the addresses, and forgets each with its node.
 */
final class GatewayDirectory {
  private static final ServiceKey<Done> KEY = ServiceKey.create(Done.class, "vudo-gateway");
  private static final String PREFIX = "vudo-gateway-";

  private final ActorSystem<?> system;

  GatewayDirectory(ActorSystem<?> system) {
    this.system = system;
  }

  /** Tells all nodes where this one's gateway is; once. */
  void register(URI address) {
    ActorRef<Done> entry =
        system.systemActorOf(
            Behaviors.<Done>empty(),
            PREFIX + URLEncoder.encode(address.toString(), StandardCharsets.UTF_8),
            Props.empty());
    system.receptionist().tell(Receptionist.register(KEY, entry));
  }

  /** The addresses by the names of the nodes, as far as they are known here. */
  CompletionStage<Map<String, String>> addresses(Duration timeout) {
    return AskPattern.<Receptionist.Command, Receptionist.Listing>ask(
            system.receptionist(),
            replyTo -> Receptionist.find(KEY, replyTo),
            timeout,
            system.scheduler())
        .thenApply(
            listing -> {
              Map<String, String> addresses = new HashMap<>();
              listing
                  .getAllServiceInstances(KEY)
                  .forEach(
                      entry ->
                          addresses.put(
                              node(entry.path().address()),
                              URLDecoder.decode(
                                  entry.path().name().substring(PREFIX.length()),
                                  StandardCharsets.UTF_8)));
              return addresses;
            });
  }

  private String node(Address address) {
    return ClusterRoutes.name(
        address.hasLocalScope() ? Cluster.get(Adapter.toClassic(system)).selfAddress() : address);
  }
}
