package io.vudo.journal.internal;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.typesafe.config.Config;
import io.vudo.journal.ModuleTable;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.io.IOException;
import java.io.InputStream;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Properties;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The PostgreSQL database of a shared journal: how to connect, its schema and its modules. Holds no
 * connection. Thread-safe.
 */
public final class PostgresDatabase implements ModuleTable {
  private static final Logger LOG = LoggerFactory.getLogger(PostgresDatabase.class);

  /** The version of the schema that this version of VUDO makes and reads. */
  static final int SCHEMA_VERSION = 1;

  private static final String URL_PREFIX = "jdbc:postgresql:";

  /** Needs no quotes, so it is the same name in every tool; 63 is PostgreSQL's limit. */
  private static final Pattern SCHEMA = Pattern.compile("[a-z_][a-z0-9_]{0,62}");

  private static final Pattern PASSWORD =
      Pattern.compile("[?&](ssl)?password=", Pattern.CASE_INSENSITIVE);

  /** The first half of the advisory locks of VUDO; the second is a hash of the schema's name. */
  private static final int LOCK_CLASS = 0x7675646f;

  private final String url;
  private final String schema;
  private final Properties properties;

  private PostgresDatabase(String url, String schema, Properties properties) {
    this.url = url;
    this.schema = schema;
    this.properties = properties;
  }

