/**
 * The engine on Wasmtime, through its JNI binding.
 *
 * <p>The binding has sharp edges; what is done about each:
 *
 * <ul>
 *   <li>A closed store is a null pointer in native code. Every entry checks that its owner is open,
 *       and what is in use is freed by its last user.
 *   <li>Every value that crosses as a parameter or result costs one to two microseconds, a call
 *       without any less than one. So all values pass through the mailbox, a page of memory of a
 *       tiny second instance in the same store, and no function that is called has parameters.
 *   <li>Each function that Java offers costs machine code and two memory mappings an instance. So
 *       there is one, and the mailbox says which import is meant.
 *   <li>An exception of a host function loses its identity, and would be pending while native
 *       frames unwind. So none ever leaves Java: the mailbox tells the guest to trap.
 *   <li>A guest may use 2 MiB of stack, more than an ordinary thread has left, and the JVM would
 *       die. So guests run on {@link io.vudo.spirit.GuestThread}s only.
 *   <li>Memory mappings are limited by the kernel, and the JVM aborts when they run out. So they
 *       are counted at the start, and instances are refused before.
 *   <li>A module is instantiated explicitly: the binding's linker would run {@code _initialize}.
 * </ul>
 */
package io.vudo.spirit.internal.wasmtime;
