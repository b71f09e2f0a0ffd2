package io.vudo.spirit.internal.jvm;

import com.dylibso.chicory.compiler.InterpreterFallback;
import com.dylibso.chicory.compiler.internal.ClassLoadingCollector;
import com.dylibso.chicory.compiler.internal.Compiler;
import com.dylibso.chicory.compiler.internal.CompilerResult;
import com.dylibso.chicory.wasm.ChicoryException;
import com.dylibso.chicory.wasm.Parser;
import com.dylibso.chicory.wasm.WasmModule;
import com.dylibso.chicory.wasm.types.AnnotatedInstruction;
import com.dylibso.chicory.wasm.types.FunctionBody;
import com.dylibso.chicory.wasm.types.FunctionType;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.internal.engine.GuestEngine;
import java.io.ByteArrayInputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.objectweb.asm.ClassTooLargeException;
import org.objectweb.asm.MethodTooLargeException;

/** The engine that compiles to the JVM's own bytecode. */
public final class JvmEngine extends GuestEngine {

  /** How a message names the function that is at fault. */
  private static final Pattern FUNCTION = Pattern.compile("(?:func_|function index: )(\\d+)");

  /** What computing the frames of a module's classes may go through, in locals; about 3 s. */
  private static final long MOST_FRAME_SLOTS = 1_000_000_000L;

  /** How often a module is compiled with one more function left to the interpreter. */
  private static final int MOST_TRIES = 32;

  /** More could live; beyond it the collector spends its time on guests that nobody talks to. */
  private static final int DEFAULT_INSTANCES = 100_000;

  /**
   * How an engine is set up.
   *
   * @param cacheDirectory where compiled classes are kept between runs; whoever can write there can
   *     run code in this process
   * @param maxInstances how many instances may live
   * @param maxHeapBytes what all instances together may take of the heap; half of it by default
   * @param maxModuleBytes the largest module after rewriting: compiling takes some hundred times as
   *     much memory
   * @param compileTimeout how long one compilation may take
   */
  public record Options(
      Optional<Path> cacheDirectory,
      OptionalInt maxInstances,
      OptionalLong maxHeapBytes,
      int maxModuleBytes,
      Duration compileTimeout) {
    /** No cache on disk, half of the heap, 16 MiB of code, 60 s to compile. */
    public static final Options DEFAULTS =
        new Options(
            Optional.empty(),
            OptionalInt.empty(),
            OptionalLong.empty(),
            16 << 20,
            Duration.ofSeconds(60));
  }

  private final Optional<ClassCache> cache;
  private final int maxInstances;
  private final int maxModuleBytes;
  private final HeapBudget budget;

  /**
   * Starts an engine.
   *
   * @throws VudoException {@code DATA_DIR_UNUSABLE} when the cache directory cannot be used
   */
  public JvmEngine(Options options) {
    super(options.compileTimeout());
    this.cache = options.cacheDirectory().map(ClassCache::open);
    this.maxInstances = options.maxInstances().orElse(DEFAULT_INSTANCES);
    this.maxModuleBytes = options.maxModuleBytes();
    this.budget =
        new HeapBudget(options.maxHeapBytes().orElse(Runtime.getRuntime().maxMemory() / 2));
  }

  @Override
  public String name() {
    return "jvm";
  }

  @Override
  public CompiledModule compile(AdmittedModule module) {
    if (module.rewritten().length > maxModuleBytes) {
      throw new VudoException(
          ErrorCode.MODULE_LIMIT_EXCEEDED,
          "Engine jvm compiles at most "
              + maxModuleBytes
              + " bytes (vudo.engine.jvm.max-module-bytes); rewritten, the module has "
              + module.rewritten().length
              + ".");
    }
    return compile(module, () -> translate(module), JvmModule::close);
  }

  private JvmModule translate(AdmittedModule admitted) {
    Optional<ClassCache.Entry> known = cache.flatMap(c -> c.find(admitted.rewritten()));
    if (known.isPresent()) {
      // What is in the cache was checked when it was compiled.
      return new JvmModule(
          this,
          admitted,
          parse(admitted, false),
          known.get().load().machineFactory(),
          known.get().interpreted());
    }
    WasmModule module = parse(admitted, true);
    Simd.refuse(module);
    CompilerResult result = compileWhatItCan(module);
    ClassLoadingCollector classes = (ClassLoadingCollector) result.collector();
    Set<Integer> interpreted = result.interpretedFunctions();
    cache.ifPresent(c -> c.keep(admitted.rewritten(), ClassCache.Entry.of(classes, interpreted)));
    return new JvmModule(this, admitted, module, classes.machineFactory(), interpreted);
  }

