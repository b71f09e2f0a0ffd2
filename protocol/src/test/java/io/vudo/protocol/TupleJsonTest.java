package io.vudo.protocol;

import static io.vudo.protocol.TupleTest.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TupleJsonTest {
  @Test
  void readsWhatPeopleWrite() {
    assertEquals(
        Tuple.of("job", 7, 2.5, 1e3, true, null, new byte[] {1}, Tuple.of("x", -0.0)),
        TupleJson.readTuple(
            " [\"job\", 7, 2.5, 1e3, true, null, {\"bytes\": \"AQ==\"}, [\"x\", -0.0]] "));
    assertEquals(
        Template.of("job", 7, FieldType.STRING, Template.ANY, Template.of(FieldType.INT)),
        TupleJson.readTemplate(
            "[\"job\", 7, {\"?\": \"string\"}, {\"?\": \"any\"}, [{\"?\": \"int\"}]]"));
    assertEquals(
        Tuple.of(Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY),
        TupleJson.readTuple(
            "[{\"float\":\"NaN\"},{\"float\":\"Infinity\"},{\"float\":\"-Infinity\"}]"));
  }

  @Test
  void readsAPartOfALargerDocument() throws JsonProcessingException {
    String body = "{\"tuple\": [\"job\", 1, 1.0], \"template\": [{\"?\": \"any\"}], \"no\": 3}";
    var document = new ObjectMapper().readTree(body);

    assertEquals(Tuple.of("job", 1, 1.0), TupleJson.readTuple(document.get("tuple")));
    assertEquals(Template.of(Template.ANY), TupleJson.readTemplate(document.get("template")));
    refused(ErrorCode.TUPLE_INVALID, () -> TupleJson.readTuple(document.get("no")));
    refused(ErrorCode.TEMPLATE_INVALID, () -> TupleJson.readTemplate(document.get("no")));
    refused(ErrorCode.TUPLE_INVALID, () -> TupleJson.readTuple(document));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''|TUPLE_INVALID|''",
        "7|TUPLE_INVALID|''",
        "nonsense|TUPLE_INVALID|''",
        "[]|TUPLE_ARITY|''",
        "[1] 2|TUPLE_INVALID|''",
        "[1|TUPLE_INVALID|'Field 1: '",
        "[1,[2,[]]]|TUPLE_ARITY|'Field 1.1: '",
        "[9223372036854775808]|TUPLE_INVALID|'Field 0: '",
        "[1e999]|TUPLE_INVALID|'Field 0: '",
        "[NaN]|TUPLE_INVALID|'Field 0: '",
        "[{}]|TUPLE_INVALID|'Field 0: '",
        "[{\"x\":1}]|TUPLE_INVALID|'Field 0: '",
        "[{\"?\":\"any\"}]|TUPLE_INVALID|'Field 0: '",
        "[{\"bytes\":\"!\"}]|TUPLE_INVALID|'Field 0: '",
        "[{\"bytes\":1}]|TUPLE_INVALID|'Field 0: '",
        "[{\"bytes\":\"\",\"x\":1}]|TUPLE_INVALID|'Field 0: '",
        "[{\"float\":\"1\"}]|TUPLE_INVALID|'Field 0: '",
        "[\"\\ud800\"]|TUPLE_INVALID|'Field 0: '",
      })
  void whatIsNoTuple(String json, ErrorCode code, String position) {
    VudoException e = refused(code, () -> TupleJson.readTuple(json));
    assertTrue(e.detail().startsWith(position), e.detail());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[{\"?\":\"integer\"}]|Field 0: There is no field type",
        "[{\"?\":7}]|Field 0: ",
        "[{\"?\":\"any\",\"?\":\"int\"}]|Field 0: ",
        "{\"?\":\"any\"}|The text is not a JSON array.",
      })
  void whatIsNoTemplate(String json, String detail) {
    VudoException e = refused(ErrorCode.TEMPLATE_INVALID, () -> TupleJson.readTemplate(json));
    assertTrue(e.detail().startsWith(detail), e.detail());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[\"job\",{\"?\":[\">\",10]}]",
        "[{\"?\":[\"!=\",null]},{\"?\":[\"<\",2.5]},{\"?\":[\"<=\",\"é\"]}]",
        "[{\"?\":[\">=\",true]},{\"?\":[\"!=\",[1,[2]]]}]",
        "[{\"?\":[\"in\",[1,\"x\",null,[2],{\"bytes\":\"AQ==\"}]]}]",
        "[{\"?\":[\"startsWith\",\"ab\"]},{\"?\":[\"startsWith\",{\"bytes\":\"3q2+7w==\"}]}]",
        "[{\"?\":[\"<\",{\"float\":\"Infinity\"}]},{\"?\":[\"!=\",{\"float\":\"NaN\"}]}]",
        "[[{\"?\":[\">\",1]},[{\"?\":\"any\"},{\"?\":[\"in\",[1,2]]}]],7]",
      })
  void predicates(String json) {
    Template template = TupleJson.readTemplate(json);

    assertEquals(json, TupleJson.write(template));
    assertEquals(template, TupleCodec.decodeTemplate(TupleCodec.encode(template)));
    VudoException e = refused(ErrorCode.TUPLE_INVALID, () -> TupleJson.readTuple(json));
    assertTrue(e.detail().contains("An open field belongs in a template"), e.detail());
  }

  @Test
  void whatOnlyOneValueMatchesIsWrittenAsThatValue() {
    assertEquals(
        "[\"job\",1,[2,3]]",
        TupleJson.write(
            TupleJson.readTemplate(
                "[{\"?\":[\"=\",\"job\"]},{\"?\":[\"in\",[1]]},[{\"?\":[\"=\",2]},3]]")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[1,{\"?\":[\"~\",10]}]|Field 1.0: There is no operator \"~\"; there are =, !=, <, <=, >, >=,",
        "[1,{\"?\":[\"IN\",[10]]}]|Field 1.0: There is no operator",
        "[{\"?\":[]}]|Field 0.0: A predicate is [OPERATOR, VALUE]",
        "[{\"?\":[7,\">\"]}]|Field 0.0: A predicate is [OPERATOR, VALUE]",
        "[{\"?\":[\">\"]}]|Field 0.1: The predicate has no value",
        "[{\"?\":[\">\",1,2]}]|Field 0.1: A predicate has one value",
        "[{\"?\":[\">\",1|Field 0.1: ",
        "[{\"?\":[\">\"|Field 0.1: ",
        "[{\"?\":[|Field 0.0: ",
        "[{\"?\":[\">\",null]}]|Field 0.1: \">\" takes a bool, int, float, string or bytes, got null.",
        "[{\"?\":[\"<=\",[1]]}]|Field 0.1: \"<=\" takes a bool",
        "[{\"?\":[\"in\",1]}]|Field 0.1: \"in\" takes a tuple of the values, got int.",
        "[{\"?\":[\"in\",[]]}]|Field 0.1: A tuple as operand has 1 to 1,000 values, got 0.",
        "[{\"?\":[\"startsWith\",1]}]|Field 0.1: \"startsWith\" takes a string or bytes, got int.",
        "[{\"?\":[\"=\",{\"?\":\"any\"}]}]|Field 0.1: A predicate compares with values",
        "[{\"?\":[\"=\",{\"?\":[\"=\",1]}]}]|Field 0.1: A predicate compares with values",
        "[{\"?\":[\"in\",[1,[{\"?\":\"int\"}]]]}]|Field 0.1.1.0: A predicate compares with values",
        "[{\"?\":[\"=\",{\"x\":1}]}]|Field 0.1: An object is",
        "[{\"?\":[\"=\",{\"bytes\":\"!\"}]}]|Field 0.1: The bytes are not Base64.",
        "[{\"?\":[\"=\",\"\\ud800\"]}]|Field 0.1: The string has an unpaired surrogate",
      })
  void whatIsNoPredicate(String json, String detail) {
    VudoException e = refused(ErrorCode.PREDICATE_INVALID, () -> TupleJson.readTemplate(json));
    assertTrue(e.detail().startsWith(detail), e.detail());
  }

  @Test
  void whatFollowsAPredicateIsOfTheTemplate() {
    refused(
        ErrorCode.TEMPLATE_INVALID,
        () -> TupleJson.readTemplate("[{\"?\":[\">\",1],\"?\":\"any\"}]"));
    refused(
        ErrorCode.TEMPLATE_INVALID, () -> TupleJson.readTemplate("[{\"?\":[\">\",1]},{\"?\":7}]"));
    refused(ErrorCode.TUPLE_ARITY, () -> TupleJson.readTemplate("[{\"?\":[\">\",1]},[]]"));
  }

  @Test
  void tooLongATextIsRefusedUnread() {
    String blanks = " ".repeat(8 * Tuple.MAX_BYTES) + "[1]";
    refused(ErrorCode.TUPLE_TOO_LARGE, () -> TupleJson.readTuple(blanks));
    String large = "[\"" + "x".repeat(Tuple.MAX_BYTES) + "\"]";
    refused(ErrorCode.TUPLE_TOO_LARGE, () -> TupleJson.readTuple(large));
    refused(ErrorCode.TUPLE_ARITY, () -> TupleJson.readTuple("[" + "0,".repeat(1_000) + "0]"));
  }

  @Test
  void mutatedJsonGivesTypedErrorsOnly() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    RandomTuples tuples = new RandomTuples(seed);
    String alphabet = "[]{}\",:?\\0e.-tn\u0000\uD800";
    for (int i = 0; i < 10_000; i++) {
      StringBuilder json = new StringBuilder(TupleJson.write(tuples.template()));
      for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
        json.setCharAt(
            random.nextInt(Math.min(json.length(), 60)),
            alphabet.charAt(random.nextInt(alphabet.length())));
      }
      try {
        TupleJson.readTemplate(json.toString());
      } catch (VudoException e) {
        assertTrue(!e.detail().isEmpty());
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed + ": " + json, e);
      }
    }
  }
}
