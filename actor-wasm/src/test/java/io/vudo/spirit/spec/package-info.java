/**
 * Runs the official core test suite of WebAssembly, as {@code wast2json} writes it, through
 * admission and on every engine. {@link io.vudo.spirit.spec.SpecMain} is the command; {@code
 * docs/spec.md} says how to use it and what it found.
 */
package io.vudo.spirit.spec;
