package io.vudo.spirit;

import io.github.kawamuray.wasmtime.Config;
import io.github.kawamuray.wasmtime.Engine;
import io.github.kawamuray.wasmtime.Instance;
import io.github.kawamuray.wasmtime.Module;
import io.github.kawamuray.wasmtime.Store;
import io.github.kawamuray.wasmtime.Val;
import io.github.kawamuray.wasmtime.WasmFunctionError.TrapError;
import java.util.Arrays;
import java.util.List;

/** Runs a module as it is, without admission, to compare with. */
final class Plain implements AutoCloseable {
  private final Engine engine = new Engine(new Config().craneliftNanCanonicalization(true));
  private final Module module;
  private Store<Void> store;
  private Instance instance;

  Plain(byte[] bytes) {
    module = new Module(engine, bytes);
    reset();
  }

  void reset() {
    store = new Store<>(null, engine);
    instance = new Instance(store, module, List.of());
  }

  /** The results, or the code of the failure. */
  String call(String name, FunctionType type, long... arguments) {
    Val[] values = new Val[arguments.length];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (type.parameters().get(i)) {
            case I32 -> Val.fromI32((int) arguments[i]);
            case I64 -> Val.fromI64(arguments[i]);
            case F32 -> Val.fromF32(Float.intBitsToFloat((int) arguments[i]));
            default -> Val.fromF64(Double.longBitsToDouble(arguments[i]));
          };
    }
    try {
      return Arrays.toString(
          Arrays.stream(instance.getFunc(store, name).orElseThrow().call(store, values))
              .mapToLong(Plain::bits)
              .toArray());
    } catch (TrapError e) {
      return switch (e.trap()) {
        case MEMORY_OUT_OF_BOUNDS -> "TRAP_MEMORY_OUT_OF_BOUNDS";
        case TABLE_OUT_OF_BOUNDS -> "TRAP_TABLE_OUT_OF_BOUNDS";
        case INDIRECT_CALL_TO_NULL -> "TRAP_INDIRECT_CALL_NULL";
        case BAD_SIGNATURE -> "TRAP_INDIRECT_CALL_TYPE";
        case INTEGER_DIVISION_BY_ZERO -> "TRAP_DIVISION_BY_ZERO";
        case INTEGER_OVERFLOW -> "TRAP_INTEGER_OVERFLOW";
        case UNREACHABLE_CODE_REACHED -> "TRAP_UNREACHABLE";
        default -> e.getMessage();
      };
    }
  }

  private static long bits(Val value) {
    return switch (value.getType()) {
      case I32 -> value.i32();
      case I64 -> value.i64();
      case F32 -> Float.floatToRawIntBits(value.f32());
      default -> Double.doubleToRawLongBits(value.f64());
    };
  }

  @Override
  public void close() {
    store.close();
    module.close();
    engine.close();
  }
}
