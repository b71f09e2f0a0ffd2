package io.vudo.journal.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.vudo.journal.StateSnapshot;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.protocol.journal.v1.Answer;
import io.vudo.protocol.journal.v1.Batch;
import io.vudo.protocol.journal.v1.Completed;
import io.vudo.protocol.journal.v1.Effect;
import io.vudo.protocol.journal.v1.Forked;
import io.vudo.protocol.journal.v1.ForkedPages;
import io.vudo.protocol.journal.v1.Message;
import io.vudo.protocol.journal.v1.Page;
import io.vudo.protocol.journal.v1.Position;
import io.vudo.protocol.journal.v1.Send;
import io.vudo.protocol.journal.v1.SpiritEvent;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.TableRow;
import io.vudo.protocol.journal.v1.TupleAnswer;
import io.vudo.protocol.journal.v1.Turn;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * What version 1 wrote must be read by every later version. The files were made once, by {@link
 * #main}, and are never made again: a format that changes gets a new version and new files.
 */
final class FormatTest {
  private final StateSnapshotSerializer snapshots = new StateSnapshotSerializer();
  private final SpiritEventSerializer events = new SpiritEventSerializer();

  private static StateSnapshot full() {
    TreeMap<Integer, byte[]> pages = new TreeMap<>();
    byte[] page = new byte[StateSnapshot.PAGE_BYTES];
    for (int i = 0; i < page.length; i++) {
      page[i] = (byte) ((i * i) >> 3);
    }
    pages.put(0, page);
    pages.put(15, page);
    return StateSnapshot.full(ByteString.copyFromUtf8("header of 1"), 65_536, pages);
  }

  private static StateSnapshot delta() {
    TreeMap<Integer, byte[]> pages = new TreeMap<>(full().pages());
    pages.put(0, StateSnapshot.ZERO_PAGE);
    return StateSnapshot.delta(ByteString.copyFromUtf8("header of 2"), 131_072, 100, pages);
  }

  private static SpiritEvent event() {
    return SpiritEvent.newBuilder()
        .setTurn(
            Turn.newBuilder()
                .setNumber(7)
                .setTimeMillis(1_795_000_000_000L)
                .setInput(
                    Message.newBuilder()
                        .setId("counter/bob 3 0")
                        .setSender("counter/bob")
                        .setType("add")
                        .setPayload(ByteString.copyFromUtf8("{\"n\":1}"))
                        .setPosition(Position.newBuilder().setTurn(3).setIndex(0)))
                .addAnswers(Answer.newBuilder().setNowNanos(42))
                .addAnswers(Answer.newBuilder().setRandom(ByteString.copyFromUtf8("dice")))
                .addAnswers(Answer.newBuilder().setTuple(TupleAnswer.newBuilder().setStatus(-9)))
                .addEffects(
                    Effect.newBuilder()
                        .setSend(
                            Send.newBuilder()
                                .setTo("counter/carol")
                                .setMessage(Message.newBuilder().setId("x"))))
                .setFuelUsed(12_345)
                .setCompleted(Completed.newBuilder().setReply(ByteString.copyFromUtf8("2"))))
        .build();
  }

  private static SpiritEvent hashedTurn() {
    SpiritEvent.Builder event = event().toBuilder();
    event
        .getTurnBuilder()
        .setStateHash(ByteString.copyFromUtf8("thirty-two bytes of the SHA-256."));
    return event.build();
  }

  private static SpiritEvent forkedPages() {
    return SpiritEvent.newBuilder()
        .setForkedPages(
            ForkedPages.newBuilder()
                .addPages(
                    Page.newBuilder()
                        .setNumber(15)
                        .setContent(ByteString.copyFrom(full().pages().get(15)))))
        .build();
  }

  private static SpiritEvent forked() {
    return SpiritEvent.newBuilder()
        .setForked(
            Forked.newBuilder()
                .setOrigin("counter/bob")
                .setTurn(7)
                .setTimeMillis(1_795_000_000_000L)
                .setHeader(
                    SpiritHeader.newBuilder()
                        .setLastTurn(7)
                        .setLife(1)
                        .setBorn(true)
                        .addGlobals(42)
                        .addTables(TableRow.newBuilder().addFunctions(-1).addFunctions(3)))
                .setMemoryBytes(65_536)
                .setPageCount(1))
        .build();
  }

  private static SpiritEvent batch() {
    return SpiritEvent.newBuilder()
        .setBatch(Batch.newBuilder().addEvents(event()).addEvents(hashedTurn()))
        .build();
  }

  @Test
  void eventsThatCameLaterAreReadAndWritten() throws Exception {
    for (Map.Entry<String, SpiritEvent> later :
        Map.of(
                "spirit-hashed-turn-v1.bin", hashedTurn(),
                "spirit-forked-pages-v1.bin", forkedPages(),
                "spirit-forked-v1.bin", forked(),
                "spirit-batch-v1.bin", batch())
            .entrySet()) {
      byte[] golden = golden(later.getKey());
      assertEquals(later.getValue(), events.fromBinary(golden, "vudo-spirit-event/1"));
      assertArrayEquals(golden, events.toBinary(later.getValue()));
    }
  }

  @Test
  void versionOneOfSnapshotsIsRead() throws Exception {
    assertSame(full(), snapshots.fromBinary(golden("snapshot-full-v1.bin"), manifest()));
    assertSame(delta(), snapshots.fromBinary(golden("snapshot-delta-v1.bin"), manifest()));
  }

  @Test
  void versionOneOfEventsIsReadAndWritten() throws Exception {
    byte[] golden = golden("spirit-event-v1.bin");
    assertEquals(event(), events.fromBinary(golden, "vudo-spirit-event/1"));
    assertArrayEquals(golden, events.toBinary(event()));
    assertEquals("vudo-spirit-event/1", events.manifest(event()));
    assertEquals(5_301, events.identifier());
  }

  @Test
  void snapshotsComeBackAsTheyWere() {
    for (StateSnapshot snapshot : new StateSnapshot[] {full(), delta()}) {
      assertSame(snapshot, snapshots.fromBinary(snapshots.toBinary(snapshot), manifest()));
    }
  }

  /** Whatever single bit turns over, and wherever the bytes are cut. */
  @Test
  void everyDamageIsFound() {
    byte[] whole = snapshots.toBinary(delta());
    for (int bit = 0; bit < whole.length * 8; bit++) {
      byte[] damaged = whole.clone();
      damaged[bit / 8] ^= (byte) (1 << (bit % 8));
      assertCorrupt(damaged);
    }
    for (int length = 0; length < whole.length; length++) {
      assertCorrupt(java.util.Arrays.copyOf(whole, length));
    }
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("FormatTest: -Dvudo.test.seed=" + seed);
    byte[] noise = new byte[1000];
    new Random(seed).nextBytes(noise);
    assertCorrupt(noise);
  }

  private void assertCorrupt(byte[] bytes) {
    VudoException e =
        assertThrows(VudoException.class, () -> snapshots.fromBinary(bytes, manifest()));
    assertEquals(ErrorCode.SNAPSHOT_CORRUPT, e.code());
  }

  private static String manifest() {
    return StateSnapshotSerializer.MANIFEST;
  }

  private static void assertSame(StateSnapshot expected, Object actual) {
    StateSnapshot read = (StateSnapshot) actual;
    assertEquals(expected.header(), read.header());
    assertEquals(expected.memoryBytes(), read.memoryBytes());
    assertEquals(expected.baseSequenceNumber(), read.baseSequenceNumber());
    assertEquals(expected.pages().keySet(), read.pages().keySet());
    expected.pages().forEach((number, page) -> assertArrayEquals(page, read.pages().get(number)));
  }

  private static byte[] golden(String name) throws Exception {
    try (InputStream in = FormatTest.class.getResourceAsStream("/golden/" + name)) {
      assertTrue(in != null, name);
      return in.readAllBytes();
    }
  }

  /**
   * Writes the golden files of the current version.
   *
   * @param arguments the directory to write to
   */
  public static void main(String[] arguments) throws Exception {
    Path directory = Files.createDirectories(Path.of(arguments[0]));
    FormatTest test = new FormatTest();
    Files.write(directory.resolve("snapshot-full-v1.bin"), test.snapshots.toBinary(full()));
    Files.write(directory.resolve("snapshot-delta-v1.bin"), test.snapshots.toBinary(delta()));
    Files.write(directory.resolve("spirit-event-v1.bin"), test.events.toBinary(event()));
    Files.write(directory.resolve("spirit-hashed-turn-v1.bin"), test.events.toBinary(hashedTurn()));
    Files.write(
        directory.resolve("spirit-forked-pages-v1.bin"), test.events.toBinary(forkedPages()));
    Files.write(directory.resolve("spirit-forked-v1.bin"), test.events.toBinary(forked()));
    Files.write(directory.resolve("spirit-batch-v1.bin"), test.events.toBinary(batch()));
  }
}
