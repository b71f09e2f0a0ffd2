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
  // The depth within the predicate that is being read, 0 outside of one.
  private int predicateDepth;

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

  /**
   * The predicate that comes next is a level, as an array of its operator, at position 0, and its
   * operand, at 1.
   */
  void enterPredicate() {
    checkOpenAllowed();
    Tuple.checkLevels(depth + 1, position());
    path[depth++] = 0;
    predicateDepth = depth;
  }

  /** The operator has been read. */
  Template.Operator operator(String text) {
    try {
      Template.Operator operator = Template.Operator.ofText(text);
      path[depth - 1]++;
      return operator;
    } catch (VudoException e) {
      throw at(e);
    }
  }

  /** The operand has been read. */
  Template.Slot leavePredicate(Template.Operator operator, Object operand) {
    try {
      // Open fields are refused within a predicate, so this is a field.
      Template.Slot predicate = new Template.Predicate(operator, (Field) operand);
      depth--;
      predicateDepth = 0;
      return predicate;
    } catch (VudoException e) {
      throw at(e);
    }
  }

  VudoException arity(int arity) {
    if (predicateDepth > 0 && depth == predicateDepth) {
      return invalid(
          "A tuple as operand has 1 to 1,000 values, got " + Integer.toUnsignedString(arity) + ".");
    }
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
    if (predicateDepth > 0) {
      return ErrorCode.PREDICATE_INVALID;
    }
    return openAllowed ? ErrorCode.TEMPLATE_INVALID : ErrorCode.TUPLE_INVALID;
  }

  void checkOpenAllowed() {
    if (!openAllowed) {
      throw invalid("An open field belongs in a template, not in a tuple.");
    }
    if (predicateDepth > 0) {
      throw invalid("A predicate compares with values, not with an open field.");
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
