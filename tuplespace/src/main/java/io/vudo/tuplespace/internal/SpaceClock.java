package io.vudo.tuplespace.internal;

import java.util.concurrent.TimeUnit;

/** The two clocks of a space. */
public interface SpaceClock {
  /** Those of the machine. */
  SpaceClock SYSTEM =
      new SpaceClock() {
        @Override
        public long timeMillis() {
          return System.currentTimeMillis();
        }

        @Override
        public long tickMillis() {
          return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
        }
      };

  /** Milliseconds since the epoch, for leases, which are on disk. Somebody may set it. */
  long timeMillis();

  /** Milliseconds since some moment, for waits. It only goes on. */
  long tickMillis();
}
