package io.vudo.protocol;

import java.util.ArrayList;
import java.util.List;

/**
 * What the two decoders share: where in the input they are, which error fits, and how a run of
 * elements becomes a tuple or, when one of them is open, a template.
 */
final class TupleReading {
  private final boolean openAllowed;
  // One place more than there are levels: the check of the depth names the field that is too deep.
  private final int[] path = new int[Tuple.MAX_LEVELS + 1];
  private int depth;

  private TupleReading(boolean openAllowed) {
    this.openAllowed = openAllowed;
  }

  static TupleReading ofTuple() {
    return new TupleReading(false);
  }

  static TupleReading ofTemplate() {
    return new TupleReading(true);
  }

  /**
   * Collects the elements of one array. An element is a {@link Field} or a {@link Template.Slot}.
   */
  final class Elements {
    private final List<Object> elements = new ArrayList<>();
    private boolean open;

    Elements() {
      Tuple.checkLevels(depth + 1, position());
      path[depth++] = 0;
    }

    void add(Object element) {
      if (elements.size() == Tuple.MAX_ARITY) {
        // What is wrong is the array, not its field.
        depth--;
        throw arity(elements.size() + 1);
      }
      open |= element instanceof Template.Slot;
      elements.add(element);
      path[depth - 1]++;
    }

    /** A {@link Tuple}, or a {@link Template.Nested} when an element was open. */
    Object end() {
      depth--;
      if (elements.isEmpty()) {
        throw arity(0);
      }
      if (!open) {
        return new Tuple(elements.stream().map(Field.class::cast).toList());
      }
      return new Template.Nested(
          new Template(
              elements.stream()
                  .map(
                      element ->
                          element instanceof Template.Slot slot
                              ? slot
                              : new Template.Exact((Field) element))
                  .toList()));
    }
  }

  VudoException arity(int arity) {
    return new VudoException(
        ErrorCode.TUPLE_ARITY, position() + "Got " + Integer.toUnsignedString(arity) + " fields.");
  }

  VudoException invalid(String detail) {
    return invalid(detail, null);
  }

  VudoException invalid(String detail, Throwable cause) {
    return new VudoException(invalidCode(), position() + detail, cause);
  }

  /** An error of a constructor that does not know the position. */
  VudoException at(VudoException e) {
    ErrorCode code = e.code() == ErrorCode.TUPLE_INVALID ? invalidCode() : e.code();
    return new VudoException(code, position() + e.detail(), e);
  }

  ErrorCode invalidCode() {
    return openAllowed ? ErrorCode.TEMPLATE_INVALID : ErrorCode.TUPLE_INVALID;
  }

  void checkOpenAllowed() {
    if (!openAllowed) {
      throw invalid("An open field belongs in a template, not in a tuple.");
    }
  }

  /** What {@link Elements#end} gave at the top, as the template that it means. */
  static Template template(Object top) {
    return top instanceof Template.Nested nested
        ? nested.template()
        : Template.exactly((Tuple) top);
  }

  private String position() {
    return depth == 0 ? "" : Tuple.position(path, depth);
  }
}
