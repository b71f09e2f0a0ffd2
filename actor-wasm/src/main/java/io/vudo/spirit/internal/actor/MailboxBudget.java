package io.vudo.spirit.internal.actor;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The bytes that the mailboxes of a node hold together, those of messages that are being handled
 * included. Without a bound for all, many Spirits with mailboxes that are each within theirs could
 * fill the heap. Thread-safe.
 */
final class MailboxBudget {
  private final long maxBytes;
  private final AtomicLong usedBytes = new AtomicLong();

  MailboxBudget(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** Takes so many bytes; false, and nothing is taken, when there are not as many left. */
  boolean take(long bytes) {
    if (usedBytes.addAndGet(bytes) > maxBytes) {
      usedBytes.addAndGet(-bytes);
      return false;
    }
    return true;
  }

  /** Takes so many bytes, whether they are left or not. */
  void takeAnyway(long bytes) {
    usedBytes.addAndGet(bytes);
  }

  /** Gives back what was taken. */
  void give(long bytes) {
    usedBytes.addAndGet(-bytes);
  }

  long maxBytes() {
    return maxBytes;
  }

  long usedBytes() {
    return usedBytes.get();
  }
}
