package io.vudo.journal.internal;

import java.sql.SQLException;
import org.sqlite.SQLiteException;

/** What the failure of a transaction says about whether it was committed. */
final class SqlFailures {
  /** The low byte of SQLite's codes for broken constraints of all kinds. */
  private static final int SQLITE_CONSTRAINT = 19;

  private SqlFailures() {}

  /** Whether a row with the same key was there already. */
  static boolean isBrokenKey(Throwable failure) {
    return any(failure, SqlFailures::brokenKey);
  }

  /**
   * Whether the database said that it rolled the transaction back, so that it may be run again: for
   * a broken key, or because another one was in its way, as two that wait for each other are.
   */
  static boolean provesNothingWritten(Throwable failure) {
    return any(failure, e -> brokenKey(e) || rolledBack(e));
  }

  private static boolean brokenKey(SQLException e) {
    return e instanceof SQLiteException sqlite
        ? (sqlite.getResultCode().code & 0xff) == SQLITE_CONSTRAINT
        : state(e).startsWith("23");
  }

  /** Class 40 is "transaction rollback"; of these, 40003 alone says that the outcome is unknown. */
  private static boolean rolledBack(SQLException e) {
    return state(e).startsWith("40") && !state(e).equals("40003");
  }

  private static String state(SQLException e) {
    return e.getSQLState() == null ? "" : e.getSQLState();
  }

  private interface Test {
    boolean holds(SQLException e);
  }

  private static boolean any(Throwable failure, Test test) {
    Throwable cause = failure;
    // Drivers wrap the failure of one statement of a batch; a chain of causes has an end.
    for (int depth = 0; cause != null && depth < 16; depth++) {
      if (cause instanceof SQLException e && test.holds(e)) {
        return true;
      }
      cause = cause.getCause();
    }
    return false;
  }
}
