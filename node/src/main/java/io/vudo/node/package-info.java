/**
 * The process: a VUDO node inside of any JVM.
 *
 * <p>{@code vudo node} starts one from the command line. A test, or a program that wants its
 * Spirits close, starts one itself:
 *
 * <pre>{@code
 * NodeSettings settings =
 *     NodeSettings.defaults()
 *         .withData(Files.createTempDirectory("vudo"))
 *         .withPort(0)      // any free port for the cluster
 *         .withHttpPort(0); // and for HTTP
 * try (VudoNode node = VudoNode.start(settings)) {
 *   HttpRequest ask =
 *       HttpRequest.newBuilder(node.httpAddress().resolve("/v1/spirits/counter/alice/ask"))
 *           .POST(BodyPublishers.ofString("increment"))
 *           .build();
 *   …
 * }
 * }</pre>
 *
 * <p>{@link io.vudo.node.VudoNode#start} returns when the node serves: its journal is open, what
 * was deployed is known, it is a member of its cluster, and HTTP is bound. {@link
 * io.vudo.node.VudoNode#close} goes the same way back: HTTP stops taking requests and finishes
 * those in flight, Spirits end between two turns, the journal is closed, the data directory is
 * free. What goes wrong on the way in is a {@link io.vudo.protocol.VudoException} ({@code
 * DATA_DIR_IN_USE}, {@code ADDRESS_IN_USE}, {@code CONFIG_INVALID} …) and leaves nothing behind.
 *
 * <p>{@link io.vudo.node.NodeSettings} combines, strongest first: its own {@code with} methods,
 * system properties, a HOCON file, and {@code reference.conf}, in which every default is explained.
 */
package io.vudo.node;
