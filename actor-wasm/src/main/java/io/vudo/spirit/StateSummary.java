package io.vudo.spirit;

import io.vudo.protocol.SpiritId;

/**
 * The state of a Spirit after one of its turns, in short.
 *
 * @param id the Spirit
 * @param turn after which turn
 * @param lives whether it lived then; if not, there is no state and what follows is empty
 * @param life counts the lives of the address, from 1
 * @param digest SHA-256 of the module that it ran, 64 hexadecimal digits
 * @param engine the engine that it ran on
 * @param memoryBytes the size of its memory
 * @param nonZeroPages how many pages of 4 KiB are not all zeros
 * @param globals mutable globals, 64 bits each; with the flags of dropped segments
 * @param tableEntries entries of all tables
 * @param stateHash SHA-256 over memory, globals and tables, 64 hexadecimal digits; as {@link
 *     Migration#stateHash()}
 * @param turns how many turns its history had until then, failed ones included
 * @param failedTurns how many of them failed and were undone
 * @param fuelUsed what all of them burnt
 */
public record StateSummary(
    SpiritId id,
    long turn,
    boolean lives,
    long life,
    String digest,
    String engine,
    long memoryBytes,
    int nonZeroPages,
    int globals,
    int tableEntries,
    String stateHash,
    long turns,
    long failedTurns,
    long fuelUsed) {}
