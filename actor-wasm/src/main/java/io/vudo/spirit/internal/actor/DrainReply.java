package io.vudo.spirit.internal.actor;

import io.vudo.spirit.Drained;

/** How far a drain came. */
record DrainReply(Drained drained) {}
