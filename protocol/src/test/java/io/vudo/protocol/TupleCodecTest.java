package io.vudo.protocol;

import static io.vudo.protocol.TupleTest.refused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TupleCodecTest {
  private static final Set<ErrorCode> CODES =
      EnumSet.of(
          ErrorCode.TUPLE_INVALID,
          ErrorCode.TUPLE_TOO_LARGE,
          ErrorCode.TUPLE_ARITY,
          ErrorCode.TUPLE_TOO_DEEP,
          ErrorCode.TEMPLATE_INVALID,
          ErrorCode.PREDICATE_INVALID);

  /** The format on the wire and on disk: a change of any of these breaks what is stored. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[null]|91c0",
        "[true,false]|92c3c2",
        "[0,127,-32]|93007fe0",
        "[128,-33,256,-129]|94cc80d0dfcd0100d1ff7f",
        "[65536,-32769,4294967296,-2147483649]"
            + "|94ce00010000d2ffff7fffcf0000000100000000d3ffffffff7fffffff",
        "[9223372036854775807,-9223372036854775808]|92cf7fffffffffffffffd38000000000000000",
        "[1.0,-0.0]|92cb3ff0000000000000cb8000000000000000",
        "[{\"float\":\"NaN\"}]|91cb7ff8000000000000",
        "[\"job\",\"é\"]|92a36a6f62a2c3a9",
        "[{\"bytes\":\"3q2+7w==\"}]|91c404deadbeef",
        "[[1],[\"a\",[2]]]|92910192a1619102",
      })
  void tuplesHaveOneEncoding(String json, String hex) {
    Tuple tuple = TupleJson.readTuple(json);

    assertEquals(hex, HexFormat.of().formatHex(TupleCodec.encode(tuple)));
    assertEquals(tuple, TupleCodec.decodeTuple(HexFormat.of().parseHex(hex)));
    assertEquals(json, TupleJson.write(tuple));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[\"job\",{\"?\":\"any\"}]|92a36a6f62c70000",
        "[{\"?\":\"null\"},{\"?\":\"bool\"}]|92d40100d40101",
        "[{\"?\":\"int\"},{\"?\":\"float\"}]|92d40102d40103",
        "[{\"?\":\"string\"},{\"?\":\"bytes\"},{\"?\":\"tuple\"}]|93d40104d40105d40106",
        "[1,[{\"?\":\"any\"}]]|920191c70000",
        "[1,[2]]|92019102",
        "[{\"?\":[\">\",10]}]|91d60292a13e0a",
        "[{\"?\":[\"<\",true]},{\"?\":[\">=\",300]}]|92d60292a13cc3c7070292a23e3dcd012c",
        "[{\"?\":[\"!=\",null]}]|91c7050292a2213dc0",
        "[{\"?\":[\"in\",[1,2]]}]|91c7070292a2696e920102",
        "[{\"?\":[\"startsWith\",\"abcd\"]}]|91c7110292aa73746172747357697468a461626364",
        "[[{\"?\":[\"<=\",1]}],{\"?\":\"any\"}]|9291c7050292a23c3d01c70000",
      })
  void templatesHaveOneEncoding(String json, String hex) {
    Template template = TupleJson.readTemplate(json);

    assertEquals(hex, HexFormat.of().formatHex(TupleCodec.encode(template)));
    assertEquals(template, TupleCodec.decodeTemplate(HexFormat.of().parseHex(hex)));
    assertEquals(json, TupleJson.write(template));
  }

  @ParameterizedTest
  @CsvSource({
    "91d30000000000000001, 9101", // an int in eight bytes
    "91ca3fc00000, 91cb3ff8000000000000", // a float in four
    "91ca7fc00001, 91cb7ff8000000000000", // another NaN
    "dc000101, 9101", // the array's length in two bytes
    "dd0000000101, 9101", // in four
    "91d90161, 91a161", // the string's in one
  })
  void longerFormsAreAcceptedAndShortened(String given, String canonical) {
    Tuple tuple = TupleCodec.decodeTuple(HexFormat.of().parseHex(given));

    assertEquals(canonical, HexFormat.of().formatHex(TupleCodec.encode(tuple)));
  }

  @ParameterizedTest
  @CsvSource({
    "'', TUPLE_INVALID, ''", // nothing
    "01, TUPLE_INVALID, ''", // no array
    "90, TUPLE_ARITY, ''",
    "dc03e9, TUPLE_ARITY, ''", // 1,001
    "ddffffffff, TUPLE_INVALID, ''", // a length beyond an int
    "dd7fffffff, TUPLE_ARITY, ''", // a length that lies
    "9102ff, TUPLE_INVALID, ''", // bytes after the end
    "9301, TUPLE_INVALID, 'Field 1: '", // truncated
    "920190, TUPLE_ARITY, 'Field 1: '",
    "9191dd7fffffff, TUPLE_ARITY, 'Field 0.0: '",
    "9180, TUPLE_INVALID, 'Field 0: '", // a map
    "91c1, TUPLE_INVALID, 'Field 0: '", // the byte that is never used
    "91cf8000000000000000, TUPLE_INVALID, 'Field 0: '", // 2^63
    "91a1ff, TUPLE_INVALID, 'Field 0: '", // no UTF-8
    "91a2c080, TUPLE_INVALID, 'Field 0: '", // an overlong NUL
    "91a3eda080, TUPLE_INVALID, 'Field 0: '", // a surrogate
    "91dbffffffff, TUPLE_INVALID, 'Field 0: '", // a string of 4 GiB
    "91db7fffffff61, TUPLE_INVALID, 'Field 0: '",
    "91c67fffffff61, TUPLE_INVALID, 'Field 0: '",
    "92c0c97fffffff00, TUPLE_INVALID, 'Field 1: '", // an extension of 2 GiB
    "91c70000, TUPLE_INVALID, 'Field 0: '", // an open field
    "91d6ff00000000, TUPLE_INVALID, 'Field 0: '", // a timestamp
    "91d60292a13e0a, TUPLE_INVALID, 'Field 0: '", // a predicate
  })
  void whatIsNoTuple(String hex, ErrorCode code, String position) {
    VudoException e = refused(code, () -> TupleCodec.decodeTuple(HexFormat.of().parseHex(hex)));
    assertTrue(e.detail().startsWith(position), e.detail());
  }

  @ParameterizedTest
  @CsvSource({
    "01, TEMPLATE_INVALID, ''",
    "90, TUPLE_ARITY, ''",
    "9101ff, TEMPLATE_INVALID, ''",
    "91d40107, TEMPLATE_INVALID, 'Field 0: '", // no such type
    "91d401ff, TEMPLATE_INVALID, 'Field 0: '",
    "91d5010101, TEMPLATE_INVALID, 'Field 0: '", // two bytes for a type
    "91d40000, TEMPLATE_INVALID, 'Field 0: '", // a payload for any
    "92d60292a13e0ad40107, TEMPLATE_INVALID, 'Field 1: '", // wrong after a predicate
    "92d60292a13e0a90, TUPLE_ARITY, 'Field 1: '",
    "91c7080292a13d9391900102, TUPLE_ARITY, 'Field 0.1.0.0: '", // within an operand
    "9201d40200, PREDICATE_INVALID, 'Field 1.0: '", // no array
    "91c70002, PREDICATE_INVALID, 'Field 0.0: '", // no payload
    "91d40290, PREDICATE_INVALID, 'Field 0.0: '", // no parts
    "91c7030291a13e, PREDICATE_INVALID, 'Field 0.0: '", // one
    "91c7050293a13e0a0a, PREDICATE_INVALID, 'Field 0.0: '", // three
    "91c70602dd7fffffff0a, PREDICATE_INVALID, 'Field 0.0: '", // 2^31 - 1
    "91c70602ddffffffff0a, PREDICATE_INVALID, 'Field 0.0: '", // 2^32 - 1
    "91c70302920a0a, PREDICATE_INVALID, 'Field 0.0: '", // the operator is an int
    "91d60292a17e0a, PREDICATE_INVALID, 'Field 0.0: There is no operator'",
    "91d60292a1ff0a, PREDICATE_INVALID, 'Field 0.0: '", // no UTF-8
    "91d60292d9ff0a, PREDICATE_INVALID, 'Field 0.0: '", // an operator of 255 bytes
    "91d60292db7fffffff, PREDICATE_INVALID, 'Field 0.0: '",
    "91d60292a13ec0, PREDICATE_INVALID, 'Field 0.1: '", // > null
    "91c7050292a2696e01, PREDICATE_INVALID, 'Field 0.1: '", // in 1
    "91c7050292a2696e90, PREDICATE_INVALID, 'Field 0.1: '", // in nothing
    "91c7090292a2696edd7fffffff, PREDICATE_INVALID, 'Field 0.1: '",
    "91c7060292a13ec70000, PREDICATE_INVALID, 'Field 0.1: '", // > any
    "91c7090292a13dd60292a13e0a, PREDICATE_INVALID, 'Field 0.1: '", // = (> 10)
    "91c7080292a2696e92d40102, PREDICATE_INVALID, 'Field 0.1.0: '", // in (any int, ...)
    "91d60292a13e80, PREDICATE_INVALID, 'Field 0.1: '", // a map
    "91d60292a13ec1, PREDICATE_INVALID, 'Field 0.1: '", // the byte that is never used
    "91d60292a13e, PREDICATE_INVALID, 'Field 0'", // truncated
    "91c7030292a13e0a, PREDICATE_INVALID, 'Field 0.1: The predicate ends at'", // too short
    "92c7050292a13e0a0a, PREDICATE_INVALID, 'Field 0.1: The predicate ends at'", // too long
    "91c8ffff0292a13e0a, PREDICATE_INVALID, 'Field 0.0: A length of 65535'",
    "91c97fffffff0292a13e0a, PREDICATE_INVALID, 'Field 0.0: A length of'",
    "92d60292a13ea161, PREDICATE_INVALID, 'Field 0.1: A length of 1'", // a string beyond its end
    "91d40300, TEMPLATE_INVALID, 'Field 0: '",
    "9180, TEMPLATE_INVALID, 'Field 0: '",
    "91a1ff, TEMPLATE_INVALID, 'Field 0: '",
  })
  void whatIsNoTemplate(String hex, ErrorCode code, String position) {
    VudoException e = refused(code, () -> TupleCodec.decodeTemplate(HexFormat.of().parseHex(hex)));
    assertTrue(e.detail().startsWith(position), e.detail());
  }

  @ParameterizedTest
  @CsvSource({
    "91c7040292a13e0a, 91d60292a13e0a", // the extension's length in a byte
    "91c8000402dc0002a13e0a, ''", // cut short
    "91c8000702dc0002d9013e0a, 91d60292a13e0a", // every length longer than needed
    "91c9000000080292a13ed20000000a, 91d60292a13e0a",
    "91d60292a13d0a, 910a", // = 10
    "91c7060292a2696e910a, 910a", // in (10)
  })
  void longerFormsOfPredicatesAreAcceptedAndShortened(String given, String canonical) {
    byte[] bytes = HexFormat.of().parseHex(given);
    if (canonical.isEmpty()) {
      refused(ErrorCode.PREDICATE_INVALID, () -> TupleCodec.decodeTemplate(bytes));
      return;
    }
    Template template = TupleCodec.decodeTemplate(bytes);

    assertEquals(canonical, HexFormat.of().formatHex(TupleCodec.encode(template)));
    assertEquals(canonical.length() / 2, template.encodedBytes());
  }

  @Test
  void thePayloadOfAPredicateIsALevel() {
    Tuple tuple = Tuple.of(1);
    while (tuple.levels() < Tuple.MAX_LEVELS - 2) {
      tuple = Tuple.of(tuple);
    }
    Tuple deepest = tuple;
    Template template = Template.of(Template.where("!=", deepest));

    assertEquals(template, TupleCodec.decodeTemplate(TupleCodec.encode(template)));
    assertEquals(template, TupleJson.readTemplate(TupleJson.write(template)));
    refused(ErrorCode.TUPLE_TOO_DEEP, () -> Template.of(Template.where("!=", Tuple.of(deepest))));
    refused(ErrorCode.TUPLE_TOO_DEEP, () -> Template.of(template));

    byte[] encoded = TupleCodec.encode(template);
    byte[] deeper = new byte[encoded.length + 1];
    deeper[0] = (byte) 0x91;
    System.arraycopy(encoded, 0, deeper, 1, encoded.length);
    VudoException e = refused(ErrorCode.TUPLE_TOO_DEEP, () -> TupleCodec.decodeTemplate(deeper));
    assertTrue(e.detail().startsWith("Field 0.0.1.0.0"), e.detail());
    refused(
        ErrorCode.TUPLE_TOO_DEEP,
        () -> TupleJson.readTemplate("[" + TupleJson.write(template) + "]"));
    refused(
        ErrorCode.TUPLE_TOO_DEEP,
        () -> TupleJson.readTemplate("[{\"?\":[\"=\",".concat("[".repeat(1_000_000))));
  }

  @Test
  void everySizeOfAPredicateIsCounted() {
    for (int length : new int[] {0, 1, 4, 5, 12, 13, 248, 249, 250, 251, 252, 65_526, 65_536}) {
      for (String operator : new String[] {"<", ">=", "startsWith"}) {
        Template template = Template.of(Template.where(operator, new byte[length]));
        byte[] bytes = TupleCodec.encode(template);
        assertEquals(bytes.length, template.encodedBytes(), operator + " " + length);
        assertEquals(template, TupleCodec.decodeTemplate(bytes));
      }
    }
    byte[] most = new byte[Tuple.MAX_BYTES - 15];
    assertEquals(Tuple.MAX_BYTES, Template.of(Template.where("<", most)).encodedBytes());
    refused(
        ErrorCode.TUPLE_TOO_LARGE,
        () -> Template.of(Template.where("<", new byte[most.length + 1])));
  }

  @Test
  void aBombOfDepthIsDisarmed() {
    byte[] bomb = new byte[Tuple.MAX_BYTES];
    Arrays.fill(bomb, (byte) 0x91);
    VudoException e = refused(ErrorCode.TUPLE_TOO_DEEP, () -> TupleCodec.decodeTuple(bomb));
    assertTrue(e.detail().startsWith("Field 0.0.0.0.0"), e.detail());
    refused(ErrorCode.TUPLE_TOO_DEEP, () -> TupleCodec.decodeTemplate(bomb));
    refused(ErrorCode.TUPLE_TOO_DEEP, () -> TupleJson.readTuple("[".repeat(1_000_000)));
    refused(ErrorCode.TUPLE_TOO_DEEP, () -> TupleJson.readTemplate("[".repeat(1_000_000)));
  }

  @Test
  void tooManyBytesAreRefusedUnread() {
    refused(ErrorCode.TUPLE_TOO_LARGE, () -> TupleCodec.decodeTuple(new byte[Tuple.MAX_BYTES + 1]));
    // 1,000 * 131 * 9 bytes when the floats are widened, from 1,000 * 131 * 5.
    ByteArrayOutputStream floats = new ByteArrayOutputStream();
    floats.writeBytes(HexFormat.of().parseHex("dc03e8"));
    for (int i = 0; i < 1_000; i++) {
      floats.writeBytes(HexFormat.of().parseHex("dc0083"));
      for (int j = 0; j < 131; j++) {
        floats.writeBytes(HexFormat.of().parseHex("ca3fc00000"));
      }
    }
    refused(ErrorCode.TUPLE_TOO_LARGE, () -> TupleCodec.decodeTuple(floats.toByteArray()));
  }

  @Test
  void roundTripsAndSizes() {
    long seed = System.nanoTime();
    RandomTuples random = new RandomTuples(seed);
    for (int i = 0; i < 3_000; i++) {
      Tuple tuple = random.tuple();
      byte[] bytes = TupleCodec.encode(tuple);
      assertEquals(bytes.length, tuple.encodedBytes(), () -> "seed " + seed + ": " + tuple);
      assertEquals(tuple, TupleCodec.decodeTuple(bytes), () -> "seed " + seed);
      assertEquals(
          tuple.hashCode(), TupleCodec.decodeTuple(bytes).hashCode(), () -> "seed " + seed);
      assertArrayEquals(bytes, TupleCodec.encode(TupleCodec.decodeTuple(bytes)));
      assertEquals(tuple, TupleJson.readTuple(TupleJson.write(tuple)), () -> "seed " + seed);

      Template template = random.template();
      byte[] templateBytes = TupleCodec.encode(template);
      assertEquals(
          templateBytes.length, template.encodedBytes(), () -> "seed " + seed + ": " + template);
      assertEquals(template, TupleCodec.decodeTemplate(templateBytes), () -> "seed " + seed);
      assertEquals(
          template, TupleJson.readTemplate(TupleJson.write(template)), () -> "seed " + seed);
    }
  }

  @Test
  void equalTuplesAndOnlyTheseHaveEqualEncodings() {
    long seed = System.nanoTime();
    RandomTuples random = new RandomTuples(seed);
    for (int i = 0; i < 3_000; i++) {
      Tuple one = random.tuple();
      Tuple other = random.tuple();
      assertEquals(
          one.equals(other),
          Arrays.equals(TupleCodec.encode(one), TupleCodec.encode(other)),
          () -> "seed " + seed + ": " + one + " " + other);
    }
  }

  @Test
  void hostileBytesGiveTypedErrorsOnly() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    RandomTuples tuples = new RandomTuples(seed);
    for (int i = 0; i < 30_000; i++) {
      byte[] bytes;
      switch (i % 5) {
        case 0 -> {
          bytes = new byte[random.nextInt(64)];
          random.nextBytes(bytes);
        }
        case 1 -> {
          byte[] whole = TupleCodec.encode(tuples.template());
          bytes = Arrays.copyOf(whole, random.nextInt(whole.length));
        }
        case 2 -> {
          bytes = TupleCodec.encode(tuples.template());
          for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
            bytes[random.nextInt(Math.min(bytes.length, 32))] = (byte) random.nextInt(256);
          }
        }
        case 3 -> {
          // A predicate whose inside is hostile.
          bytes = new byte[4 + random.nextInt(16)];
          random.nextBytes(bytes);
          String[] starts = {
            "91c7%02x02", "91c7%02x0292", "91c7%02x0292a13e", "91c7%02x0292a2696e"
          };
          String start = starts[random.nextInt(starts.length)];
          int declared = Math.max(0, bytes.length - 4 + random.nextInt(3) - 1);
          byte[] head = HexFormat.of().parseHex(start.formatted(declared));
          System.arraycopy(head, 0, bytes, 0, Math.min(head.length, bytes.length));
        }
        default -> {
          // An array of one field whose header is hostile: every kind with every length.
          bytes = new byte[2 + random.nextInt(12)];
          random.nextBytes(bytes);
          bytes[0] = (byte) 0x91;
          bytes[1] = (byte) (0xC0 + random.nextInt(0x20));
        }
      }
      typedErrorsOnly(() -> TupleCodec.decodeTuple(bytes), seed, bytes);
      typedErrorsOnly(() -> TupleCodec.decodeTemplate(bytes), seed, bytes);
      String text = new String(bytes, StandardCharsets.ISO_8859_1);
      typedErrorsOnly(() -> TupleJson.readTuple(text), seed, bytes);
      typedErrorsOnly(() -> TupleJson.readTemplate(text), seed, bytes);
    }
  }

  private static void typedErrorsOnly(Runnable decode, long seed, byte[] bytes) {
    try {
      decode.run();
    } catch (VudoException e) {
      assertTrue(CODES.contains(e.code()), () -> e + " for seed " + seed);
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
      fail("seed " + seed + ": " + HexFormat.of().formatHex(bytes), e);
    }
  }

  @Test
  void whatDecodesAsATupleIsTheSameAsATemplate() {
    RandomTuples random = new RandomTuples(7);
    for (int i = 0; i < 200; i++) {
      Tuple tuple = random.tuple();
      assertEquals(Template.exactly(tuple), TupleCodec.decodeTemplate(TupleCodec.encode(tuple)));
    }
  }

  @Test
  void errorsAreNotOfTheLibrary() {
    VudoException e =
        assertThrows(VudoException.class, () -> TupleCodec.decodeTuple(new byte[] {(byte) 0x92}));
    assertEquals(ErrorCode.TUPLE_INVALID, e.code());
  }
}
