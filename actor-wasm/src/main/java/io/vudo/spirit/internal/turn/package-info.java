/**
 * The turn, without actors: {@link io.vudo.spirit.internal.turn.SpiritMachine} runs, rolls back,
 * replays and snapshots one Spirit; {@link io.vudo.spirit.internal.turn.HostFunctions} is what its
 * guest may call meanwhile. Nothing here knows of threads, sharding or the journal; a test drives
 * it with plain method calls.
 */
package io.vudo.spirit.internal.turn;
