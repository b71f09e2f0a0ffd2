package io.vudo.tuplespace.internal;

import io.vudo.protocol.Template;
import io.vudo.protocol.Tuple;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;

/**
 * The visible tuples of one arity, and what finds them: always an index by first field, and a few
 * by other positions that look-ups showed to be worth it.
 *
 * <p>A look-up walks the smallest set that an index gives it. For each tuple walked in vain because
 * of a value that some other index would have known, the set of positions that the template fixes
 * is owed one. When the debt is several times what it costs to make the index, it is made. Each
 * look-up through it then gives it credit, each tuple written takes some, and without credit it is
 * dropped. So neither making nor keeping costs more than a constant factor of what was walked.
 */
final class Shelf {
  private static final int[] FIRST = {0};

  /** How many indexes there are at most beside that by first field: each tuple is in all. */
  private static final int MAX_ADDED = 4;

  /** How many sets of positions are watched. */
  private static final int MAX_WANTED = 8;

  /** Of more exact fields than these the others are compared one by one. */
  private static final int MAX_POSITIONS = 16;

  /** Fewer candidates than these are walked, whatever there is. */
  private static final int FEW = 16;

  /** How often the tuples have to be walked in vain to be worth an index. */
  private static final int WALKS = 4;

  private static final class Added {
    final FieldIndex<StoredTuple> index;
    long credit;

    Added(FieldIndex<StoredTuple> index, long credit) {
      this.index = index;
      this.credit = credit;
    }
  }

  private static final class Wanted {
    final int[] positions;
    long debt;

    Wanted(int[] positions) {
      this.positions = positions;
    }
  }

  /** What a look-up walks, and which positions have the right value already. */
  private static final class Candidates {
    final Run<StoredTuple> run;
    final int[] positions;

    Candidates(Run<StoredTuple> run, int[] positions) {
      this.run = run;
      this.positions = positions;
    }
  }

  private static final int[] NONE = {};
  private static final Candidates NOBODY = new Candidates(new Run<>(), NONE);

  private final Run<StoredTuple> all = new Run<>();
  private final FieldIndex<StoredTuple> byFirstField = new FieldIndex<>(FIRST);
  private final List<Added> added = new ArrayList<>(0);
  private final List<Wanted> wanted = new ArrayList<>(0);

  boolean isEmpty() {
    return all.isEmpty();
  }

  void add(StoredTuple stored) {
    all.add(stored);
    byFirstField.add(stored);
    for (int i = added.size() - 1; i >= 0; i--) {
      if (--added.get(i).credit < 0) {
        added.remove(i);
      } else {
        added.get(i).index.add(stored);
      }
    }
  }

  void remove(StoredTuple stored) {
    all.removeAt(stored.place());
    byFirstField.remove(stored);
    for (Added one : added) {
      one.index.remove(stored);
    }
  }

  /** The oldest that matches; null when none does. */
  StoredTuple read(Template template) {
    Candidates candidates = candidates(template, true);
    if (candidates.run.isEmpty()) {
      return null;
    }
    StoredTuple oldest = candidates.run.first();
    if (template.matches(oldest.tuple())) {
      return oldest;
    }
    Walk walk = new Walk(template, candidates, Long.MIN_VALUE);
    StoredTuple found = walk.next();
    walk.end();
    return found;
  }

  /** The oldest that match, written after one of this id. */
  List<StoredTuple> readAll(Template template, int limit, long afterEntryId) {
    List<StoredTuple> found = new ArrayList<>();
    Walk walk = new Walk(template, candidates(template, true), afterEntryId);
    while (found.size() < limit) {
      StoredTuple next = walk.next();
      if (next == null) {
        break;
      }
      found.add(next);
    }
    walk.end();
    return found;
  }

  long count(Template template) {
    Candidates candidates = candidates(template, true);
    if (candidates.run.isEmpty() || leavesOpen(template, candidates.positions)) {
      return candidates.run.size();
    }
    Walk walk = new Walk(template, candidates, Long.MIN_VALUE);
    long count = 0;
    while (walk.next() != null) {
      count++;
    }
    walk.end();
    return count;
  }

  /** How many indexes there are beside that by first field. */
  int addedIndexes() {
    return added.size();
  }

  /** How many tuples a look-up by this template walks at most. */
  int candidateCount(Template template) {
    return candidates(template, false).run.size();
  }

