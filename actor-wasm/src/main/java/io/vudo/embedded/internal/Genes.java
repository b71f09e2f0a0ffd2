package io.vudo.embedded.internal;

import io.vudo.embedded.GeneLayout;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.ValueType;
import java.lang.reflect.Constructor;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** Genes as bytes, maps and records. What is on the heap is asked of {@link Strings}. */
public final class Genes {

  /** The texts that a gene refers to. */
  public interface Strings {
    /** The text at an address. */
    String read(int address);

    /** The address of a text that is written. */
    int write(String text);
  }

  private Genes() {}

  // Java to bytes

  /**
   * Checks values and puts them over these bytes; texts are written last, when all is known to fit.
   *
   * @param values a map or a record
   * @throws VudoException {@code GENE_INVALID}
   */
  public static void write(byte[] bytes, Object values, GeneLayout layout, Strings strings) {
    put(ByteBuffer.allocate(bytes.length), 0, values, layout, text -> 0);
    put(ByteBuffer.wrap(bytes), 0, values, layout, strings::write);
  }

  /** Where a text goes. */
  @FunctionalInterface
  private interface TextWriter {
    int write(String text);
  }

  private static void put(
      ByteBuffer bytes, int start, Object values, GeneLayout layout, TextWriter texts) {
    bytes.order(ByteOrder.LITTLE_ENDIAN);
    Map<String, Object> all = asMap(values, layout);
    for (GeneLayout.Field field : layout.fields()) {
      if (!all.containsKey(field.name())) {
        throw invalid(layout, field.name() + " has no value.");
      }
    }
    for (String name : all.keySet()) {
      if (layout.field(name).isEmpty()) {
        throw invalid(layout, "it has no field " + name + ".");
      }
    }
    for (GeneLayout.Field field : layout.fields()) {
      Object value = all.get(field.name());
      int at = start + field.offset();
      switch (field.type()) {
        case I32 -> bytes.putInt(at, (int) number(layout, field, ValueType.I32, value));
        case I64 -> bytes.putLong(at, number(layout, field, ValueType.I64, value));
        case F32 -> bytes.putInt(at, (int) number(layout, field, ValueType.F32, value));
        case F64 -> bytes.putLong(at, number(layout, field, ValueType.F64, value));
        case BOOL -> bytes.putInt(at, (int) truth(layout, field, value));
        case STRING -> bytes.putInt(at, text(layout, field, value, texts));
        case GENE -> put(bytes, at, value, field.gene().orElseThrow(), texts);
      }
    }
  }

  private static long number(
      GeneLayout layout, GeneLayout.Field field, ValueType type, Object value) {
    if (value instanceof Boolean) {
      throw wrong(layout, field, value);
    }
    return Values.bits(type, value).orElseThrow(() -> wrong(layout, field, value));
  }

  private static long truth(GeneLayout layout, GeneLayout.Field field, Object value) {
    if (value instanceof Boolean truth) {
      return truth ? 1 : 0;
    }
    throw wrong(layout, field, value);
  }

  private static int text(
      GeneLayout layout, GeneLayout.Field field, Object value, TextWriter texts) {
    if (value == null) {
      return 0;
    }
    if (value instanceof String text) {
      return texts.write(text);
    }
    throw wrong(layout, field, value);
  }

  private static VudoException wrong(GeneLayout layout, GeneLayout.Field field, Object value) {
    return invalid(
        layout,
        field.name()
            + " is "
            + field.type()
            + "; its value is "
            + (value == null ? "null" : "a " + value.getClass().getSimpleName())
            + ".");
  }

  private static Map<String, Object> asMap(Object values, GeneLayout layout) {
    if (values instanceof Record gene) {
      Map<String, Object> all = new LinkedHashMap<>();
      for (RecordComponent component : gene.getClass().getRecordComponents()) {
        all.put(component.getName(), read(layout, gene, component));
      }
      return all;
    }
    if (values instanceof Map<?, ?> map) {
      Map<String, Object> all = new LinkedHashMap<>();
      map.forEach((name, value) -> all.put(String.valueOf(name), value));
      return all;
    }
    throw invalid(
        layout,
        "it is written from a map or a record, not from "
            + (values == null ? "null." : "a " + values.getClass().getSimpleName() + "."));
  }

