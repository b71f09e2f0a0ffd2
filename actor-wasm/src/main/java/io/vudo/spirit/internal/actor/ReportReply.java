package io.vudo.spirit.internal.actor;

import io.vudo.spirit.HostStatus;

/** How a host is. */
record ReportReply(HostStatus status) {}
