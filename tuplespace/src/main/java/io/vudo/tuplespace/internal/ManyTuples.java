package io.vudo.tuplespace.internal;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.Lease;
import io.vudo.protocol.SpiritId;
import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import io.vudo.tuplespace.Held;
import io.vudo.tuplespace.OperationId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntFunction;
import org.apache.pekko.actor.typed.ActorRef;

/** The operations on many tuples, which go to the partitions in parts and come back in pages. */
public final class ManyTuples {
  /** What one answer to a caller takes, roughly; a page takes a megabyte at most. */
  private static final long MAX_ANSWER_BYTES = 16L << 20;

  private record Entry(int partition, long entryId, Tuple tuple) {}

  /** The next page of a partition. */
  @FunctionalInterface
  private interface Page {
    SpaceCommand command(int limit, long afterEntryId, int sofar, ActorRef<SpaceReply> replyTo);
  }

  private ManyTuples() {}

  /** Writes tuples; those of one partition together. */
  public static CompletableFuture<List<Lease>> write(
      SpaceClient client,
      String space,
      List<Tuple> tuples,
      long ttlMillis,
      OperationId operation,
      String transaction) {
    long bytes = tuples.stream().mapToLong(Tuple::encodedBytes).sum();
    if (tuples.isEmpty()
        || tuples.size() > SpaceState.MAX_BATCH
        || (tuples.size() > 1 && bytes > Tuple.MAX_BYTES)) {
      return SpaceClient.failed(
          ErrorCode.BATCH_TOO_LARGE, tuples.size() + " tuples of " + bytes + " bytes.");
    }
    Map<Integer, List<Integer>> indexes = new LinkedHashMap<>();
    for (int i = 0; i < tuples.size(); i++) {
      indexes.computeIfAbsent(Partitions.of(tuples.get(i)), unused -> new ArrayList<>()).add(i);
    }
    Lease[] leases = new Lease[tuples.size()];
    List<CompletableFuture<Void>> parts = new ArrayList<>();
    indexes.forEach(
        (partition, part) ->
            parts.add(
                client.ask(
                    space,
                    partition,
                    replyTo ->
                        new SpaceCommand.Write(
                            operation,
                            part.stream().map(tuples::get).toList(),
                            ttlMillis,
                            transaction,
                            replyTo),
                    reply -> {
                      SpaceReply.Written written = (SpaceReply.Written) reply;
                      for (int i = 0; i < part.size(); i++) {
                        leases[part.get(i)] =
                            new Lease(
                                LeaseName.ofEntry(partition, written.entryIds().get(i)).toString(),
                                written.leaseEndsAtMillis());
                      }
                      return null;
                    })));
    return SpaceClient.map(SpaceClient.all(parts), all -> List.of(leases));
  }

  /** Up to {@code limit} that match, oldest first. */
  public static CompletableFuture<List<Tuple>> read(
      SpaceClient client, String space, Template template, int limit, String transaction) {
    Page page =
        (count, after, sofar, replyTo) ->
            new SpaceCommand.ReadAll(template, count, after, transaction, replyTo);
    if (limit < 1 || limit > SpaceState.MAX_LIMIT) {
      return badLimit(limit);
    }
    List<CompletableFuture<List<Entry>>> parts = new ArrayList<>();
    for (int partition : partitions(template)) {
      List<Entry> entries = new ArrayList<>();
      parts.add(pages(client, space, partition, limit, page, entries));
    }
    return SpaceClient.map(
        SpaceClient.all(parts),
        all ->
            all.stream()
                .flatMap(List::stream)
                .sorted(Comparator.comparingLong(Entry::entryId))
                .limit(limit)
                .map(Entry::tuple)
                .toList());
  }

  /** Takes up to {@code limit} that match, from one partition after the other. */
  public static CompletableFuture<List<Tuple>> take(
      SpaceClient client, String space, Template template, int limit, String transaction) {
    Page page =
        (count, after, sofar, replyTo) ->
            new SpaceCommand.TakeAll(template, count, transaction, replyTo);
    return SpaceClient.map(
        oneAfterTheOther(client, space, template, limit, partition -> page),
        entries -> entries.stream().map(Entry::tuple).toList());
  }

  /** Holds up to {@code limit} that match. */
  public static CompletableFuture<List<Held>> hold(
      SpaceClient client,
      String space,
      SpiritId holder,
      String holdId,
      Template template,
      int limit) {
    return SpaceClient.map(
        oneAfterTheOther(
            client,
            space,
            template,
            limit,
            partition ->
                (count, after, sofar, replyTo) ->
                    new SpaceCommand.HoldAll(
                        Partitions.idAt(holdId, partition),
                        sofar,
                        holder.toString(),
                        template,
                        count,
                        replyTo)),
        entries -> held(holdId, entries));
  }

  private static List<Held> held(String holdId, List<Entry> entries) {
    List<Held> held = new ArrayList<>();
    for (Entry entry : entries) {
      String name = Partitions.idOfMany(Partitions.idAt(holdId, entry.partition()), held.size());
      held.add(new Held(name, entry.tuple()));
    }
    return held;
  }

  private static CompletableFuture<List<Entry>> oneAfterTheOther(
      SpaceClient client, String space, Template template, int limit, IntFunction<Page> page) {
    if (limit < 1 || limit > SpaceState.MAX_LIMIT) {
      return badLimit(limit);
    }
    List<Entry> entries = new ArrayList<>();
    CompletableFuture<List<Entry>> result = CompletableFuture.completedFuture(entries);
    for (int partition : partitions(template)) {
      result =
          SpaceClient.then(
              result,
              sofar ->
                  isFull(sofar, limit)
                      ? CompletableFuture.completedFuture(sofar)
                      : pages(client, space, partition, limit, page.apply(partition), sofar));
    }
    return result;
  }

  /** Adds the pages of one partition until there are enough. */
  private static CompletableFuture<List<Entry>> pages(
      SpaceClient client, String space, int partition, int limit, Page page, List<Entry> entries) {
    long after =
        entries.isEmpty() || entries.get(entries.size() - 1).partition() != partition
            ? 0
            : entries.get(entries.size() - 1).entryId();
    return SpaceClient.then(
        client.ask(
            space,
            partition,
            replyTo -> page.command(limit - entries.size(), after, entries.size(), replyTo),
            SpaceReply.FoundAll.class::cast),
        found -> {
          for (int i = 0; i < found.tuples().size(); i++) {
            entries.add(new Entry(partition, found.entryIds().get(i), found.tuples().get(i)));
          }
          return !found.more() || isFull(entries, limit)
              ? CompletableFuture.completedFuture(entries)
              : pages(client, space, partition, limit, page, entries);
        });
  }

  private static boolean isFull(List<Entry> entries, int limit) {
    return entries.size() >= limit
        || entries.stream().mapToLong(entry -> entry.tuple().encodedBytes()).sum()
            >= MAX_ANSWER_BYTES;
  }

  private static List<Integer> partitions(Template template) {
    OptionalInt only = Partitions.of(template);
    return only.isPresent() ? List.of(only.getAsInt()) : Partitions.all();
  }

  private static <T> CompletableFuture<T> badLimit(int limit) {
    return SpaceClient.failed(ErrorCode.BATCH_TOO_LARGE, "A limit of " + limit + ".");
  }
}
