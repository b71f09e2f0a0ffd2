package io.vudo.spirit.internal.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class CompilerPoolTest {
  private static AdmittedModule module(int bytes) {
    return new AdmittedModule(
        ModuleDigest.of(new byte[0]),
        bytes,
        new byte[bytes],
        1,
        List.of(),
        Map.of(),
        Optional.empty(),
        false,
        false,
        false);
  }

  @Test
  void runningOutOfMemoryIsATypedError() {
    try (CompilerPool pool = new CompilerPool(Duration.ofSeconds(60))) {
      VudoException failure =
          assertThrows(
              VudoException.class,
              () ->
                  pool.compile(
                      module(1),
                      () -> {
                        throw new OutOfMemoryError("thrown by a test");
                      },
                      result -> {},
                      () -> {}));
      assertEquals(ErrorCode.MODULE_LIMIT_EXCEEDED, failure.code());
    }
  }

  @Test
  void whatComesTooLateIsFreed() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    CompletableFuture<String> freed = new CompletableFuture<>();
    CountDownLatch done = new CountDownLatch(1);
    try (CompilerPool pool = new CompilerPool(Duration.ofMillis(50))) {
      VudoException failure =
          assertThrows(
              VudoException.class,
              () -> pool.compile(module(1), () -> waitFor(go), freed::complete, done::countDown));
      assertEquals(ErrorCode.MODULE_COMPILE_TIMEOUT, failure.code());
      go.countDown();
      assertEquals("compiled", freed.get(30, TimeUnit.SECONDS));
      assertTrue(done.await(30, TimeUnit.SECONDS));
    }
  }

  private static String waitFor(CountDownLatch latch) {
    try {
      assertTrue(latch.await(30, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return "compiled";
  }

  @Test
  void largeModulesAreCompiledOneAfterAnother() {
    AtomicInteger now = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    AdmittedModule large = module(CompilerPool.MAX_BYTES_AT_ONCE);
    try (CompilerPool pool = new CompilerPool(Duration.ofSeconds(60))) {
      List<CompletableFuture<Integer>> all =
          java.util.stream.Stream.generate(
                  () ->
                      CompletableFuture.supplyAsync(
                          () ->
                              pool.compile(
                                  large,
                                  () -> {
                                    most.accumulateAndGet(now.incrementAndGet(), Math::max);
                                    return now.decrementAndGet();
                                  },
                                  result -> {},
                                  () -> {})))
              .limit(20)
              .toList();
      all.forEach(CompletableFuture::join);
    }
    assertEquals(1, most.get());
  }
}
