package io.vudo.embedded;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.lang.reflect.RecordComponent;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * How a gene, a struct of DOL, lies in a Spirit's memory: its size, its alignment, and where each
 * field is. Everything is little-endian. A layout comes from a record class, from field types in
 * their order, or, for one that a compiler has laid out, from offsets:
 *
 * <pre>{@code
 * record Point(long x, long y) {}
 *
 * GeneLayout.of(Point.class);
 * GeneLayout.named("Point").field("x", Type.I64).field("y", Type.I64).build();
 * GeneLayout.named("Point")
 *     .size(16).alignment(8)
 *     .field("x", Type.I64, 0)
 *     .field("y", Type.I64, 8)
 *     .build();
 * }</pre>
 *
 * <p>Immutable and thread-safe.
 */
public final class GeneLayout {

  /** The type of a field. */
  public enum Type {
    /** An int. */
    I32(4),
    /** A long. */
    I64(8),
    /** A float. */
    F32(4),
    /** A double. */
    F64(8),
    /** A boolean, as an i32: 0 is false. */
    BOOL(4),
    /**
     * A String: the address of its length in bytes (u32) and its UTF-8; 0 is null. As {@link
     * MemoryManager#writePrefixedString}.
     */
    STRING(4),
    /** Another gene, in place. */
    GENE(0);

    private final int size;

    Type(int size) {
      this.size = size;
    }
  }

  /**
   * A field.
   *
   * @param name its name
   * @param type its type
   * @param offset bytes from the start of the gene
   * @param gene the layout of a field of type {@link Type#GENE}
   */
  public record Field(String name, Type type, int offset, Optional<GeneLayout> gene) {
    /** Its size in bytes. */
    public int size() {
      return gene.map(GeneLayout::size).orElse(type.size);
    }

    private int alignment() {
      return gene.map(GeneLayout::alignment).orElse(type.size);
    }
  }

  private final String name;
  private final int size;
  private final int alignment;
  private final Map<String, Field> fields;

  private GeneLayout(String name, int size, int alignment, Map<String, Field> fields) {
    this.name = name;
    this.size = size;
    this.alignment = alignment;
    this.fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }

  /** Begins a layout. */
  public static Builder named(String name) {
    return new Builder(name);
  }

  /**
   * The layout of a record class: its components in their order, each aligned to its size as in C.
   * Components are int, long, float, double, boolean, String, and records of these.
   *
   * @throws VudoException {@code GENE_INVALID} for a component of another type
   */
  public static GeneLayout of(Class<? extends Record> type) {
    return of(type, new LinkedHashSet<>());
  }

  private static GeneLayout of(Class<?> type, Set<Class<?>> outer) {
    if (!outer.add(type)) {
      throw invalid(type.getSimpleName(), "it contains itself.");
    }
    Builder builder = named(type.getSimpleName());
    for (RecordComponent component : type.getRecordComponents()) {
      Class<?> of = component.getType();
      if (of.isRecord()) {
        builder.field(component.getName(), of(of, outer));
      } else {
        builder.field(component.getName(), type(type, component));
      }
    }
    outer.remove(type);
    return builder.build();
  }

  private static Type type(Class<?> gene, RecordComponent component) {
    Class<?> type = component.getType();
    if (type == int.class || type == Integer.class) {
      return Type.I32;
    }
    if (type == long.class || type == Long.class) {
      return Type.I64;
    }
    if (type == float.class || type == Float.class) {
      return Type.F32;
    }
    if (type == double.class || type == Double.class) {
      return Type.F64;
    }
    if (type == boolean.class || type == Boolean.class) {
      return Type.BOOL;
    }
    if (type == String.class) {
      return Type.STRING;
    }
    throw invalid(
        gene.getSimpleName(),
        "no field of a gene is a " + type.getName() + ", as " + component.getName() + " is.");
  }

  /** The gene's name, for people. */
  public String name() {
    return name;
  }

  /** How many bytes it takes. */
  public int size() {
    return size;
  }

  /** What its address is a multiple of. */
  public int alignment() {
    return alignment;
  }

  /** The fields, in their order. */
  public Collection<Field> fields() {
    return fields.values();
  }

