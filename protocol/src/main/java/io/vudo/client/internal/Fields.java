package io.vudo.client.internal;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Function;

/**
 * The members of an object that a node answered. One that is not there, or is something else, is
 * thrown as {@link NoSuchElementException}, which {@link Requests} takes for no answer of a node.
 */
public record Fields(JsonNode of) {
  private JsonNode required(String name, boolean fits) {
    if (!fits) {
      throw new NoSuchElementException(name);
    }
    return of.path(name);
  }

  /** A text. */
  public String text(String name) {
    return required(name, of.path(name).isTextual()).textValue();
  }

  /** A text, or null, or nothing. */
  public Optional<String> optionalText(String name) {
    return of.hasNonNull(name) ? Optional.of(text(name)) : Optional.empty();
  }

  /** A whole number. */
  public long number(String name) {
    return required(name, of.path(name).canConvertToLong()).longValue();
  }

  /** A whole number. */
  public int small(String name) {
    return required(name, of.path(name).canConvertToInt()).intValue();
  }

  /** A truth value. */
  public boolean flag(String name) {
    return required(name, of.path(name).isBoolean()).booleanValue();
  }

  /** A time. */
  public Instant time(String name) {
    try {
      return Instant.parse(text(name));
    } catch (DateTimeException e) {
      throw noAnswer(name, e);
    }
  }

  /** An object. */
  public Fields object(String name) {
    return new Fields(required(name, of.path(name).isObject()));
  }

  /** The elements of an array. */
  public <T> List<T> list(String name, Function<JsonNode, T> read) {
    List<T> list = new ArrayList<>();
    required(name, of.path(name).isArray()).forEach(element -> list.add(read.apply(element)));
    return List.copyOf(list);
  }

  /** What is there, and cannot be. */
  public static NoSuchElementException noAnswer(String name, RuntimeException why) {
    NoSuchElementException none = new NoSuchElementException(name);
    none.initCause(why);
    return none;
  }
}
