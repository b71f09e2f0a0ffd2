/**
 * How long callers of a Spirit, or of a plain Pekko actor, wait when its node leaves, another one
 * joins, or it is moved by name.
 *
 * <pre>
 *   PauseBenchmark   the rounds and the table
 *   Side             three nodes of one kind, as processes
 *   MemberProcess    one of them: a member and, in one of them, who pings
 *   Member           what a side can do, inside of the process: StockMember, VudoMember
 *   Pinger           asks all the time and notes the longest waits
 * </pre>
 */
package io.vudo.node.benchmark.pause;
