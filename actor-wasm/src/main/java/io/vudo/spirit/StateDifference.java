package io.vudo.spirit;

import java.util.List;

/**
 * What changed between two states of a Spirit.
 *
 * @param from the earlier state, or whichever was named first
 * @param to the other one
 * @param pages the pages of memory that differ, ascending; one that only one of them has counts
 * @param globals the globals that differ, ascending
 * @param tables the tables that differ, ascending
 */
public record StateDifference(
    StateSummary from,
    StateSummary to,
    List<PageChange> pages,
    List<GlobalChange> globals,
    List<TableChange> tables) {

  /**
   * A page of 4 KiB.
   *
   * @param number its number; it begins at 4,096 times that
   * @param firstOffset the address of the first byte that differs
   * @param changedBytes how many bytes of it differ
   */
  public record PageChange(int number, long firstOffset, int changedBytes) {}

  /**
   * A global.
   *
   * @param index among the mutable globals, from 0, as an engine lists them
   * @param from its bits before; 0 when it did not exist
   * @param to its bits after
   */
  public record GlobalChange(int index, long from, long to) {}

  /**
   * A table.
   *
   * @param index its number; mutable function references follow after the tables
   * @param entriesFrom how many entries it had
   * @param entriesTo how many it has
   * @param changedEntries how many differ, with those that only one of them has
   */
  public record TableChange(int index, int entriesFrom, int entriesTo, int changedEntries) {}

  /** Whether the states are equal. */
  public boolean isEmpty() {
    return pages.isEmpty() && globals.isEmpty() && tables.isEmpty();
  }
}
