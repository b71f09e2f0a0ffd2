package io.vudo.node.process;

/**
 * Answers calls of a name, or of all names of a group; see {@link ProcessRegistry}. Called from
 * many threads at once.
 */
@FunctionalInterface
public interface ProcessHandler {
  /**
   * Answers a call. It may block: it has a thread of {@code vudo.process.threads} as long as it
   * takes, and is interrupted at the call's deadline.
   *
   * @return what becomes JSON or MessagePack: records, collections, numbers, texts, Jackson's
   *     trees, null; or a {@code CompletionStage} of such, which holds no thread
   * @throws Exception what the caller is told: {@link io.vudo.protocol.ProcessException} with its
   *     own status and text, any other as {@code Exception|500:…}
   */
  Object call(ProcessCall call) throws Exception;
}
