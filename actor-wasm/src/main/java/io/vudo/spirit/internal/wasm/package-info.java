/**
 * Admission: the strict parser and validator of WebAssembly modules, and the rewriter. This page is
 * the specification of the rewriting rules, version 2.
 *
 * <h2>What is admitted</h2>
 *
 * WebAssembly 2.0 core modules (multi-value, bulk memory, reference types with funcref only, SIMD)
 * that import nothing but functions of the host. Every byte is parsed with bounds checks and every
 * function is validated by the algorithm of the specification, so that no index of a guest can
 * reach what the rewriter adds. {@link io.vudo.spirit.internal.wasm.Bounds} lists how large things
 * may be. Refused as not supported: externref; imported, shared, 64-bit or several memories;
 * imported tables and globals; threads, exceptions, tail calls, typed references, garbage
 * collection, relaxed SIMD, extended constant expressions; {@code f64x2.splat}, which an engine may
 * compile wrongly; funcref or v128 in the signature of an import; funcref in the signature of an
 * export, and in any signature of a module that changes tables.
 *
 * <h2>The rewritten module</h2>
 *
 * It imports three functions, so that indices of functions grow by 3: {@code load(slot) -> i64} and
 * {@code store(slot, i64)} reach the {@link io.vudo.spirit.internal.wasm.Mailbox}, {@code host()}
 * calls the host. Everything that the guest imported became a function of the module which puts the
 * arguments into the mailbox and calls {@code host}. Nothing of the guest is exported under its own
 * name; {@link io.vudo.spirit.internal.wasm.Names} lists what is exported instead. Indices of
 * types, globals, tables and data segments stay. A v128 takes two slots of the mailbox, low half
 * first. Custom sections are dropped; the first section holds the {@link
 * io.vudo.spirit.internal.wasm.Layout}.
 *
 * <h2>Fuel</h2>
 *
 * <ul>
 *   <li>Every instruction costs 1 unit; {@code block}, {@code else} and {@code end} cost nothing:
 *       an interpreter's loop enters hundreds of blocks to get to one of them. Instructions that
 *       cannot be reached cost nothing.
 *   <li>A basic block is charged as a whole where it starts: at the start of a function, of a
 *       loop's body, of both arms of an {@code if}; behind an {@code if}, behind a {@code block}
 *       that something branches to, and behind {@code br_if}.
 *   <li>A call of the host costs 100 more.
 *   <li>{@code memory.copy}, {@code memory.fill} and {@code memory.init} cost 1 more for each full
 *       64 bytes; {@code table.copy}, {@code table.fill}, {@code table.init} and {@code table.grow}
 *       1 more for each full 8 entries; {@code memory.grow} 1,024 more for each page, unless it
 *       fails. They are paid before anything happens.
 * </ul>
 *
 * The same module, input and budget burn the same on every engine. A budget that equals the cost
 * suffices; one unit less ends in a trap with the fuel below 0, which tells it from a guest's own
 * {@code unreachable}. Inside a function the fuel is in a local; it is checked at the start of
 * loops, together with the call depth, before the host is called, before bulk instructions, and at
 * the end of the exported function. So a guest that runs out may go on for a few straight blocks,
 * whose effects nobody sees: the instance is discarded. Behind a trap that is no call and no {@code
 * unreachable} the fuel that is reported is that of the last call or loop's refill.
 *
 * <p>The fuel of a call is burnt in slices of 2,097,152 units; between two of them the host looks
 * at its clock. That is how a deadline stops a guest; no thread is interrupted. Each loop becomes
 * two nested ones, so that refilling happens outside of the one that is hot; up to 8 floats of the
 * function wait in globals meanwhile, so that they stay in registers otherwise.
 *
 * <h2>NaN</h2>
 *
 * The bits of a NaN are the same on every engine and machine. One that arithmetic makes (add, sub,
 * mul, div, sqrt, ceil, floor, trunc, nearest, min, max, promote, demote; on vectors lane by lane)
 * is canonical: {@code 0x7fc00000} or {@code 0x7ff8000000000000}. Everything else keeps bits as
 * they are: loads, stores, locals, constants, reinterpretation, select, neg, abs, copysign, {@code
 * pmin} and {@code pmax}. The instructions that see to it cost no fuel, and none are added where
 * nothing but arithmetic, comparisons and conversions to integers use a result; {@link
 * io.vudo.spirit.internal.wasm.FloatFlow} finds the places.
 *
 * <h2>Call depth</h2>
 *
 * A function that calls others takes its weight from the allowance and gives it back: before the
 * first and behind the last call of each basic block, if at most two of its blocks call and none of
 * them in a loop; else once, when it starts and when it returns. So the innermost call may weigh
 * nothing. The weight is 1 + (parameters + locals + the largest height of its operand stack) / 16,
 * rounded down, a v128 local counting twice. A function that calls nothing weighs nothing. When the
 * allowance falls below 0 it traps.
 *
 * <h2>Memory and tables</h2>
 *
 * A module without memory gets an empty one that is not exported, because an engine may keep state
 * of its own beside it. Maxima are the smaller of what is declared and the limit; memory has 32,767
 * pages at most. A {@code memory.grow} beyond the maximum answers -1; one within it either succeeds
 * or traps, so that its answer does not depend on the machine. {@code table.grow} answers -1 when
 * all tables together would have more entries than the limit.
 *
 * <h2>Absolute values</h2>
 *
 * {@code f32.abs} and {@code f64.abs} become operations on the bits of the float: a Java virtual
 * machine before 18 may leave a NaN its sign, depending on whether it interprets or compiles.
 *
 * <h2>State</h2>
 *
 * <ul>
 *   <li>Active data segments become passive and are applied by an exported function; so they never
 *       overwrite what was restored. The start section is taken out and exported.
 *   <li>{@code data.drop} and {@code elem.drop} set a flag, a global that is read and written with
 *       the guest's own. {@code memory.init} and {@code table.init} of a segment whose flag is set
 *       trap unless the range is empty.
 *   <li>In a module whose code can change a table or a mutable funcref global, a funcref is the i32
 *       identity of a function: its place among those whose reference can be taken, from 1; 0 is
 *       null. Each table gets a shadow whose entries are functions that answer the identity of the
 *       table's entry at the same index; writing writes both, reading calls the shadow's. So tables
 *       can be read and written as numbers, without comparing references, which WebAssembly cannot.
 *   <li>A module whose code cannot change its tables has none that need saving.
 * </ul>
 */
package io.vudo.spirit.internal.wasm;
