package io.vudo.spirit.internal.jvm;

import com.dylibso.chicory.wasm.WasmModule;
import com.dylibso.chicory.wasm.types.AnnotatedInstruction;
import com.dylibso.chicory.wasm.types.FunctionBody;
import com.dylibso.chicory.wasm.types.FunctionType;
import com.dylibso.chicory.wasm.types.ValType;
import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.VudoException;
import java.util.List;

/** Vectors, which the library can interpret at best and this engine does not offer. */
final class Simd {
  private static final int PREFIX = 0xfd;

  private Simd() {}

  /** Throws {@code MODULE_UNSUPPORTED} when the module has anything to do with v128. */
  static void refuse(WasmModule module) {
    for (FunctionType type : module.typeSection().types()) {
      if (type != null) {
        refuse(type.params(), "a signature");
        refuse(type.returns(), "a signature");
      }
    }
    for (int i = 0; i < module.globalSection().globalCount(); i++) {
      refuse(List.of(module.globalSection().getGlobal(i).valueType()), "a global");
    }
    for (int i = 0; i < module.codeSection().functionBodyCount(); i++) {
      FunctionBody body = module.codeSection().getFunctionBody(i);
      refuse(body.localTypes(), "a local");
      for (AnnotatedInstruction instruction : body.instructions()) {
        if (instruction.opcode().opcode() >> 8 == PREFIX) {
          throw refusal(instruction.opcode().toString());
        }
      }
    }
  }

  private static void refuse(List<ValType> types, String where) {
    if (types.contains(ValType.V128)) {
      throw refusal(where);
    }
  }

  private static VudoException refusal(String what) {
    return new VudoException(
        ErrorCode.MODULE_UNSUPPORTED,
        "Engine jvm has no SIMD (v128, here in " + what + "); engine wasmtime has.");
  }
}
