package io.vudo.node.process;

/**
 * Gives each node of this class path its Loa and handlers, before the node serves. Named in {@code
 * META-INF/services/io.vudo.node.process.ProcessProvider}, and made by its constructor without
 * parameters; so that a node started by {@code vudo node} has them, too: {@code
 * VUDO_CLASSPATH=my-loa.jar vudo node}.
 */
public interface ProcessProvider {
  /**
   * Registers what it has.
   *
   * @param processes of the node; may be kept, to register and remove more later
   * @throws RuntimeException keeps the node from starting, with {@code CONFIG_INVALID}
   */
  void register(ProcessRegistry processes);
}
