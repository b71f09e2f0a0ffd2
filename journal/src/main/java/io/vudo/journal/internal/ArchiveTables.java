package io.vudo.journal.internal;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.vudo.journal.internal.format.ArchiveRecord;
import io.vudo.journal.internal.format.EventRow;
import io.vudo.journal.internal.format.Metadata;
import io.vudo.journal.internal.format.SnapshotRow;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;

/** The rows of the journal's tables as records of an archive and back, by JDBC on either store. */
public final class ArchiveTables {
  private ArchiveTables() {}

  /** So many small rows are fetched or inserted at a time. */
  private static final int ROWS = 200;

  private static final long MOST_PENDING_BYTES = 1 << 20;

  private static final String EVENT_COLUMNS =
      "ordering, persistence_id, sequence_number, deleted, writer, write_timestamp,"
          + " adapter_manifest, event_ser_id, event_ser_manifest, event_payload, meta_ser_id,"
          + " meta_ser_manifest, meta_payload";
  private static final String SNAPSHOT_COLUMNS =
      "persistence_id, sequence_number, created, snapshot_ser_id, snapshot_ser_manifest,"
          + " snapshot_payload, meta_ser_id, meta_ser_manifest, meta_payload";

  /** Whether a table has a row. */
  public static boolean holdsRows(Connection connection, String table) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT 1 FROM " + table + " LIMIT 1")) {
      return row.next();
    }
  }

  /** Shows all events with their tags. */
  public static void readEvents(Connection connection, ArchiveReader.Use use)
      throws SQLException, IOException {
    try (Statement events = connection.createStatement();
        Statement tags = connection.createStatement()) {
      events.setFetchSize(ROWS);
      tags.setFetchSize(ROWS);
      try (ResultSet row =
              events.executeQuery(
                  "SELECT " + EVENT_COLUMNS + " FROM event_journal ORDER BY ordering");
          ResultSet tag =
              tags.executeQuery("SELECT event_id, tag FROM event_tag ORDER BY event_id, tag")) {
        boolean more = tag.next();
        while (row.next()) {
          EventRow.Builder event = event(row);
          while (more && tag.getLong(1) == event.getOrdering()) {
            event.addTags(tag.getString(2));
            more = tag.next();
          }
          use.accept(ArchiveRecord.newBuilder().setEvent(event).build());
        }
      }
    }
  }

  private static EventRow.Builder event(ResultSet row) throws SQLException {
    EventRow.Builder event =
        EventRow.newBuilder()
            .setOrdering(row.getLong(1))
            .setPersistenceId(row.getString(2))
            .setSequenceNumber(row.getLong(3))
            .setDeleted(row.getBoolean(4))
            .setWriter(row.getString(5))
            .setWriteTimestamp(row.getLong(6))
            .setAdapterManifest(row.getString(7))
            .setSerializerId(row.getInt(8))
            .setSerializerManifest(row.getString(9))
            .setPayload(bytes(row, 10));
    Metadata metadata = metadata(row, 11);
    return metadata == null ? event : event.setMetadata(metadata);
  }

  /** Shows all snapshots. */
  public static void readSnapshots(Connection connection, ArchiveReader.Use use)
      throws SQLException, IOException {
    try (Statement statement = connection.createStatement()) {
      // Each may be large.
      statement.setFetchSize(1);
      try (ResultSet row =
          statement.executeQuery(
              "SELECT "
                  + SNAPSHOT_COLUMNS
                  + " FROM snapshot ORDER BY persistence_id, sequence_number")) {
        while (row.next()) {
          SnapshotRow.Builder snapshot =
              SnapshotRow.newBuilder()
                  .setPersistenceId(row.getString(1))
                  .setSequenceNumber(row.getLong(2))
                  .setCreated(row.getLong(3))
                  .setSerializerId(row.getInt(4))
                  .setSerializerManifest(row.getString(5))
                  .setPayload(bytes(row, 6));
          Metadata metadata = metadata(row, 7);
          if (metadata != null) {
            snapshot.setMetadata(metadata);
          }
          use.accept(ArchiveRecord.newBuilder().setSnapshot(snapshot).build());
        }
      }
    }
  }

  private static Metadata metadata(ResultSet row, int column) throws SQLException {
    byte[] payload = row.getBytes(column + 2);
    return payload == null
        ? null
        : Metadata.newBuilder()
            .setSerializerId(row.getInt(column))
            .setSerializerManifest(row.getString(column + 1))
            .setPayload(UnsafeByteOperations.unsafeWrap(payload))
            .build();
  }

  private static ByteString bytes(ResultSet row, int column) throws SQLException {
    // SQLite answers null for a blob without bytes.
    byte[] bytes = row.getBytes(column);
    return bytes == null ? ByteString.EMPTY : UnsafeByteOperations.unsafeWrap(bytes);
  }

  /** Inserts rows within transactions that the caller ends. */
  public static final class Inserter implements AutoCloseable {
    private final PreparedStatement events;
    private final PreparedStatement tags;
    private final PreparedStatement snapshots;
    private int pendingEvents;
    private long pendingBytes;

    /** On a connection for turns and one for snapshots, which may be the same. */
    public Inserter(Connection turns, Connection snapshots) throws SQLException {
      events = insert(turns, "event_journal", EVENT_COLUMNS);
      tags = insert(turns, "event_tag", "event_id, tag");
      this.snapshots = insert(snapshots, "snapshot", SNAPSHOT_COLUMNS);
    }

    private static PreparedStatement insert(Connection connection, String table, String columns)
        throws SQLException {
      return connection.prepareStatement(
          "INSERT INTO "
              + table
              + " ("
              + columns
              + ") VALUES ("
              + columns.replaceAll("[a-z_]+", "?")
              + ")");
    }

    /** Adds an event; it is in the table after {@link #flush} at the latest. */
    public void add(EventRow event) throws SQLException {
      events.setLong(1, event.getOrdering());
      events.setString(2, event.getPersistenceId());
      events.setLong(3, event.getSequenceNumber());
      events.setBoolean(4, event.getDeleted());
      events.setString(5, event.getWriter());
      events.setLong(6, event.getWriteTimestamp());
      events.setString(7, event.getAdapterManifest());
      events.setInt(8, event.getSerializerId());
      events.setString(9, event.getSerializerManifest());
      events.setBytes(10, event.getPayload().toByteArray());
      setMetadata(events, 11, event.hasMetadata() ? event.getMetadata() : null);
      events.addBatch();
      for (String tag : event.getTagsList()) {
        tags.setLong(1, event.getOrdering());
        tags.setString(2, tag);
        tags.addBatch();
      }
      pendingEvents++;
      pendingBytes += event.getSerializedSize();
      if (pendingEvents >= ROWS || pendingBytes > MOST_PENDING_BYTES) {
        flush();
      }
    }

    /** Adds a snapshot. */
    public void add(SnapshotRow snapshot) throws SQLException {
      snapshots.setString(1, snapshot.getPersistenceId());
      snapshots.setLong(2, snapshot.getSequenceNumber());
      snapshots.setLong(3, snapshot.getCreated());
      snapshots.setInt(4, snapshot.getSerializerId());
      snapshots.setString(5, snapshot.getSerializerManifest());
      snapshots.setBytes(6, snapshot.getPayload().toByteArray());
      setMetadata(snapshots, 7, snapshot.hasMetadata() ? snapshot.getMetadata() : null);
      snapshots.executeUpdate();
    }

    private static void setMetadata(PreparedStatement insert, int at, Metadata metadata)
        throws SQLException {
      if (metadata == null) {
        insert.setNull(at, Types.INTEGER);
        insert.setNull(at + 1, Types.VARCHAR);
        insert.setNull(at + 2, Types.BINARY);
      } else {
        insert.setInt(at, metadata.getSerializerId());
        insert.setString(at + 1, metadata.getSerializerManifest());
        insert.setBytes(at + 2, metadata.getPayload().toByteArray());
      }
    }

    /** Writes what waits. */
    public void flush() throws SQLException {
      // A tag refers to its event.
      events.executeBatch();
      tags.executeBatch();
      pendingEvents = 0;
      pendingBytes = 0;
    }

    @Override
    public void close() throws SQLException {
      events.close();
      tags.close();
      snapshots.close();
    }
  }
}
