package io.vudo.node.internal;

import com.google.protobuf.ByteString;
import io.vudo.journal.ModuleTable;
import io.vudo.node.internal.wire.ModulePart;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.SpiritRuntime;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.ClusterEvent.CurrentClusterState;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.typed.Cluster;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives the node modules that it does not have: from the other nodes, and from the journal that all
 * share when no node has one any more. What comes is checked against its digest and stored, so each
 * module comes to a node once. Thread-safe.
 */
final class ModuleExchange {
  private static final Logger log = LoggerFactory.getLogger(ModuleExchange.class);

  private static final String NAME = "vudo-modules";
  private static final int PART_BYTES = 256 * 1024;
  private static final Duration PART_TIMEOUT = Duration.ofSeconds(5);
  private static final long ABSENT = -1;

  /**
   * Send a part of a module.
   *
   * @param digest of the module
   * @param offset of the part's first byte
   * @param replyTo gets it
   */
  record Wanted(ModuleDigest digest, long offset, ActorRef<ModulePart> replyTo) {}

  private final ActorSystem<?> system;
  private final ModuleStore store;
  private final Optional<ModuleTable> shared;
  private final long maxModuleBytes;
  private final ConcurrentHashMap<ModuleDigest, CompletableFuture<byte[]>> underWay =
      new ConcurrentHashMap<>();
  private final LongAdder bytesFetched = new LongAdder();
  private final LongAdder modulesFetched = new LongAdder();
  private final LongAdder bytesServed = new LongAdder();

  private ModuleExchange(ActorSystem<?> system, ModuleStore store, Optional<ModuleTable> shared) {
    this.system = system;
    this.store = store;
    this.shared = shared;
    this.maxModuleBytes = system.settings().config().getBytes("vudo.limits.max-module-bytes");
  }

  /** Starts to answer the other nodes. */
  static ModuleExchange start(
      ActorSystem<?> system, ModuleStore store, Optional<ModuleTable> shared) {
    ModuleExchange exchange = new ModuleExchange(system, store, shared);
    // Not where fetching waits: two nodes that fetch from each other would wait for themselves.
    system.systemActorOf(exchange.server(), NAME, DispatcherSelector.blocking());
    return exchange;
  }

  /** Bytes of modules that came to this node from others and from the shared journal. */
  long bytesFetched() {
    return bytesFetched.sum();
  }

  /** Modules that came so. */
  long modulesFetched() {
    return modulesFetched.sum();
  }

  /** Bytes of modules that this node sent to others. */
  long bytesServed() {
    return bytesServed.sum();
  }

  private Behavior<Wanted> server() {
    return Behaviors.receiveMessage(
        wanted -> {
          wanted.replyTo().tell(part(wanted));
          return Behaviors.same();
        });
  }

  private ModulePart part(Wanted wanted) {
    try {
      Optional<ModuleStore.Part> part = store.part(wanted.digest(), wanted.offset(), PART_BYTES);
      if (part.isPresent()) {
        bytesServed.add(part.get().bytes().length);
        return ModulePart.newBuilder()
            .setTotalBytes(part.get().totalBytes())
            .setOffset(wanted.offset())
            .setBytes(ByteString.copyFrom(part.get().bytes()))
            .build();
      }
    } catch (VudoException e) {
      log.warn("Cannot send module {}: {}", wanted.digest(), e.getMessage());
    }
    return ModulePart.newBuilder().setTotalBytes(ABSENT).build();
  }

  /** Keeps a module where all nodes find it, if there is such a place. */
  void share(ModuleDigest digest, byte[] module) {
    shared.ifPresent(modules -> modules.put(digest.hex(), module));
  }

  /**
   * The bytes of a module, wherever they are. May wait for disks and other nodes.
   *
   * @throws VudoException {@code MODULE_NOT_FOUND}; {@code JOURNAL_CORRUPT} when this node's copy
   *     is damaged and there is no other; {@code JOURNAL_UNAVAILABLE}
   */
  byte[] read(ModuleDigest digest) {
    try {
      return store.read(digest);
    } catch (VudoException notHere) {
      if (notHere.code() != ErrorCode.MODULE_NOT_FOUND
          && notHere.code() != ErrorCode.JOURNAL_CORRUPT) {
        throw notHere;
      }
      return fetchOnce(digest).orElseThrow(() -> notHere);
    }
  }