  /** A field by its name. */
  public Optional<Field> field(String field) {
    return Optional.ofNullable(fields.get(field));
  }

  /** For example {@code Point(x I64 at 0, y I64 at 8), 16 bytes}. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(name).append('(');
    String separator = "";
    for (Field field : fields.values()) {
      text.append(separator)
          .append(field.name())
          .append(' ')
          .append(field.gene().map(GeneLayout::name).orElse(field.type().name()))
          .append(" at ")
          .append(field.offset());
      separator = ", ";
    }
    return text.append("), ").append(size).append(" bytes").toString();
  }

  private static VudoException invalid(String gene, String reason) {
    return new VudoException(ErrorCode.GENE_INVALID, gene + ": " + reason);
  }

  /** Puts a {@link GeneLayout} together. Not thread-safe. */
  public static final class Builder {
    private static final int MOST_BYTES = 1 << 20;

    private final String name;
    private final Map<String, Field> fields = new LinkedHashMap<>();
    private int end;
    private int largest = 1;
    private int size;
    private int alignment;

    private Builder(String name) {
      this.name = name;
    }

    /**
     * Adds a field behind the one before, at the next multiple of its size.
     *
     * @throws VudoException {@code GENE_INVALID} for a name that was used
     */
    public Builder field(String field, Type type) {
      return add(new Field(field, type, next(type.size), Optional.empty()));
    }

    /** Adds a gene behind the field before, at the next multiple of its alignment. */
    public Builder field(String field, GeneLayout gene) {
      return add(new Field(field, Type.GENE, next(gene.alignment), Optional.of(gene)));
    }

    /** Adds a field at this offset. */
    public Builder field(String field, Type type, int offset) {
      return add(new Field(field, type, offset, Optional.empty()));
    }

    /** Adds a gene at this offset. */
    public Builder field(String field, GeneLayout gene, int offset) {
      return add(new Field(field, Type.GENE, offset, Optional.of(gene)));
    }

    private int next(int multiple) {
      return multiple == 0 ? end : (end + multiple - 1) / multiple * multiple;
    }

    private Builder add(Field field) {
      if (field.type() == Type.GENE && field.gene().isEmpty()) {
        throw invalid(name, field.name() + " is a gene: pass its layout.");
      }
      if (field.offset() < 0 || (long) field.offset() + field.size() > MOST_BYTES) {
        throw invalid(
            name, field.name() + " ends beyond " + MOST_BYTES + " bytes, or begins before 0.");
      }
      for (Field other : fields.values()) {
        if (other.name().equals(field.name())) {
          throw invalid(name, "two fields are " + field.name() + ".");
        }
        if (field.offset() < other.offset() + other.size()
            && other.offset() < field.offset() + field.size()) {
          throw invalid(name, field.name() + " lies on " + other.name() + ".");
        }
      }
      fields.put(field.name(), field);
      end = Math.max(end, field.offset() + field.size());
      largest = Math.max(largest, field.alignment());
      return this;
    }

    /** Says how large it is; without this, as large as its fields, rounded to its alignment. */
    public Builder size(int bytes) {
      this.size = bytes;
      return this;
    }

    /** Says its alignment, a power of two; without this, that of its largest field. */
    public Builder alignment(int bytes) {
      this.alignment = bytes;
      return this;
    }

    /**
     * The layout.
     *
     * @throws VudoException {@code GENE_INVALID} without fields, or when they do not fit the size
     */
    public GeneLayout build() {
      if (fields.isEmpty()) {
        throw invalid(name, "it has no fields.");
      }
      int multiple = alignment == 0 ? largest : alignment;
      if (multiple < 1 || Integer.bitCount(multiple) != 1 || multiple > 1 << 16) {
        throw invalid(name, "an alignment of " + multiple + "; it is a power of two.");
      }
      int least = size == 0 ? (end + multiple - 1) / multiple * multiple : size;
      if (least < end || least > MOST_BYTES) {
        throw invalid(name, "its fields take " + end + " bytes, its size is " + least + ".");
      }
      return new GeneLayout(name, least, multiple, fields);
    }
  }
}
