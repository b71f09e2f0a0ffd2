package io.vudo.spirit.internal.turn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.dylibso.chicory.wabt.Wat2Wasm;
import io.vudo.protocol.SpiritLimits;
import io.vudo.spirit.CompiledModule;
import io.vudo.spirit.EngineInstance;
import io.vudo.spirit.Engines;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StateHashTest {
  private static final String TEXT =
      """
      (module (memory 1 3) (table $t 2 4 funcref) (global $g (mut i64) (i64.const 0))
        (data $d "x") (func $f) (elem declare func $f)
        (func (export "nothing"))
        (func (export "memory") (i32.store8 (i32.const 65535) (i32.const 1)))
        (func (export "grow") (drop (memory.grow (i32.const 1))))
        (func (export "global") (global.set $g (i64.const 1)))
        (func (export "table") (table.set $t (i32.const 1) (ref.func $f)))
        (func (export "tableGrow") (drop (table.grow $t (ref.null func) (i32.const 1))))
        (func (export "drop") (data.drop $d))
        (func (export "use") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))))
      """;

  /** What a Spirit keeps is in the hash, each part by itself, and engines agree on it. */
  @Test
  void everyPartOfTheStateCounts() {
    byte[] module = Wat2Wasm.parse(TEXT);
    Map<String, String> hashes = new HashMap<>();
    try (Engines engines = Engines.withDefaults()) {
      for (String engine : Engines.names()) {
        try (CompiledModule compiled =
            engines.engine(engine).compile(engines.admit(module, SpiritLimits.DEFAULTS))) {
          for (String change : compiled.module().exportedFunctions().keySet()) {
            try (EngineInstance instance = compiled.instantiate(i -> (guest, arguments) -> 0)) {
              instance.setFuel(1_000_000);
              instance.call(change, System.nanoTime() + 60_000_000_000L);
              String hash = HexFormat.of().formatHex(StateHash.of(instance));
              assertEquals(hashes.computeIfAbsent(change, key -> hash), hash, engine + change);
            }
          }
        }
      }
    }
    assertEquals(hashes.remove("use"), hashes.get("nothing"));
    assertEquals(
        hashes.size(),
        hashes.values().stream().distinct().count(),
        "each change has a hash of its own");
    assertNotEquals(hashes.get("nothing"), hashes.get("table"));
  }
}
