package io.vudo.spirit;

import io.vudo.protocol.ModuleDigest;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A module that passed admission: checked against the limits and rewritten, so that every engine
 * meters it the same way and all of its state can be read and restored.
 *
 * @param digest of the original bytes
 * @param originalBytes how many there were
 * @param rewritten what the engine compiles
 * @param rewriterVersion the version of the rewriting rules
 * @param imports the functions it imports, in index order
 * @param exportedFunctions the functions it exports under their original names, in module order
 * @param memory its linear memory, if any
 * @param hasStart whether it has a start function
 * @param exportsMemory whether its memory is exported as {@code memory}
 * @param mutatesTables whether code of it can change a table or a mutable funcref global
 */
@SuppressWarnings("ArrayRecordComponent") // handed through by identity, never compared
public record AdmittedModule(
    ModuleDigest digest,
    int originalBytes,
    byte[] rewritten,
    int rewriterVersion,
    List<Import> imports,
    Map<String, FunctionType> exportedFunctions,
    Optional<Memory> memory,
    boolean hasStart,
    boolean exportsMemory,
    boolean mutatesTables) {

  /**
   * An imported function.
   *
   * @param module the import module, for example {@code spirit}
   * @param name the field, for example {@code send_message}
   * @param type its signature
   */
  public record Import(String module, String name, FunctionType type) {
    @Override
    public String toString() {
      return module + "." + name + " " + type;
    }
  }

  /**
   * The linear memory as declared and as capped.
   *
   * @param initialPages pages of 64 KiB at the start
   * @param maxPages to how many it may grow, the limit of the Spirit applied
   */
  public record Memory(int initialPages, int maxPages) {}
}
