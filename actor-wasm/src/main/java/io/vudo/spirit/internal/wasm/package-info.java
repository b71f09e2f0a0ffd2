/** The wall in front of the engines. */
package io.vudo.spirit.internal.wasm;
