package io.vudo.spirit.internal.history;

import io.vudo.journal.StateSnapshot;
import io.vudo.protocol.journal.v1.SpiritHeader;
import io.vudo.protocol.journal.v1.TableRow;
import io.vudo.spirit.StateDifference;
import io.vudo.spirit.internal.turn.SpiritState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;

/** Compares two states, part by part. */
final class StateDifferences {
  private static final byte[] ZEROS = new byte[StateSnapshot.PAGE_BYTES];

  private StateDifferences() {}

  static List<StateDifference.PageChange> pages(SpiritState from, SpiritState to) {
    List<StateDifference.PageChange> changes = new ArrayList<>();
    TreeSet<Integer> numbers = new TreeSet<>(from.pages().keySet());
    numbers.addAll(to.pages().keySet());
    for (int number : numbers) {
      byte[] before = from.pages().getOrDefault(number, ZEROS);
      byte[] after = to.pages().getOrDefault(number, ZEROS);
      int first = Arrays.mismatch(before, after);
      if (first >= 0) {
        int changed = 0;
        for (int i = first; i < before.length; i++) {
          changed += before[i] == after[i] ? 0 : 1;
        }
        changes.add(
            new StateDifference.PageChange(
                number, (long) number * StateSnapshot.PAGE_BYTES + first, changed));
      }
    }
    return changes;
  }

  static List<StateDifference.GlobalChange> globals(SpiritHeader from, SpiritHeader to) {
    List<StateDifference.GlobalChange> changes = new ArrayList<>();
    for (int i = 0; i < Math.max(from.getGlobalsCount(), to.getGlobalsCount()); i++) {
      long before = i < from.getGlobalsCount() ? from.getGlobals(i) : 0;
      long after = i < to.getGlobalsCount() ? to.getGlobals(i) : 0;
      if (before != after) {
        changes.add(new StateDifference.GlobalChange(i, before, after));
      }
    }
    return changes;
  }

  static List<StateDifference.TableChange> tables(SpiritHeader from, SpiritHeader to) {
    List<StateDifference.TableChange> changes = new ArrayList<>();
    for (int i = 0; i < Math.max(from.getTablesCount(), to.getTablesCount()); i++) {
      TableRow before =
          i < from.getTablesCount() ? from.getTables(i) : TableRow.getDefaultInstance();
      TableRow after = i < to.getTablesCount() ? to.getTables(i) : TableRow.getDefaultInstance();
      int common = Math.min(before.getFunctionsCount(), after.getFunctionsCount());
      int changed = Math.max(before.getFunctionsCount(), after.getFunctionsCount()) - common;
      for (int entry = 0; entry < common; entry++) {
        changed += before.getFunctions(entry) == after.getFunctions(entry) ? 0 : 1;
      }
      if (changed > 0) {
        changes.add(
            new StateDifference.TableChange(
                i, before.getFunctionsCount(), after.getFunctionsCount(), changed));
      }
    }
    return changes;
  }
}
