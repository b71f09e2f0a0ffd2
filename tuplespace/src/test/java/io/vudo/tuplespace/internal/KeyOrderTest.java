package io.vudo.tuplespace.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vudo.protocol.Field;
import io.vudo.protocol.Tuple;
import java.lang.reflect.ParameterizedType;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class KeyOrderTest {
  private static Field field(Random random, int levels) {
    return switch (random.nextInt(levels > 0 ? 7 : 6)) {
      case 0 -> Field.of(null);
      case 1 -> Field.of(random.nextBoolean());
      case 2 -> Field.of(random.nextInt(4) - 2);
      case 3 -> Field.of(List.of(0.0, -0.0, 1.0, Double.NaN).get(random.nextInt(4)));
      case 4 -> Field.of(List.of("", "Aa", "BB", "AaAa", "AaBB").get(random.nextInt(5)));
      case 5 -> Field.of(new byte[] {(byte) random.nextInt(2), (byte) random.nextInt(2)});
      default -> {
        List<Field> fields = new ArrayList<>();
        for (int i = 0; i <= random.nextInt(3); i++) {
          fields.add(field(random, levels - 1));
        }
        yield new Tuple(fields);
      }
    };
  }

  @Test
  void isATotalOrderThatAgreesWithEquality() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    List<Field> fields = new ArrayList<>();
    for (int i = 0; i < 120; i++) {
      fields.add(field(random, 2));
    }
    for (Field a : fields) {
      for (Field b : fields) {
        String what = "seed " + seed + ": " + a + ", " + b;
        int order = KeyOrder.compare(a, b);
        assertEquals(a.equals(b), order == 0, what);
        assertEquals(-Integer.signum(order), Integer.signum(KeyOrder.compare(b, a)), what);
        for (Field c : fields) {
          if (order <= 0 && KeyOrder.compare(b, c) <= 0) {
            assertEquals(true, KeyOrder.compare(a, c) <= 0, what + ", " + c);
          }
        }
      }
    }
  }

  /**
   * {@link java.util.HashMap} uses the order of a key only if its class is comparable to itself.
   */
  @Test
  void theTableOfAnIndexUsesTheOrder() throws Exception {
    Class<?> key = Class.forName(FieldIndex.class.getName() + "$Bucket");
    ParameterizedType order = (ParameterizedType) key.getGenericInterfaces()[0];
    assertEquals(Comparable.class, order.getRawType());
    assertEquals(key, order.getActualTypeArguments()[0]);
  }
}
