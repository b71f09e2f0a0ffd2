package io.vudo.spirit.internal.actor;

import io.vudo.spirit.Relocation;
import java.util.List;

/** The last moves from a host, the newest first. */
record RecentReply(List<Relocation> moves) {}
