/**
 * Compositions of Spirits, declared.
 *
 * <p>A {@link io.vudo.ghost.Ghost} says which functions of which members are called with what, and
 * which results it answers. It says nothing about where its members live: who runs it decides that.
 * In one JVM a {@code Seance} of {@code io.vudo.embedded} does, whose Spirits are the members of
 * the same names; in a cluster a node does, durably, over Spirits that are named when it is run:
 * {@code VudoClient.ghost}, {@code vudo ghost run}; docs/ghosts.md. The package depends on nothing
 * of the node, so that the same declaration can be made, kept and sent by any program.
 *
 * <h2>In TOML</h2>
 *
 * <p>{@link io.vudo.ghost.Ghost#parse} and {@link io.vudo.ghost.Ghost#load} read
 *
 * <pre>
 * name = "price"
 * output = "total"         # or an array of steps; without it, the last step
 * timeout-ms = 5000        # without it, 30 s
 *
 * [[inputs]]               # what callers pass, in this order
 * name = "quantity"
 * type = "int"             # int, long, float, double, boolean, text or bytes
 *
 * [[steps]]
 * name = "net"
 * member = "calc"
 * function = "multiply"
 * args = ["$quantity", 25] # $ takes an input or a result; "$$x" is the text $x
 *
 * [[steps]]
 * name = "tax"
 * member = "tax"
 * function = "of"          # no args: the result of the step above, as in a pipeline
 *
 * [[steps]]
 * name = "total"
 * member = "calc"
 * function = "add"
 * args = ["$net", "$tax"]  # gathers both
 *
 * [[steps]]
 * name = "note"
 * member = "ledger"
 * function = "note"
 * args = ["$total"]
 * after = ["tax"]          # also waits for this, though it takes nothing of it
 * result = "text"          # what its answer is read as; without it, as the function says
 * timeout-ms = 1000        # its own time, within that of the Ghost
 * </pre>
 *
 * <p>A first step without {@code args} takes all inputs. Keys that are not listed here are refused,
 * so that a misspelt one is not overlooked.
 *
 * <h2>Order</h2>
 *
 * <p>A step begins when all that it takes is there and all that it comes after is done; the order
 * of the declaration means nothing else. Steps that wait for nothing of each other run side by
 * side, as far as they call different members: a Spirit handles one call at a time. When two steps
 * call one member and their order matters, say so by {@code after}.
 *
 * <h2>Failure</h2>
 *
 * <p>The first step that fails ends the Ghost: no other begins, those that run are waited for, and
 * {@link io.vudo.ghost.GhostResult} tells of each step what became of it. What steps have done is
 * not undone.
 */
package io.vudo.ghost;
