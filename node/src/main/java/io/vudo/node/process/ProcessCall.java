package io.vudo.node.process;

import com.fasterxml.jackson.databind.JsonNode;
import io.vudo.protocol.ProcessException;
import io.vudo.protocol.ProcessName;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A call of something that is registered under a name. A {@link ProcessHandler} gets it; a function
 * of a {@link io.vudo.embedded.Loa} does when it has a parameter of this type, which is none of the
 * caller's arguments then.
 *
 * @param name as the caller wrote it, aliases resolved
 * @param item in a group the part between group and function: {@code user} of {@code
 *     models.user.Find}; empty otherwise
 * @param args what the caller passed
 * @param caller TYPE/ID of the Spirit that calls; empty for a caller outside
 * @param id names the call: a repetition after a crash, or after a caller has lost the answer, has
 *     the same. Empty when the caller gave none; then it is not repeated
 * @param deadline when nobody waits for the answer any more
 */
public record ProcessCall(
    ProcessName name,
    String item,
    List<JsonNode> args,
    Optional<String> caller,
    String id,
    Instant deadline) {
  private static final int BAD_REQUEST = 400;

  /** What is called, as the caller wrote it. */
  public String function() {
    return name.function();
  }

  /**
   * One argument as a Java value.
   *
   * @param index from 0
   * @throws ProcessException 400 when there is none, or when it is none of this type
   */
  @SuppressWarnings("unchecked") // Not Class.cast, which knows no int.
  public <T> T arg(int index, Class<T> type) {
    if (index >= args.size()) {
      throw new ProcessException(
          BAD_REQUEST, name + " takes more than " + args.size() + " arguments");
    }
    return (T) Arguments.convert(name, index, args.get(index), type);
  }
}