  /** Fetches it, or waits for who does already. */
  private Optional<byte[]> fetchOnce(ModuleDigest digest) {
    CompletableFuture<byte[]> mine = new CompletableFuture<>();
    CompletableFuture<byte[]> others = underWay.putIfAbsent(digest, mine);
    if (others != null) {
      try {
        return Optional.ofNullable(others.join());
      } catch (CompletionException e) {
        throw Failures.rethrown(e);
      }
    }
    try {
      Optional<byte[]> module = fetch(digest);
      module.ifPresent(store::store);
      mine.complete(module.orElse(null));
      return module;
    } catch (RuntimeException e) {
      mine.completeExceptionally(e);
      throw e;
    } finally {
      underWay.remove(digest);
    }
  }

  private Optional<byte[]> fetch(ModuleDigest digest) {
    long startNanos = System.nanoTime();
    Optional<byte[]> module = fetchFromNodes(digest);
    if (module.isEmpty() && shared.isPresent()) {
      module =
          shared.get().get(digest.hex()).filter(bytes -> hasDigest(bytes, digest, "the journal"));
      module.ifPresent(bytes -> bytesFetched.add(bytes.length));
    }
    module.ifPresent(
        bytes -> {
          modulesFetched.increment();
          log.info(
              "Fetched module {}, {} bytes in {} ms",
              digest,
              bytes.length,
              (System.nanoTime() - startNanos) / 1_000_000);
        });
    return module;
  }

  /** Asks one node after the other, and goes on with the next where one broke off. */
  private Optional<byte[]> fetchFromNodes(ModuleDigest digest) {
    ByteBuffer module = ByteBuffer.allocate(0);
    for (Address node : otherNodes()) {
      boolean others = module.position() > 0;
      while (true) {
        ModulePart part = ask(node, digest, module.position());
        int total = (int) Math.min(part.getTotalBytes(), maxModuleBytes + 1);
        if (total < 0) {
          break;
        }
        if (others && total != module.capacity()) {
          // They differ in how long it is, and one of them is right.
          module = ByteBuffer.allocate(0);
          others = false;
          continue;
        }
        if (total > maxModuleBytes
            || (module.position() > 0 && total != module.capacity())
            || part.getOffset() != module.position()
            || part.getBytes().isEmpty()
            || part.getBytes().size() > total - module.position()) {
          log.warn("{} sent something else than module {}", node.hostPort(), digest);
          break;
        }
        if (module.position() == 0) {
          module = ByteBuffer.allocate(total);
        }
        part.getBytes().copyTo(module);
        bytesFetched.add(part.getBytes().size());
        if (module.hasRemaining()) {
          continue;
        }
        if (hasDigest(module.array(), digest, node.hostPort())) {
          return Optional.of(module.array());
        }
        module = ByteBuffer.allocate(0);
        if (!others) {
          break;
        }
        // What came from others may be what is wrong: all of it from this one.
        others = false;
      }
    }
    return Optional.empty();
  }

  private static boolean hasDigest(byte[] module, ModuleDigest digest, String source) {
    if (ModuleDigest.of(module).equals(digest)) {
      return true;
    }
    log.error("What {} has as module {} is another one; it was not taken", source, digest);
    return false;
  }

  /** An answer of a node; that it has nothing when it does not answer. */
  private ModulePart ask(Address node, ModuleDigest digest, long offset) {
    ActorRef<Wanted> server =
        ActorRefResolver.get(system).resolveActorRef(node + "/system/" + NAME);
    try {
      return AskPattern.<Wanted, ModulePart>ask(
              server,
              replyTo -> new Wanted(digest, offset, replyTo),
              PART_TIMEOUT,
              system.scheduler())
          .toCompletableFuture()
          .join();
    } catch (CompletionException e) {
      log.warn("{} did not send module {}: {}", node.hostPort(), digest, Failures.unwrap(e));
      return ModulePart.newBuilder().setTotalBytes(ABSENT).build();
    }
  }

  /** Those that can be reached, in any order, so that not all ask the same one. */
  private List<Address> otherNodes() {
    Cluster cluster = Cluster.get(system);
    CurrentClusterState state = cluster.state();
    List<Address> nodes = new ArrayList<>();
    for (Member member : state.getMembers()) {
      if (!member.uniqueAddress().equals(cluster.selfMember().uniqueAddress())
          && member.hasRole(SpiritRuntime.ROLE)
          && !state.getUnreachable().contains(member)) {
        nodes.add(member.address());
      }
    }
    Collections.shuffle(nodes);
    return nodes;
  }
}
