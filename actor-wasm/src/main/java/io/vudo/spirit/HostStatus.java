package io.vudo.spirit;

/**
 * What one node of the cluster says of the Spirits on it.
 *
 * @param node {@code host:port} of its cluster port
 * @param draining whether it takes no Spirits, because it is to be stopped
 * @param shards how many shards of addresses it has
 * @param residents Spirits in its memory
 * @param moving those of them that are on their way to another node
 * @param movedIn Spirits that came from other nodes since it started
 * @param movedOut Spirits that went to other nodes since it started
 * @param movesFailed moves from it that were given up; such a Spirit went on where it was
 * @param bytesOut bytes of the state of those that went
 */
public record HostStatus(
    String node,
    boolean draining,
    int shards,
    long residents,
    long moving,
    long movedIn,
    long movedOut,
    long movesFailed,
    long bytesOut) {}
