package io.vudo.tuplespace.internal;

/**
 * What a partition of a space may hold and has to remember; the meanings are in {@code
 * reference.conf}.
 */
record SpaceLimits(
    long maxBytes,
    int keysRemembered,
    long keysRememberedBytes,
    int sendersRemembered,
    int holdsRemembered,
    int maxWaiters,
    long maxWaitersBytes,
    int maxTransactions,
    int maxWatchers) {}
