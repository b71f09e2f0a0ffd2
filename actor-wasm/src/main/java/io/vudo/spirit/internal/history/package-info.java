/**
 * The past of Spirits, read from the journal: {@link
 * io.vudo.spirit.internal.history.JournalHistory} streams events into a {@link
 * io.vudo.spirit.internal.history.Pass}, which drives a {@link
 * io.vudo.spirit.internal.turn.SpiritMachine} of its own beside the living one, on a thread of the
 * guests'. Nothing here writes to the journal.
 */
package io.vudo.spirit.internal.history;
