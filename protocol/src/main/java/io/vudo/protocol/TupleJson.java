package io.vudo.protocol;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.StringWriter;
import java.util.Base64;

/**
 * Tuples and templates as JSON: what people write and read.
 *
 * <pre>
 * ["job", 7, 2.5, true, null, {"bytes": "3q2+7w=="}, ["nested", {"float": "NaN"}]]    a tuple
 * ["job", {"?": "int"}, {"?": "any"}, [1, {"?": "string"}]]                           a template
 * ["job", {"?": [">", 10]}, {"?": ["in", [1, 2]]}, {"?": ["startsWith", "ab"]}]       another
 * </pre>
 *
 * <p>A number without fraction and exponent is an int, any other a float; so {@code 1} and {@code
 * 1.0} differ. Bytes are Base64 (RFC 4648 with padding when written). The floats that JSON has no
 * number for are {@code {"float": "NaN"}}, {@code {"float": "Infinity"}} and {@code {"float":
 * "-Infinity"}}. A type in a template is one of {@link FieldType#text}, an operator one of {@link
 * Template.Operator#text}, and an operand is written as a field is.
 *
 * <p>Reading is bounded and throws {@link VudoException} only, whatever the text is; the detail
 * names the field as {@link TupleCodec} does.
 */
public final class TupleJson {
  /** No text of a valid tuple needs to be longer: at most 7 characters stand for one byte. */
  private static final int MAX_CHARACTERS = 8 * Tuple.MAX_BYTES;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxStringLength(MAX_CHARACTERS)
                  .maxNumberLength(1_000)
                  .build())
          .build();

  private TupleJson() {}

  /** The JSON of a tuple, on one line. */
  public static String write(Tuple tuple) {
    return generate(generator -> writeTuple(generator, tuple));
  }

  /** The JSON of a template, on one line. */
  public static String write(Template template) {
    return generate(generator -> writeTemplate(generator, template));
  }

  /**
   * Reads a tuple.
   *
   * @throws VudoException {@code TUPLE_INVALID}, {@code TUPLE_ARITY}, {@code TUPLE_TOO_LARGE} or
   *     {@code TUPLE_TOO_DEEP}
   */
  public static Tuple readTuple(String json) {
    return (Tuple) read(json, TupleReading.ofTuple());
  }

  /**
   * Reads a tuple that is part of a larger document.
   *
   * @throws VudoException {@code TUPLE_INVALID}, {@code TUPLE_ARITY}, {@code TUPLE_TOO_LARGE} or
   *     {@code TUPLE_TOO_DEEP}
   */
  public static Tuple readTuple(JsonNode json) {
    return (Tuple) read(json.traverse(), TupleReading.ofTuple());
  }

  /**
   * Reads a template.
   *
   * @throws VudoException {@code TEMPLATE_INVALID}, {@code PREDICATE_INVALID}, {@code TUPLE_ARITY},
   *     {@code TUPLE_TOO_LARGE} or {@code TUPLE_TOO_DEEP}
   */
  public static Template readTemplate(String json) {
    return TupleReading.template(read(json, TupleReading.ofTemplate()));
  }

  /**
   * Reads a template that is part of a larger document.
   *
   * @throws VudoException {@code TEMPLATE_INVALID}, {@code PREDICATE_INVALID}, {@code TUPLE_ARITY},
   *     {@code TUPLE_TOO_LARGE} or {@code TUPLE_TOO_DEEP}
   */
  public static Template readTemplate(JsonNode json) {
    return TupleReading.template(read(json.traverse(), TupleReading.ofTemplate()));
  }

  private interface Generating {
    void to(JsonGenerator generator) throws IOException;
  }

  private static String generate(Generating generating) {
    StringWriter text = new StringWriter();
    try (JsonGenerator generator = FACTORY.createGenerator(text)) {
      generating.to(generator);
    } catch (IOException e) {
      throw new VudoException(ErrorCode.INTERNAL_ERROR, "A buffer in memory failed.", e);
    }
    return text.toString();
  }

  private static void writeTuple(JsonGenerator generator, Tuple tuple) throws IOException {
    generator.writeStartArray();
    for (Field field : tuple.fields()) {
      writeField(generator, field);
    }
    generator.writeEndArray();
  }

  private static void writeField(JsonGenerator generator, Field field) throws IOException {
    if (field instanceof Tuple nested) {
      writeTuple(generator, nested);
    } else if (field instanceof Field.Bool bool) {
      generator.writeBoolean(bool.value());
    } else if (field instanceof Field.Int64 int64) {
      generator.writeNumber(int64.value());
    } else if (field instanceof Field.Float64 float64) {
      if (Double.isFinite(float64.value())) {
        generator.writeNumber(float64.value());
      } else {
        writeTagged(generator, "float", Double.toString(float64.value()));
      }
    } else if (field instanceof Field.Text text) {
      generator.writeString(text.value());
    } else if (field instanceof Field.Bytes bytes) {
      writeTagged(generator, "bytes", Base64.getEncoder().encodeToString(bytes.value()));
    } else {
      generator.writeNull();
    }
  }

  private static void writeTemplate(JsonGenerator generator, Template template) throws IOException {
    generator.writeStartArray();
    for (Template.Slot slot : template.slots()) {
      if (slot instanceof Template.Exact exact) {
        writeField(generator, exact.value());
      } else if (slot instanceof Template.Nested nested) {
        writeTemplate(generator, nested.template());
      } else if (slot instanceof Template.Typed typed) {
        writeTagged(generator, "?", typed.type().text());
      } else if (slot instanceof Template.Predicate predicate) {
        generator.writeStartObject();
        generator.writeArrayFieldStart("?");
        generator.writeString(predicate.operator().text());
        writeField(generator, predicate.operand());
        generator.writeEndArray();
        generator.writeEndObject();
      } else {
        writeTagged(generator, "?", "any");
      }
    }
    generator.writeEndArray();
  }

  private static void writeTagged(JsonGenerator generator, String tag, String value)
      throws IOException {
    generator.writeStartObject();
    generator.writeStringField(tag, value);
    generator.writeEndObject();
  }

  private static Object read(String json, TupleReading reading) {
    if (json.length() > MAX_CHARACTERS) {
      throw new VudoException(
          ErrorCode.TUPLE_TOO_LARGE, "Got " + json.length() + " characters of JSON.");
    }
    try {
      return read(FACTORY.createParser(json), reading);
    } catch (IOException e) {
      throw reading.invalid(e.getMessage(), e);
    }
  }

  private static Object read(JsonParser opened, TupleReading reading) {
    try (JsonParser parser = opened) {
      if (parser.nextToken() != JsonToken.START_ARRAY) {
        throw reading.invalid("The text is not a JSON array.");
      }
      Object top = array(parser, reading);
      if (parser.nextToken() != null) {
        throw reading.invalid("There is more text after the array.");
      }
      return top;
    } catch (JsonProcessingException e) {
      throw reading.invalid("The text is not JSON (" + e.getOriginalMessage() + ").", e);
    } catch (IOException e) {
      throw reading.invalid("The text is not JSON (" + e.getMessage() + ").", e);
    }
  }

  private static Object array(JsonParser parser, TupleReading reading) throws IOException {
    TupleReading.Elements elements = reading.new Elements();
    for (JsonToken token = parser.nextToken();
        token != JsonToken.END_ARRAY;
        token = parser.nextToken()) {
      elements.add(element(parser, token, reading));
    }
    return elements.end();
  }

  private static Object element(JsonParser parser, JsonToken token, TupleReading reading)
      throws IOException {
    if (token == null) {
      throw reading.invalid("The text ends within the array.");
    }
    switch (token) {
      case VALUE_NULL -> {
        return Field.Null.NULL;
      }
      case VALUE_TRUE -> {
        return Field.Bool.TRUE;
      }
      case VALUE_FALSE -> {
        return Field.Bool.FALSE;
      }
      case VALUE_NUMBER_INT -> {
        JsonParser.NumberType type = parser.getNumberType();
        if (type != JsonParser.NumberType.INT && type != JsonParser.NumberType.LONG) {
          throw reading.invalid("The integer does not fit in 64 bits.");
        }
        return Field.Int64.of(parser.getLongValue());
      }
      case VALUE_NUMBER_FLOAT -> {
        double value = parser.getDoubleValue();
        if (!Double.isFinite(value)) {
          throw reading.invalid("The float does not fit in 64 bits.");
        }
        return new Field.Float64(value);
      }
      case VALUE_STRING -> {
        return text(parser.getText(), reading);
      }
      case START_ARRAY -> {
        return array(parser, reading);
      }
      case START_OBJECT -> {
        return tagged(parser, reading);
      }
      default -> throw reading.invalid("Unexpected " + token + ".");
    }
  }

  private static Field text(String value, TupleReading reading) {
    try {
      return new Field.Text(value);
    } catch (VudoException e) {
      throw reading.at(e);
    }
  }

  private static Object tagged(JsonParser parser, TupleReading reading) throws IOException {
    String tag = parser.nextToken() == JsonToken.FIELD_NAME ? parser.currentName() : "";
    if (!tag.equals("?") && !tag.equals("bytes") && !tag.equals("float")) {
      throw reading.invalid(
          "An object is {\"bytes\": BASE64}, {\"float\": \"NaN\"} or, in a template, {\"?\": TYPE} or"
              + " {\"?\": [OPERATOR, VALUE]}.");
    }
    if (tag.equals("?")) {
      reading.checkOpenAllowed();
    }
    JsonToken token = parser.nextToken();
    if (tag.equals("?") && token == JsonToken.START_ARRAY) {
      Template.Slot predicate = predicate(parser, reading);
      endObject(parser, reading);
      return predicate;
    }
    if (token != JsonToken.VALUE_STRING) {
      throw reading.invalid("The value of \"" + tag + "\" is a string.");
    }
    String value = parser.getText();
    endObject(parser, reading);
    if (tag.equals("bytes")) {
      return bytes(value, reading);
    }
    if (tag.equals("float")) {
      return nonFinite(value, reading);
    }
    return open(value, reading);
  }

  private static void endObject(JsonParser parser, TupleReading reading) throws IOException {
    if (parser.nextToken() != JsonToken.END_OBJECT) {
      throw reading.invalid("An object has one member.");
    }
  }

  private static Template.Slot predicate(JsonParser parser, TupleReading reading)
      throws IOException {
    reading.enterPredicate();
    if (parser.nextToken() != JsonToken.VALUE_STRING) {
      throw reading.invalid("A predicate is [OPERATOR, VALUE], and the operator is a string.");
    }
    Template.Operator operator = reading.operator(parser.getText());
    JsonToken token = parser.nextToken();
    if (token == JsonToken.END_ARRAY) {
      throw reading.invalid("The predicate has no value to compare with.");
    }
    Object operand = element(parser, token, reading);
    if (parser.nextToken() != JsonToken.END_ARRAY) {
      throw reading.invalid("A predicate has one value to compare with.");
    }
    return reading.leavePredicate(operator, operand);
  }

  private static Field bytes(String base64, TupleReading reading) {
    try {
      return new Field.Bytes(Base64.getDecoder().decode(base64));
    } catch (IllegalArgumentException e) {
      throw reading.invalid("The bytes are not Base64.", e);
    }
  }

  private static Field nonFinite(String value, TupleReading reading) {
    return switch (value) {
      case "NaN" -> new Field.Float64(Double.NaN);
      case "Infinity" -> new Field.Float64(Double.POSITIVE_INFINITY);
      case "-Infinity" -> new Field.Float64(Double.NEGATIVE_INFINITY);
      default -> throw reading.invalid("\"float\" is for NaN, Infinity and -Infinity.");
    };
  }

  private static Template.Slot open(String value, TupleReading reading) {
    try {
      return value.equals("any") ? Template.ANY : new Template.Typed(FieldType.ofText(value));
    } catch (VudoException e) {
      throw reading.at(e);
    }
  }
}