  private static Object read(GeneLayout layout, Record gene, RecordComponent component) {
    Method accessor = component.getAccessor();
    try {
      accessor.setAccessible(true);
      return accessor.invoke(gene);
    } catch (InaccessibleObjectException | IllegalAccessException e) {
      throw closed(layout, gene.getClass(), e);
    } catch (InvocationTargetException e) {
      throw new VudoException(
          ErrorCode.GENE_INVALID,
          layout.name() + ": " + component.getName() + "() threw " + e.getCause() + ".",
          e.getCause());
    }
  }

  // Bytes to Java

  /** The values by the names of their fields; genes inside are maps, too. */
  public static Map<String, Object> read(byte[] bytes, GeneLayout layout, Strings strings) {
    return get(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN), 0, layout, strings);
  }

  private static Map<String, Object> get(
      ByteBuffer bytes, int start, GeneLayout layout, Strings strings) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (GeneLayout.Field field : layout.fields()) {
      int at = start + field.offset();
      values.put(
          field.name(),
          switch (field.type()) {
            case I32 -> bytes.getInt(at);
            case I64 -> bytes.getLong(at);
            case F32 -> bytes.getFloat(at);
            case F64 -> bytes.getDouble(at);
            case BOOL -> bytes.getInt(at) != 0;
            case STRING -> bytes.getInt(at) == 0 ? null : strings.read(bytes.getInt(at));
            case GENE -> get(bytes, at, field.gene().orElseThrow(), strings);
          });
    }
    return Collections.unmodifiableMap(values);
  }

  /**
   * A record of values that a layout gave.
   *
   * @throws VudoException {@code GENE_INVALID} when it has other components than the layout fields
   */
  public static <T extends Record> T record(
      Map<String, Object> values, GeneLayout layout, Class<T> type) {
    RecordComponent[] components = type.getRecordComponents();
    Object[] arguments = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      String name = components[i].getName();
      if (!values.containsKey(name)) {
        throw invalid(
            layout, "it has no field " + name + ", as record " + type.getName() + " has.");
      }
      Class<?> wanted = components[i].getType();
      Object value = values.get(name);
      if (wanted.isRecord() && value instanceof Map<?, ?>) {
        GeneLayout inner = layout.field(name).flatMap(GeneLayout.Field::gene).orElseThrow();
        arguments[i] = record(genes(values, name), inner, wanted.asSubclass(Record.class));
      } else {
        arguments[i] = value;
      }
    }
    if (values.size() != components.length) {
      throw invalid(
          layout,
          "it has "
              + values.size()
              + " fields; record "
              + type.getName()
              + " has "
              + components.length
              + ".");
    }
    try {
      Constructor<T> constructor =
          type.getDeclaredConstructor(
              Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
      constructor.setAccessible(true);
      return constructor.newInstance(arguments);
    } catch (IllegalArgumentException e) {
      throw new VudoException(
          ErrorCode.GENE_INVALID,
          layout + " does not fit record " + type.getName() + ": " + e.getMessage() + ".",
          e);
    } catch (InvocationTargetException e) {
      throw new VudoException(
          ErrorCode.GENE_INVALID,
          layout.name()
              + ": record "
              + type.getName()
              + " refused its values: "
              + e.getCause()
              + ".",
          e.getCause());
    } catch (ReflectiveOperationException | InaccessibleObjectException e) {
      throw closed(layout, type, e);
    }
  }

  @SuppressWarnings("unchecked") // As get() made it.
  private static Map<String, Object> genes(Map<String, Object> values, String name) {
    return (Map<String, Object>) values.get(name);
  }

  private static VudoException closed(GeneLayout layout, Class<?> type, Exception cause) {
    return new VudoException(
        ErrorCode.GENE_INVALID,
        layout.name() + ": the module of " + type.getName() + " keeps it closed.",
        cause);
  }

  private static VudoException invalid(GeneLayout layout, String reason) {
    return new VudoException(ErrorCode.GENE_INVALID, layout.name() + ": " + reason);
  }
}
