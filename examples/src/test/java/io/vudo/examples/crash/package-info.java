/**
 * The crash harness: callers drive a node while it is killed with SIGKILL again and again, and a
 * checker reads afterwards what they did and what is there.
 *
 * <pre>
 *   Callers          those who do, and the {@link io.vudo.examples.crash.History} they write
 *   CrashDriver      the killer
 *   Workload         one kind of operation: how to drive it, what to look at, how to check it
 *   Checker          the history and the final state, and nothing else, to violations
 * </pre>
 *
 * <p>A new kind of operation is a new {@code Workload} in {@code Workloads.all()}. Its {@code
 * check} is a function of its two arguments, and {@code CheckerTest} has to show each violation
 * that it can report.
 *
 * <p>The callers and the checker serve the {@link io.vudo.examples.cluster} as well.
 *
 * <p>The faults of disks and clocks are here as well, because they need the same {@link
 * io.vudo.examples.crash.CrashNode}: a process whose surroundings the test controls.
 */
package io.vudo.examples.crash;
