package io.vudo.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CodecTest {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Named(String firstName, int[] marks) {}

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "null | c0",
        "true | c3",
        "7 | 07",
        "-1 | ff",
        "300 | cd012c",
        "2.5 | cb4004000000000000",
        "\"a\" | a161",
        "[1,[]] | 920190",
        "{\"k\":{}} | 81a16b80",
        "1099511627776 | cf0000010000000000",
        "18446744073709551615 | cfffffffffffffffff",
      })
  void messagePackIsWhatOthersWrite(String json, String hex) throws Exception {
    JsonNode tree = new JsonMapper().readTree(json);
    assertEquals(hex, HexFormat.of().formatHex(Codec.MESSAGE_PACK.encode(tree)));
    assertEquals(
        tree.toString(),
        Codec.MESSAGE_PACK.decode(HexFormat.of().parseHex(hex), JsonNode.class).toString());
  }

  @Test
  void whatOthersWriteLongerOrAsBytesIsReadToo() {
    assertEquals(7, Codec.MESSAGE_PACK.decode(hex("d30000000000000007"), int.class));
    assertEquals(1.5, Codec.MESSAGE_PACK.decode(hex("ca3fc00000"), double.class));
    assertEquals("a", Codec.MESSAGE_PACK.decode(hex("db0000000161"), String.class));
    assertArrayEquals(new byte[] {1, -1}, Codec.MESSAGE_PACK.decode(hex("c40201ff"), byte[].class));
    assertEquals(1L << 40, Codec.MESSAGE_PACK.decode(hex("cf0000010000000000"), Object.class));
    assertEquals(
        Map.of("7", 1), Codec.MESSAGE_PACK.decode(hex("810701"), Map.class), "an integer as a key");
  }

  @Test
  void treesComeBackAsTheyWent() {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("CodecTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    for (int i = 0; i < 500; i++) {
      JsonNode tree = tree(random, 4);
      JsonNode back = Codec.MESSAGE_PACK.decode(Codec.MESSAGE_PACK.encode(tree), JsonNode.class);
      assertTrue(tree.equals(back), "tree " + i);
    }
  }

  private static JsonNode tree(Random random, int depth) {
    return switch (random.nextInt(depth == 0 ? 6 : 8)) {
      case 0 -> NODES.nullNode();
      case 1 -> NODES.booleanNode(random.nextBoolean());
      case 2 -> {
        long large = (1L << 40) + (random.nextLong() >>> 20);
        yield random.nextBoolean()
            ? NODES.numberNode(random.nextInt() >> random.nextInt(32))
            : NODES.numberNode(random.nextBoolean() ? large : -large);
      }
      case 3 -> NODES.numberNode(random.nextGaussian() * 1e9);
      case 4 -> NODES.textNode("é€😀".repeat(random.nextInt(40)) + random.nextInt());
      case 5 -> {
        byte[] bytes = new byte[random.nextInt(300)];
        random.nextBytes(bytes);
        yield NODES.binaryNode(bytes);
      }
      case 6 -> {
        ArrayNode array = NODES.arrayNode();
        for (int i = random.nextInt(20); i > 0; i--) {
          array.add(tree(random, depth - 1));
        }
        yield array;
      }
      default -> {
        ObjectNode object = NODES.objectNode();
        for (int i = random.nextInt(20); i > 0; i--) {
          object.set("k" + i, tree(random, depth - 1));
        }
        yield object;
      }
    };
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", // nothing
        "cd01", // ends within
        "0707", // goes on
        "c1", // means nothing
        "dbffffffff61", // claims 4 GiB of text
        "db7fffffff61", // 2 GiB
        "c67fffffff61", // of bytes
        "dd7fffffff01", // of elements
        "df7fffffff0101", // of members
        "a2c328", // no UTF-8
        "d60000000000", // an extension
        "81c001", // null as a key
        "819001", // an array as a key
        "82a16b01a16b02", // a key twice
      })
  void whatIsNoMessagePackIsRefused(String hex) {
    VudoException refused =
        assertThrows(
            VudoException.class, () -> Codec.MESSAGE_PACK.decode(hex(hex), JsonNode.class));
    assertEquals(ErrorCode.REPLY_INVALID, refused.code());
  }

  @Test
  void nestingIsBounded() {
    byte[] deep = new byte[1_000_000];
    Arrays.fill(deep, (byte) 0x91);
    byte[] json = "[".repeat(1_000_000).getBytes(StandardCharsets.UTF_8);
    for (var one : List.of(Map.entry(Codec.MESSAGE_PACK, deep), Map.entry(Codec.JSON, json))) {
      VudoException refused =
          assertThrows(
              VudoException.class, () -> one.getKey().decode(one.getValue(), JsonNode.class));
      assertEquals(ErrorCode.REPLY_INVALID, refused.code());
    }
  }

  @Test
  void damagedBytesAreRefusedOrReadButNeverMore() {
    long seed = Long.getLong("vudo.test.seed", System.nanoTime());
    System.out.println("CodecTest: -Dvudo.test.seed=" + seed);
    Random random = new Random(seed);
    int refused = 0;
    for (int i = 0; i < 5_000; i++) {
      byte[] bytes = Codec.MESSAGE_PACK.encode(tree(random, 3));
      for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      try {
        Codec.MESSAGE_PACK.decode(bytes, JsonNode.class);
      } catch (VudoException e) {
        assertEquals(ErrorCode.REPLY_INVALID, e.code());
        refused++;
      }
    }
    assertTrue(refused > 0);
  }

  @Test
  void whatDoesNotFitIsRefused() {
    VudoException refused =
        assertThrows(
            VudoException.class, () -> Codec.MESSAGE_PACK.encode(BigInteger.ONE.shiftLeft(64)));
    assertEquals(ErrorCode.ARGUMENT_INVALID, refused.code());
    assertEquals(
        ErrorCode.ARGUMENT_INVALID,
        assertThrows(VudoException.class, () -> Codec.JSON.encode(new Object())).code());
    BigDecimal cents = new BigDecimal("0.1");
    assertEquals(
        cents, Codec.MESSAGE_PACK.decode(Codec.MESSAGE_PACK.encode(cents), BigDecimal.class));
    assertEquals(
        ErrorCode.ARGUMENT_INVALID,
        assertThrows(
                VudoException.class,
                () -> Codec.MESSAGE_PACK.encode(new BigDecimal("0.10000000000000000001")))
            .code());
  }

  @Test
  void aMapperOfTheCallersDecides() {
    JsonMapper snake =
        JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();
    Named named = new Named("Ada", new int[] {1});
    assertEquals(
        "{\"first_name\":\"Ada\",\"marks\":[1]}",
        new String(Codec.json(snake).encode(named), StandardCharsets.UTF_8));
    Codec packed = Codec.messagePack(snake);
    assertEquals("Ada", packed.decode(packed.encode(named), Named.class).firstName());
    assertEquals(
        List.of("first_name", "marks"),
        Codec.MESSAGE_PACK.decode(packed.encode(named), Map.class).keySet().stream()
            .sorted()
            .toList());
    assertEquals("JSON MessagePack", Codec.json(snake) + " " + packed);
  }

  private static byte[] hex(String hex) {
    return HexFormat.of().parseHex(hex);
  }
}
