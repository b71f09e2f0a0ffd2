/**
 * The commands, one class each, for this module only. {@link io.vudo.cli.internal.Vudo} assembles
 * them and turns what they throw into exit codes; {@link io.vudo.cli.internal.Terminal} is all that
 * they know of the process around them, so that a test can stand in for it.
 */
package io.vudo.cli.internal;
