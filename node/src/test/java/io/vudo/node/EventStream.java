package io.vudo.node;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A stream of server-sent events as a test reads it. */
final class EventStream implements AutoCloseable {
  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private final InputStream body;
  private final Iterator<String> lines;

  private EventStream(HttpResponse<InputStream> response) {
    assertEquals("text/event-stream", response.headers().firstValue("Content-Type").orElse(""));
    body = response.body();
    lines =
        new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8)).lines().iterator();
  }

  /** Sends a request that is expected to be answered by a stream. */
  static EventStream open(HttpRequest.Builder request) {
    try {
      HttpResponse<InputStream> response = HTTP.send(request.build(), BodyHandlers.ofInputStream());
      if (response.statusCode() != 200) {
        throw new IllegalStateException(
            new String(response.body().readAllBytes(), StandardCharsets.UTF_8));
      }
      return new EventStream(response);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The next event, as {@code added ["a",1]}. */
  String next() {
    return CompletableFuture.supplyAsync(this::read).orTimeout(1, TimeUnit.MINUTES).join();
  }

  private String read() {
    String event = "";
    while (lines.hasNext()) {
      String line = lines.next();
      if (line.startsWith("event: ")) {
        event = line.substring("event: ".length());
      } else if (line.startsWith("data: ")) {
        return event + " " + line.substring("data: ".length());
      }
    }
    return "end";
  }

  @Override
  public void close() {
    try {
      body.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
