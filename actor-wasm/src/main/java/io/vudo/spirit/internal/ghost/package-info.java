/**
 * Runs of Ghosts over the Spirits of a cluster.
 *
 * <p>A run is a sharded, event-sourced entity, {@code RunEntity}, whose state is {@code Run}. It is
 * in the wake index ({@code Alarm}) from before its first event until its last one is deleted: a
 * ping wakes it when its node died, and its retention is a time in the index. A step is noted
 * before it is sent, and sent again under one key until there is an answer, so that a Spirit's
 * inbox makes all of them one. {@code GhostRuns} is the door.
 */
package io.vudo.spirit.internal.ghost;
