package io.vudo.spirit;

/**
 * How far the draining of a node came.
 *
 * @param node {@code host:port} of its cluster port
 * @param moved Spirits that it handed to others
 * @param left Spirits that are still in its memory: they could not be moved in time, or there was
 *     nobody to take them
 */
public record Drained(String node, long moved, long left) {}
