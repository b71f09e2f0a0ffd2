package io.vudo.spirit.internal.actor;

import com.typesafe.config.Config;
import io.vudo.spirit.GuestThread;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.dispatch.DispatcherPrerequisites;
import org.apache.pekko.dispatch.ExecutorServiceConfigurator;
import org.apache.pekko.dispatch.ExecutorServiceFactory;

/**
 * The executor of the dispatcher that runs guests: a fixed pool of {@link GuestThread}s, which
 * Pekko's own executors cannot be told to use. Made by Pekko from {@code vudo.spirit.dispatcher}.
 */
public final class GuestThreads extends ExecutorServiceConfigurator {
  private final int threads;

  /** Made by Pekko. */
  public GuestThreads(Config config, DispatcherPrerequisites prerequisites) {
    super(config, prerequisites);
    Config own = config.getConfig("guest-threads");
    this.threads =
        Math.max(
            own.getInt("min"),
            (int) Math.ceil(Runtime.getRuntime().availableProcessors() * own.getDouble("factor")));
  }

  @Override
  public ExecutorServiceFactory createExecutorServiceFactory(
      String name, ThreadFactory threadFactory) {
    return new ExecutorServiceFactory() {
      @Override
      public ExecutorService createExecutorService() {
        AtomicInteger number = new AtomicInteger();
        return Executors.newFixedThreadPool(
            threads, task -> new GuestThread(task, "vudo-spirit-" + number.incrementAndGet()));
      }
    };
  }
}
