package io.vudo.spirit.internal.wasm;

import io.vudo.protocol.ErrorCode;
import io.vudo.protocol.ModuleDigest;
import io.vudo.protocol.SpiritLimits;
import io.vudo.protocol.VudoException;
import io.vudo.spirit.Admission;
import io.vudo.spirit.AdmittedModule;
import io.vudo.spirit.FunctionType;
import io.vudo.spirit.ValueType;
import io.vudo.spirit.internal.wasm.ParsedModule.Signature;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What {@link Admission} does. */
public final class AdmissionRules {
  private AdmissionRules() {}

  /** See {@link Admission#admit}. */
  public static AdmittedModule admit(
      byte[] bytes, SpiritLimits limits, Admission.KnownImports known) {
    ParsedModule module = ModuleParser.parse(bytes);
    List<AdmittedModule.Import> imports = imports(module, known);
    Map<String, FunctionType> functions = new LinkedHashMap<>();
    boolean exportsMemory = false;
    for (ParsedModule.Export export : module.exports) {
      if (export.kind() == ParsedModule.EXPORT_FUNCTION) {
        functions.put(export.name(), functionType(module.signatureOf(export.index())));
      }
      exportsMemory |=
          export.kind() == ParsedModule.EXPORT_MEMORY && export.name().equals("memory");
    }
    ModuleRewriter.Result result = ModuleRewriter.rewrite(module, limits);
    Optional<AdmittedModule.Memory> memory =
        Optional.ofNullable(module.memory)
            .map(m -> new AdmittedModule.Memory((int) m.initial(), result.maxPages()));
    return new AdmittedModule(
        ModuleDigest.of(bytes),
        bytes.length,
        result.bytes(),
        Admission.REWRITER_VERSION,
        imports,
        Collections.unmodifiableMap(functions),
        memory,
        module.start >= 0,
        exportsMemory,
        result.changesTables());
  }

  private static List<AdmittedModule.Import> imports(
      ParsedModule module, Admission.KnownImports known) {
    List<AdmittedModule.Import> imports = new ArrayList<>();
    for (ParsedModule.FunctionImport i : module.imports) {
      Signature signature = module.types.get(i.type());
      FunctionType type = functionType(signature);
      String name = i.module() + "." + i.name();
      FunctionType offered =
          known
              .find(i.module(), i.name())
              .orElseThrow(
                  () ->
                      new VudoException(
                          ErrorCode.MODULE_UNKNOWN_IMPORT,
                          "It imports " + name + " " + type + "."));
      if (!offered.equals(type)) {
        throw new VudoException(
            ErrorCode.MODULE_IMPORT_TYPE,
            name + ": the module declares " + type + ", the host offers " + offered + ".");
      }
      if (signature.mentions(Op.FUNCREF) || signature.mentions(Op.V128)) {
        throw Refusal.unsupported(i.offset(), "funcref or v128 in the signature of import " + name);
      }
      if (type.results().size() > 1) {
        throw Refusal.unsupported(i.offset(), "several results of import " + name);
      }
      imports.add(new AdmittedModule.Import(i.module(), i.name(), type));
    }
    return List.copyOf(imports);
  }

  private static FunctionType functionType(Signature signature) {
    return new FunctionType(valueTypes(signature.parameters()), valueTypes(signature.results()));
  }

  private static List<ValueType> valueTypes(byte[] types) {
    List<ValueType> result = new ArrayList<>(types.length);
    for (byte type : types) {
      result.add(
          switch (type) {
            case Op.I32 -> ValueType.I32;
            case Op.I64 -> ValueType.I64;
            case Op.F32 -> ValueType.F32;
            case Op.F64 -> ValueType.F64;
            case Op.V128 -> ValueType.V128;
            default -> ValueType.FUNCREF;
          });
    }
    return result;
  }
}
