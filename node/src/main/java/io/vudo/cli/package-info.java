/**
 * The {@code vudo} command line.
 *
 * <p>A command prints its data on stdout and everything else on stderr, so that it can be piped;
 * with {@code --format json} data and errors are one JSON object a line. It exits with 0 when it
 * did what was asked, with 1 when that failed (the error names its code of the catalogue, cause and
 * fix), and with 2 when it was called wrongly. docs/cli.md is its manual.
 *
 * <p>Most commands are thin clients of a node's HTTP gateway and need neither Pekko nor an engine.
 * {@code run} and {@code inspect} work without a node; {@code node} is one.
 */
package io.vudo.cli;