  /**
   * Reads the settings; does not connect.
   *
   * @param settings the section {@code vudo.journal}
   * @throws VudoException {@code ARGUMENT_INVALID}
   */
  public static PostgresDatabase of(Config settings) {
    String url = settings.getString("url");
    if (!url.startsWith(URL_PREFIX)) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID,
          "vudo.journal.url is no " + URL_PREFIX + "//HOST:PORT/DATABASE: " + shown(url) + ".");
    }
    if (PASSWORD.matcher(url).find()) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID,
          "vudo.journal.url holds a password, and a URL is shown in logs; give it as"
              + " vudo.journal.password or in the environment as VUDO_JOURNAL_PASSWORD.");
    }
    String schema = settings.getString("schema");
    if (!SCHEMA.matcher(schema).matches()) {
      throw new VudoException(
          ErrorCode.ARGUMENT_INVALID,
          "vudo.journal.schema is \"" + schema + "\"; it is matched by " + SCHEMA + ".");
    }
    Properties properties = new Properties();
    properties.setProperty("ApplicationName", "vudo");
    properties.setProperty("tcpKeepAlive", "true");
    properties.setProperty("connectTimeout", seconds(settings, "shared.connect-timeout"));
    properties.setProperty("loginTimeout", seconds(settings, "shared.connect-timeout"));
    // A server that was cut off without a word is noticed; else its connection would hang for ever.
    properties.setProperty("socketTimeout", seconds(settings, "shared.answer-timeout"));
    // With it a failed batch is shown with all its values, which are users' data, in the log.
    properties.setProperty("logServerErrorDetail", "false");
    for (String name : List.of("user", "password")) {
      if (!settings.getString(name).isEmpty()) {
        properties.setProperty(name, settings.getString(name));
      }
    }
    return new PostgresDatabase(url, schema, properties);
  }

  private static String seconds(Config settings, String path) {
    return Long.toString(Math.max(1, settings.getDuration(path).toSeconds()));
  }

  /** For JDBC; without user and password, which are among the properties. */
  public String url() {
    return url;
  }

  /** In which schema all tables are. */
  public String schema() {
    return schema;
  }

  /** For the driver. They hold the password. */
  public Properties properties() {
    return properties;
  }

  /** A new connection, on which the schema is the only one to be searched. */
  public Connection connect() throws SQLException {
    Connection connection = DriverManager.getConnection(url, properties);
    try (Statement statement = connection.createStatement()) {
      statement.execute("SET search_path TO " + schema);
      return connection;
    } catch (SQLException e) {
      connection.close();
      throw e;
    }
  }

  /**
   * Makes schema and tables if there are none, and checks their version.
   *
   * @throws VudoException {@code JOURNAL_VERSION} or {@code JOURNAL_UNAVAILABLE}
   */
  public void prepare() {
    try (Connection connection = connect()) {
      checkSettings(connection);
      connection.setAutoCommit(false);
      prepareSchema(connection);
      connection.commit();
    } catch (SQLException e) {
      throw unavailable(e);
    } catch (IOException e) {
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "No schema for PostgreSQL.", e);
    }
  }

  /**
   * Commits a row as it is.
   *
   * @throws VudoException {@code JOURNAL_UNAVAILABLE}; a server that only reads is unavailable, too
   */
  public void probe() {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      statement.executeUpdate("UPDATE vudo_schema SET version = version");
    } catch (SQLException e) {
      throw unavailable(e);
    }
  }

  private void checkSettings(Connection connection) throws SQLException {
    String encoding = show(connection, "server_encoding");
    if (!encoding.equals("UTF8")) {
      throw new VudoException(
          ErrorCode.JOURNAL_UNAVAILABLE,
          shown(url)
              + " has the encoding "
              + encoding
              + ", which cannot hold every id. Create the database with ENCODING 'UTF8'.");
    }
    for (String setting : List.of("fsync", "synchronous_commit", "full_page_writes")) {
      if (show(connection, setting).equals("off")) {
        LOG.warn(
            "{} runs with {} = off: a crash of the server can take turns that were acknowledged",
            shown(url),
            setting);
      }
    }
  }

  private static String show(Connection connection, String setting) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet value = statement.executeQuery("SHOW " + setting)) {
      return value.next() ? value.getString(1) : "";
    }
  }

  /** In one transaction, and one node after the other: the lock ends with the transaction. */
  private void prepareSchema(Connection connection) throws SQLException, IOException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(
          "SELECT pg_advisory_xact_lock(" + LOCK_CLASS + ", hashtext('" + schema + "'))");
      // "IF NOT EXISTS" asks for the right to create one also where there is one.
      if (isNull(statement, "to_regnamespace('" + schema + "')")) {
        statement.execute("CREATE SCHEMA " + schema);
      }
      if (isNull(statement, "to_regclass('" + schema + ".vudo_schema')")) {
        // pgjdbc takes several statements at once.
        statement.execute(script());
        statement.execute("INSERT INTO vudo_schema (version) VALUES (" + SCHEMA_VERSION + ")");
        LOG.info("{}: made the tables of the journal in the schema {}", shown(url), schema);
        return;
      }
      try (ResultSet version = statement.executeQuery("SELECT max(version) FROM vudo_schema")) {
        int found = version.next() ? version.getInt(1) : 0;
        if (found > SCHEMA_VERSION) {
          throw new VudoException(
              ErrorCode.JOURNAL_VERSION,
              shown(url)
                  + " has the schema "
                  + found
                  + "; this version reads up to "
                  + SCHEMA_VERSION
                  + ".");
        }
      }
    }
  }

  private static boolean isNull(Statement statement, String expression) throws SQLException {
    try (ResultSet result = statement.executeQuery("SELECT " + expression + " IS NULL")) {
      return result.next() && result.getBoolean(1);
    }
  }

  private static String script() throws IOException {
    String resource = "postgresql-" + SCHEMA_VERSION + ".sql";
    try (InputStream in = PostgresDatabase.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IOException(resource + " is missing");
      }
      return new String(in.readAllBytes(), UTF_8);
    }
  }

  @Override
  public void put(String digest, byte[] module) {
    try (Connection connection = connect();
        PreparedStatement insert =
            connection.prepareStatement(
                "INSERT INTO vudo_module (digest, content) VALUES (?, ?) ON CONFLICT DO NOTHING")) {
      insert.setString(1, digest);
      insert.setBytes(2, module);
      insert.executeUpdate();
    } catch (SQLException e) {
      throw unavailable(e);
    }
  }

  @Override
  public Optional<byte[]> get(String digest) {
    try (Connection connection = connect();
        PreparedStatement select =
            connection.prepareStatement("SELECT content FROM vudo_module WHERE digest = ?")) {
      select.setString(1, digest);
      try (ResultSet row = select.executeQuery()) {
        return row.next() ? Optional.of(row.getBytes(1)) : Optional.empty();
      }
    } catch (SQLException e) {
      throw unavailable(e);
    }
  }

  private VudoException unavailable(SQLException e) {
    String state = e.getSQLState() == null ? "" : e.getSQLState();
    String fix =
        switch (state.length() < 2 ? "" : state.substring(0, 2)) {
          case "08" -> "Is the server up, and do host and port reach it?";
          case "28" ->
              "Check vudo.journal.user, VUDO_JOURNAL_PASSWORD and the server's pg_hba.conf.";
          case "3D" -> "Create the database: CREATE DATABASE ... ENCODING 'UTF8'.";
          case "42" ->
              "The user needs CREATE on the database, or a schema "
                  + schema
                  + " of its own that is empty or VUDO's.";
          case "53" -> "The server's disk, memory or connections are used up.";
          default -> "See the server's log.";
        };
    return new VudoException(
        ErrorCode.JOURNAL_UNAVAILABLE,
        shown(url)
            + ": "
            + e.getMessage()
            + (state.isEmpty() ? " " : " (SQLSTATE " + state.toUpperCase(Locale.ROOT) + "). ")
            + fix,
        e);
  }

  /** Without parameters, which may hold secrets. */
  private static String shown(String url) {
    int parameters = url.indexOf('?');
    return parameters < 0 ? url : url.substring(0, parameters);
  }
}