  private Candidates candidates(Template template, boolean learn) {
    Fields values = valuesOf(template);
    Candidates best = new Candidates(all, NONE);
    if (template.slots().get(0) instanceof Template.Exact) {
      Run<StoredTuple> sameFirst = byFirstField.find(values);
      if (sameFirst == null) {
        return NOBODY;
      }
      best = new Candidates(sameFirst, FIRST);
    }
    if (added.isEmpty() || best.run.size() <= FEW) {
      return best;
    }
    int[] exact = positions(template);
    for (Added one : added) {
      if (contains(exact, one.index.positions())) {
        int before = best.run.size();
        Run<StoredTuple> run = one.index.find(values);
        if (run == null) {
          best = NOBODY;
        } else if (run.size() < before) {
          best = new Candidates(run, one.index.positions());
        }
        if (learn) {
          one.credit = Math.min(most(), one.credit + before - best.run.size());
        }
        if (best.run.size() <= FEW) {
          break;
        }
      }
    }
    return best;
  }

  /** What an index can have as credit at most: so many are written before it is dropped. */
  private long most() {
    return (long) WALKS * all.size();
  }

  /** The positions by which an index would find it. */
  static int[] positions(Template template) {
    int[] exact = template.exactPositions();
    return exact.length <= MAX_POSITIONS ? exact : Arrays.copyOf(exact, MAX_POSITIONS);
  }

  private static Fields valuesOf(Template template) {
    return position -> ((Template.Exact) template.slots().get(position)).value();
  }

  private static boolean contains(int[] positions, int[] some) {
    int found = 0;
    for (int position : positions) {
      if (found < some.length && some[found] == position) {
        found++;
      }
    }
    return found == some.length;
  }

  /** Whether every tuple with the right values at these positions matches. */
  private static boolean leavesOpen(Template template, int[] positions) {
    int known = 0;
    for (int i = 0; i < template.arity(); i++) {
      if (known < positions.length && positions[known] == i) {
        known++;
      } else if (template.slots().get(i) != Template.ANY) {
        return false;
      }
    }
    return true;
  }

  /** A look-up, candidate by candidate. */
  private final class Walk {
    private final Template template;
    private final int[] exact;
    private final Iterator<StoredTuple> candidates;
    private long inVain;

    Walk(Template template, Candidates candidates, long afterEntryId) {
      this.template = template;
      this.exact = positions(template);
      this.candidates = candidates.run.iterator(afterEntryId);
    }

    /** The next that matches; null when there is none. */
    StoredTuple next() {
      while (candidates.hasNext()) {
        StoredTuple candidate = candidates.next();
        if (template.matches(candidate.tuple())) {
          return candidate;
        } else if (!hasExactFields(candidate.tuple())) {
          inVain++;
        }
      }
      return null;
    }

    private boolean hasExactFields(Tuple tuple) {
      for (int position : exact) {
        if (!template.slots().get(position).matches(tuple.field(position))) {
          return false;
        }
      }
      return true;
    }

    /** Learns from it. */
    void end() {
      if (inVain > FEW) {
        owe(exact, inVain);
      }
    }
  }

  private void owe(int[] positions, long tuples) {
    Wanted owed = null;
    for (Wanted one : wanted) {
      if (Arrays.equals(one.positions, positions)) {
        owed = one;
      }
    }
    if (owed == null) {
      if (wanted.size() == MAX_WANTED) {
        wanted.remove(wanted.stream().min(Comparator.comparingLong(one -> one.debt)).orElseThrow());
      }
      owed = new Wanted(positions);
      wanted.add(owed);
    }
    owed.debt += tuples;
    if (owed.debt >= most() && makeRoom(owed)) {
      wanted.remove(owed);
      FieldIndex<StoredTuple> index = new FieldIndex<>(positions);
      all.forEach(index::add);
      added.add(new Added(index, most()));
    }
  }

  /** Drops the index that is used least, if there is none to spare and the new one is used more. */
  private boolean makeRoom(Wanted owed) {
    if (added.size() < MAX_ADDED) {
      return true;
    }
    Added least = added.stream().min(Comparator.comparingLong(one -> one.credit)).orElseThrow();
    if (least.credit <= owed.debt / 2) {
      added.remove(least);
      return true;
    }
    // Those in use get theirs back; the one that is not is found out the next times.
    added.forEach(one -> one.credit /= 2);
    owed.debt /= 2;
    return false;
  }
}
