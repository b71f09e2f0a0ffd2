package io.vudo.spirit.internal.turn;

/**
 * A line that a guest logged.
 *
 * @param level 0 trace, 1 debug, 2 info, 3 warn, 4 error
 * @param text the line
 */
public record TurnLog(int level, String text) {}