  private static WasmModule parse(AdmittedModule admitted, boolean validate) {
    try {
      return Parser.builder()
          .withValidation(validate)
          .build()
          .parse(() -> new ByteArrayInputStream(admitted.rewritten()));
    } catch (ChicoryException e) {
      throw new VudoException(ErrorCode.MODULE_INVALID, e.getMessage(), e);
    }
  }

  /**
   * Compiles, and leaves to the interpreter the functions of a shape that is too much for the
   * library, for what writes classes or for what verifies them. A failure tells at best which one
   * it was; otherwise the largest are tried, twice as many each time.
   */
  private static CompilerResult compileWhatItCan(WasmModule module) {
    List<Integer> largest = bySize(module);
    Set<Integer> interpreted = tooCostly(module, largest);
    int most = 1;
    for (int tries = 1; ; tries++) {
      try {
        return Compiler.builder(module)
            // The library takes either the set or finds out by itself what is too long.
            .withInterpreterFallback(
                interpreted.isEmpty() ? InterpreterFallback.SILENT : InterpreterFallback.FAIL)
            .withInterpretedFunctions(interpreted)
            .withClassCollectorFactory(GuestClasses::new)
            .build()
            .compile();
      } catch (ClassTooLargeException | MethodTooLargeException e) {
        throw new VudoException(
            ErrorCode.MODULE_LIMIT_EXCEEDED,
            "Engine jvm cannot hold it in classes: " + e.getMessage(),
            e);
      } catch (RuntimeException | LinkageError | StackOverflowError e) {
        if (tries == MOST_TRIES || interpreted.size() == largest.size()) {
          throw new VudoException(
              ErrorCode.MODULE_LIMIT_EXCEEDED,
              "Engine jvm cannot compile it; engine wasmtime may. " + firstLine(e),
              e);
        }
        Matcher named = FUNCTION.matcher(firstLines(e));
        if (!named.find() || !interpreted.add(Integer.valueOf(named.group(1)))) {
          interpreted.addAll(largest.subList(0, Math.min(most, largest.size())));
          most *= 2;
        }
      }
    }
  }

  /** The functions, first those whose frames are largest at the most places. */
  private static List<Integer> bySize(WasmModule module) {
    int imported = module.importSection().importCount();
    return IntStream.range(0, module.codeSection().functionBodyCount())
        .boxed()
        .collect(Collectors.toMap(i -> imported + i, i -> size(module, i)))
        .entrySet()
        .stream()
        .sorted(Map.Entry.<Integer, Long>comparingByValue().reversed())
        .map(Map.Entry::getKey)
        .toList();
  }

  /**
   * The functions to leave out so that frames of the others are computed within a second or two:
   * the writer of classes goes through all locals for each place that something branches to.
   */
  private static Set<Integer> tooCostly(WasmModule module, List<Integer> largest) {
    int imported = module.importSection().importCount();
    Set<Integer> result = new TreeSet<>();
    long left = MOST_FRAME_SLOTS;
    for (int i = largest.size() - 1; i >= 0; i--) {
      left -= size(module, largest.get(i) - imported);
      if (left < 0) {
        result.add(largest.get(i));
      }
    }
    return result;
  }

  /** How many locals stand in the frames of all places that a function's code goes to. */
  private static long size(WasmModule module, int index) {
    FunctionBody body = module.codeSection().getFunctionBody(index);
    FunctionType type = module.functionSection().getFunctionType(index, module.typeSection());
    long places = 0;
    for (AnnotatedInstruction instruction : body.instructions()) {
      places += instruction.labelTable().isEmpty() ? 1 : instruction.labelTable().size();
    }
    return (1L + type.params().size() + body.localTypes().size()) * places;
  }

  private static String firstLine(Throwable failure) {
    return failure.toString().lines().findFirst().orElseThrow();
  }

  /** A verifier's message names the function on the third line and then goes on for pages. */
  private static String firstLines(Throwable failure) {
    return failure.toString().lines().limit(3).collect(Collectors.joining(" "));
  }

  HeapBudget budget() {
    return budget;
  }

  @Override
  public int maxInstances() {
    return maxInstances;
  }

  @Override
  public String maxInstancesReason() {
    return "as long as they fit into " + (budget.bytes() >> 20) + " MiB of the heap";
  }

  @Override
  protected void free() {
    // The collector frees it.
  }
}
