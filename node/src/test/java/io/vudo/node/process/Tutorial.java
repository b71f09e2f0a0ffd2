package io.vudo.node.process;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.client.VudoClient;
import io.vudo.embedded.Loa;
import io.vudo.embedded.LoaFunction;
import io.vudo.embedded.LoaService;
import io.vudo.protocol.ProcessException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletionStage;

/** The Java of docs/process.md, word for word; {@link ProcessTest} runs it and compares. */
final class Tutorial {
  private Tutorial() {}

  record Line(String article, int pieces) {}

  record Price(long cents, boolean discount) {}

  @LoaService(name = "prices", version = "1.2.0")
  interface Prices {
    @LoaFunction
    Price of(Line line);
  }

  static ProcessRegistry prices(Map<String, Long> list) {
    Prices prices =
        line -> {
          Long cents = list.get(line.article());
          if (cents == null) {
            throw new ProcessException(404, "no price for " + line.article());
          }
          return new Price(cents * line.pieces(), line.pieces() >= 10);
        };
    return new ProcessRegistry()
        .register(Loa.of(prices))
        .register(
            Loa.named("texts", "1.0.0")
                .function(
                    "upper", String.class, String.class, text -> text.toUpperCase(Locale.ROOT))
                .build())
        .handle("shop.open", call -> true)
        .group("stock", call -> "How many of " + call.item() + "? " + call.function())
        .alias("shop.price", "prices.of");
  }

  static List<Object> everybodyElse(VudoClient client) {
    JsonNode price = client.process("prices.of", new Line("cup", 12));
    CompletionStage<JsonNode> later = client.processAsync("shop.price", new Line("cup", 1));
    Price typed =
        client
            .processes()
            .within(Duration.ofSeconds(20))
            .callAndWait("prices.of", Price.class, new Line("cup", 2));
    return List.of(price, later.toCompletableFuture().join(), typed);
  }
}
