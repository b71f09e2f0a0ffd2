/**
 * The engine on the JVM's own bytecode, through Chicory's compiler: no native code, calls that cost
 * nanoseconds, instances that cost what their memory costs.
 *
 * <p>What is done about what the library leaves open:
 *
 * <ul>
 *   <li>Guests live on the heap. What they hold together is counted and bounded, so that they
 *       cannot take the memory of the node's actors; instances beyond are refused before.
 *   <li>Growing a table of one instance would raise the size with which the next one starts; each
 *       gets limits of its own.
 *   <li>Memory is a single array, so that the host can lend it and scan it without copying.
 *   <li>A function that is larger than a method may be (64 KiB of bytecode) is interpreted. HotSpot
 *       itself interprets methods of more than 8,000 bytes unless it is started with {@code
 *       -XX:-DontCompileHugeMethods}, as {@code ./vudo} does.
 *   <li>HotSpot of JDK 17 may miscompile unsigned comparisons of compiled guests; generated classes
 *       call {@link io.vudo.spirit.internal.jvm.UnsignedComparison} instead.
 *   <li>NaN bits would be the processor's; the rewriter makes them canonical.
 *   <li>Compiled code stops at an interrupt; threads that run guests are not interrupted, and an
 *       interrupt that came before is kept for after.
 * </ul>
 */
package io.vudo.spirit.internal.jvm;
