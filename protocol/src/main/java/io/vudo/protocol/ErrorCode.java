package io.vudo.protocol;

/**
 * The one catalogue of everything that can go wrong. The name of a constant is the stable code that
 * users see, script against and look up in {@code docs/errors.md}, which is generated from here.
 *
 * <p>A code is never renamed or reused. A new failure gets a new constant.
 */
public enum ErrorCode {
  // Modules, at admission
  MODULE_EMPTY(400, "The module has no bytes.", "Pass a compiled .wasm file or a .wat text."),
  MODULE_BAD_MAGIC(
      400,
      "The bytes are not a WebAssembly core module.",
      "Check that the file is what the compiler wrote; a component must be unwrapped to its core"
          + " module first."),
  MODULE_MALFORMED(
      400, "The module breaks the binary format.", "Rebuild it; the detail names the offset."),
  MODULE_INVALID(
      400,
      "The module is well formed but does not validate.",
      "Rebuild it with a conforming compiler; the detail is the engine's own."),
  MODULE_TOO_LARGE(
      413,
      "The module is larger than the limit.",
      "Strip debug sections, or raise vudo.limits.max-module-bytes."),
  MODULE_UNSUPPORTED(
      400,
      "The module uses a feature that cannot be snapshotted or metered.",
      "Compile without the feature that the detail names."),
  MODULE_UNKNOWN_IMPORT(
      400,
      "The module imports a function that no host offers.",
      "Use the functions of wit/vudo_spirit.h or of WASI preview 1; the detail names the import."),
  MODULE_IMPORT_TYPE(
      400,
      "The module imports a host function under another signature.",
      "Correct the declaration; the detail shows both signatures."),
  MODULE_LIMIT_EXCEEDED(
      400,
      "A part of the module is larger than admission allows.",
      "Split the function or table that the detail names."),
  MODULE_ABI_MISSING(
      400,
      "The module lacks an export that every Spirit needs.",
      "Export memory, spirit_abi_1, spirit_alloc and spirit_handle."),
  MODULE_COMPILE_TIMEOUT(
      408,
      "Compiling the module took longer than the limit.",
      "Split large functions, or raise vudo.engine.compile-timeout."),
  MODULE_NOT_FOUND(
      404, "No module with this digest is stored on the node.", "Deploy the module again."),

  // A turn that failed
  OUT_OF_FUEL(
      422,
      "The turn used all of its fuel.",
      "Do less in one message, or deploy the type with a larger --fuel."),
  CALL_DEPTH_EXCEEDED(
      422, "The guest's calls nested too deeply.", "Remove the recursion, or raise --call-depth."),
  TURN_TIMEOUT(
      422,
      "The turn took longer than its wall-clock limit.",
      "Do less in one message, or deploy the type with a larger --turn-timeout."),
  TRAP_UNREACHABLE(
      422, "The guest executed unreachable.", "A panic or abort of the guest; see its log."),
  TRAP_MEMORY_OUT_OF_BOUNDS(
      422, "The guest touched memory that it does not have.", "A bug of the guest."),
  TRAP_TABLE_OUT_OF_BOUNDS(
      422, "The guest touched a table entry that does not exist.", "A bug of the guest."),
  TRAP_INDIRECT_CALL_NULL(
      422, "The guest called an empty table entry.", "A bug of the guest: a null function."),
  TRAP_INDIRECT_CALL_TYPE(
      422,
      "The guest called a function by a wrong signature.",
      "A bug of the guest: a function pointer cast to another type."),
  TRAP_DIVISION_BY_ZERO(422, "The guest divided by zero.", "A bug of the guest."),
  TRAP_INTEGER_OVERFLOW(422, "An integer operation of the guest overflowed.", "A bug of it."),
  TRAP_BAD_CONVERSION(
      422, "The guest converted a float that fits no integer.", "A bug of the guest."),
  TRAP_OTHER(422, "The guest trapped.", "The detail is the engine's own."),
  GUEST_OUT_OF_MEMORY(
      422,
      "The guest has no memory left: its allocator answered 0 or a buffer outside its memory.",
      "Free what is not needed, or allow it more memory: --memory."),
  GUEST_BAD_REPLY(
      422,
      "spirit_handle answered a pointer and length outside of memory.",
      "Return (pointer << 32) | length of bytes that stay valid until the next call."),
  APPLICATION_ERROR(
      422, "The Spirit ended the turn by fail().", "The detail is the Spirit's own message."),
  GUEST_EXITED(
      422,
      "The guest ended itself by exit() instead of answering the message.",
      "Return from spirit_handle; a panic or a failed assertion also ends here, see its log."),
  EFFECT_LIMIT_EXCEEDED(
      422,
      "The turn asked for more effects or bytes of effects than a turn may have.",
      "Send fewer messages in one turn."),
  SPIRIT_INIT_FAILED(
      422,
      "The Spirit could not be started: its start function or spirit_init failed.",
      "The detail holds the cause; the next message tries again."),
  REPLAY_DIVERGED(
      500,
      "Replaying a recorded turn gave another result than the record.",
      "Report it with the module; the Spirit is stopped and its history is untouched."),
  FUNCTION_NOT_FOUND(
      404, "The module exports no such function.", "Use one of those that the detail lists."),
  ARGUMENT_INVALID(
      400,
      "An argument does not fit the function's parameter.",
      "See the signature in the detail."),

  // Messages
  SPIRIT_ID_INVALID(
      400,
      "This is no Spirit id.",
      "Write TYPE/ID: a letter and up to 63 of letters, digits, '_', '-', '.'; then 1 to 128 of"
          + " letters, digits and '_-.:@~+='."),
  SPIRIT_TYPE_UNKNOWN(
      404, "No Spirit type of this name is deployed.", "Deploy it: vudo deploy FILE --name TYPE."),
  SPIRIT_NOT_FOUND(
      404,
      "No Spirit lives at this address.",
      "A Spirit exists from its first message on: send it one; vudo spirits --all lists them."),
  SPIRIT_EXISTS(
      409,
      "A Spirit of this id exists already; nothing was changed.",
      "Choose an id that has never been used; vudo spirits --all lists those that were."),
  TURN_NOT_FOUND(
      404,
      "The Spirit's history has no such turn.",
      "Name one of the turns that the detail tells; vudo history lists them."),
  HISTORY_INCOMPLETE(
      410,
      "The beginning of the Spirit's history was deleted, so no earlier state can be rebuilt.",
      "vudo history still lists the turns that the detail names."),
  SPIRIT_TYPE_INVALID(
      400,
      "This is no name for a Spirit type.",
      "A letter and up to 63 of letters, digits, '_', '-', '.'."),
  MAILBOX_FULL(
      429,
      "As many messages wait as the Spirit's mailbox, or the node, holds; this one was not taken.",
      "Send slower and retry; the detail names the bound: --mailbox, vudo.spirit.max-mailbox-bytes"
          + " or vudo.spirit.max-node-mailbox-bytes."),
  PAYLOAD_TOO_LARGE(
      413,
      "The payload is larger than the limit.",
      "Send less, or raise vudo.limits.max-payload-bytes."),
  ASK_TIMEOUT(
      504,
      "No answer came within the caller's timeout; the message may still be handled.",
      "Raise --timeout, or ask again with the same Idempotency-Key."),
  OUTCOME_FORGOTTEN(
      410,
      "The message was, or may have been, handled before, and how it ended is not remembered any more;"
          + " it was not handled again.",
      "Ask for the result in another way; or raise vudo.spirit.max-idempotency-keys and"
          + " vudo.spirit.max-idempotency-key-bytes."),
  SPIRIT_UNAVAILABLE(
      503,
      "The Spirit cannot be reached or recovered right now.",
      "Retry; the detail and the node's log hold the cause."),
  ACTOR_UNKNOWN(
      503,
      "No JVM service that can be reached has registered an actor of this name.",
      "Start the service; messages wait for it, and questions until their time is over."),
  ACTOR_FAILED(
      422,
      "The actor of a JVM service refused the message for good.",
      "The detail is the actor's own code and text; mend the cause and replay the dead letter."),
  RELOCATION_FAILED(
      503,
      "The Spirit could not be moved to the other node; it goes on where it is.",
      "Retry; the detail says what kept it."),
  NODE_UNKNOWN(
      404,
      "The cluster has no such node, or it takes no Spirits now.",
      "Use a name that vudo status prints, of a node that is not draining."),
  ROLL_STOPPED(
      503,
      "The rolling restart stopped; the other nodes serve on.",
      "Mend the node that the detail names (its log says why), and begin again: vudo roll."),
  DEAD_LETTER_NOT_FOUND(
      404,
      "There is no dead letter of this id.",
      "It was replayed or dropped, or there was no room for it; vudo dead-letters lists those there"
          + " are."),
  SPIRIT_FAILED(
      409,
      "The Spirit has failed and takes no messages until it is restarted.",
      "Mend the cause, which the detail names, then: vudo restart TYPE/ID; load an embedded Spirit"
          + " again."),
  LINKED_FAILED(
      409,
      "A Spirit to which this one is linked has failed, and so this one has, too.",
      "Mend the one that the detail names, then restart each: vudo restart TYPE/ID."),
  LIMIT_INVALID(
      400, "A limit is outside of what the node allows.", "Use a value in the range shown."),

  // Swapping code
  SWAP_INCOMPATIBLE(
      409,
      "The state cannot go over to the new module; the Spirit goes on with the one it has.",
      "Build the module with the same memory layout, or export spirit_save from the module before"
          + " and spirit_load from the new one; then swap again."),
  SWAP_FAILED(
      422,
      "spirit_save or spirit_load failed; the Spirit goes on with the module it has.",
      "The detail holds the cause. Mend the module and swap again."),
  SWAP_DIFFERENCES(
      409,
      "The last turns end otherwise on the new module; nothing was changed.",
      "Look at the differences; if they are what you want, swap with --accept-differences."),
  SWAP_NO_PREVIOUS(
      409,
      "There is no module to go back to.",
      "vudo swap --rollback undoes a swap; to go to some other module, pass it with --to."),

  // Capabilities
  CAPABILITY_UNKNOWN(
      400, "There is no capability of this name.", "Use one of those that the detail lists."),
  CAPABILITY_DENIED(
      403, "The Spirit was not granted this capability.", "Deploy the type with --grant."),

  // Tuples
  TUPLE_INVALID(
      400,
      "This is no tuple.",
      "A JSON or MessagePack array of null, bool, int, float, string, bytes or arrays."),
  TUPLE_TOO_LARGE(413, "The tuple is larger than 1 MiB encoded.", "Store less in one tuple."),
  TUPLE_ARITY(400, "A tuple has 1 to 1,000 fields.", "Add a field, or nest or split the tuple."),
  TUPLE_TOO_DEEP(400, "The tuple is nested too deeply.", "Nest at most 32 levels."),
  TEMPLATE_INVALID(
      400,
      "This is no template.",
      "A JSON array whose fields are values, {\"?\": \"any\"}, {\"?\": TYPE}, {\"?\": [OPERATOR, VALUE]},"
          + " or such arrays."),
  PREDICATE_INVALID(
      400,
      "The template has a predicate that is none.",
      "An operator and a value of its types: = and != any value; <, <=, > and >= a bool, int,"
          + " float, string or bytes; in a tuple of 1 to 1,000 values; startsWith a string or"
          + " bytes."),
  SPACE_NAME_INVALID(
      400,
      "This is no name for a space.",
      "A letter and up to 63 of letters, digits, '_', '-', '.'."),
  LEASE_INVALID(400, "A lease is 0 (for ever) or a positive number of ms.", "Correct ttl."),
  LEASE_UNKNOWN(
      404,
      "There is no such lease (any more): its tuple was taken, its time is over, or it was"
          + " cancelled.",
      "Take what write answered; write the tuple again if it is still wanted."),
  BATCH_TOO_LARGE(
      413,
      "One operation takes at most 1,000 tuples, 1 MiB encoded in all; and reads or takes at most"
          + " 10,000.",
      "Split it; in a transaction the parts happen together."),
  BARRIER_INVALID(
      400,
      "A barrier has a name of 1 to 256 characters and 1 to 100,000 parties.",
      "Correct the name or the number of parties."),
  BARRIER_MISMATCH(
      409,
      "Others that wait at the barrier named another number of parties.",
      "Let all parties name the same number, or use another name."),
  TRANSACTION_UNKNOWN(
      404,
      "There is no such transaction (any more).",
      "Begin a new one; how long one may last, begin says."),
  TRANSACTION_ABORTED(
      409,
      "The transaction was aborted, by a call or because its time was over; nothing of it was"
          + " done.",
      "Begin a new one, with a longer timeout if need be."),
  TRANSACTIONS_FULL(
      429,
      "As many transactions are open in the space as may.",
      "Retry later, or raise vudo.tuplespace.max-transactions."),
  WATCH_TOO_SLOW(
      429,
      "Changes came faster than the watcher took them in; the watch is over.",
      "Watch again with a narrower template, read the space again, and do less in the handler."),
  WATCHERS_FULL(
      429,
      "As many watch the space as may.",
      "End watches that nobody needs, or raise vudo.tuplespace.max-watchers."),
  SPACE_UNAVAILABLE(503, "The space cannot be reached right now.", "Retry."),
  SPACE_FULL(
      507,
      "The space holds as many bytes as it may; the tuple was not written.",
      "Take tuples, write them with a lease, or raise vudo.tuplespace.max-bytes."),
  WAITERS_FULL(
      429,
      "As many callers wait for a tuple of the space as may; this one does not wait.",
      "Retry later, ask without a timeout, or raise vudo.tuplespace.max-waiters or"
          + " vudo.tuplespace.max-waiters-bytes."),

  // The journal
  JOURNAL_UNAVAILABLE(
      503,
      "The journal did not take the write; nothing of it was acknowledged.",
      "See the node's log: full disk, read-only directory or a database that is away."),
  SPIRIT_FENCED(
      503,
      "Another owner has written to this journal at the same position; this one is stopped, and"
          + " nothing was written by it.",
      "Retry: the message goes to the owner that the journal took. If it happens again and again,"
          + " see the nodes' logs for a partition or for two clusters on one database."),
  JOURNAL_CORRUPT(
      500, "The journal's bytes are damaged.", "Restore the data directory from a backup."),
  JOURNAL_VERSION(
      500,
      "The data directory was written by a newer version.",
      "Run at least the version that the detail names."),
  JOURNAL_NOT_EMPTY(
      409,
      "The journal that is to take the archive holds data.",
      "Import into a data directory that is new, or into a database or vudo.journal.schema that is"
          + " empty."),
  ARCHIVE_CORRUPT(
      400,
      "The archive is damaged or cut short; nothing of it was imported.",
      "Copy it again, or export again."),
  ARCHIVE_VERSION(
      400,
      "The archive was written by a newer version.",
      "Import it with at least the version that wrote it."),
  ARCHIVE_UNUSABLE(
      400,
      "The archive cannot be read, or not be written there.",
      "Check the path, its owner and the disk; an export does not overwrite a file."),
  SNAPSHOT_CORRUPT(
      500,
      "A snapshot failed its checksum; the one before it was used.",
      "Check the disk; nothing was lost."),
  SNAPSHOT_MISMATCH(
      500,
      "The saved state belongs to another module than the one that is to run it.",
      "Restore the data directory from a backup; the state was not loaded."),
  SNAPSHOT_TOO_LARGE(
      507,
      "The Spirit's state is larger than one snapshot can hold.",
      "Deploy the type with a smaller --memory; the Spirit goes on from its turns alone."),
  DATA_DIR_IN_USE(
      409, "Another process uses this data directory.", "Stop it, or use another --data."),
  DATA_DIR_UNUSABLE(
      500, "The data directory cannot be created or written.", "Check its owner and the disk."),

  // Embedded Spirits
  SPIRIT_CLOSED(
      410, "The Spirit or its Séance was dismissed.", "Load or summon it again to go on with it."),
  SPIRIT_BUSY(
      409,
      "A Loa function called the Spirit that waits for its answer.",
      "A Spirit handles one call at a time: answer first, and call it when its call is over."),
  ALREADY_SUMMONED(
      409,
      "A Spirit of this name takes part in the Séance; nothing was changed.",
      "Choose another name, or dismiss the one that is there."),
  NOT_SUMMONED(
      404,
      "No Spirit of this name takes part in the Séance.",
      "Summon it; the detail lists those that are there."),
  INTERFACE_MISMATCH(
      400,
      "The Java interface does not fit the module's exports.",
      "Correct the method that the detail names."),
  LOA_INVALID(
      400,
      "This is no Loa: a name, a version or a function of it cannot be.",
      "A name like logging, a version like 1.0.0, and functions of different names."),
  LOA_EXISTS(
      409,
      "A Loa of this name and version is registered; nothing was changed.",
      "Unregister it, or register another version."),
  LOA_FAILED(
      422,
      "A function of a Loa failed, and with it the call of the Spirit that called it.",
      "The detail names the function and what it threw."),

  // Names of the process system
  PROCESS_NAME_INVALID(
      400,
      "This is no name of a process.",
      "Write GROUP.NAME.FUNCTION or TYPE/ID.FUNCTION: up to 256 of letters, digits and"
          + " '_-.:@~+=/'; the function is what follows the last dot."),
  PROCESS_UNKNOWN(
      404,
      "Nothing on this node answers to the name: no Loa, no handler, no Spirit type.",
      "Register a Loa, put the script into the node's directory, or deploy the type; GET"
          + " /v1/process lists what there is."),
  PROCESS_EXISTS(
      409,
      "The name is registered already; nothing was changed.",
      "Remove what is registered under it, or choose another name."),
  PROCESS_FAILED(
      422,
      "What stands behind the name failed.",
      "The detail is its own status and text, as Exception|404:no such order."),
  PROCESS_BUSY(
      429,
      "As many calls wait for this Loa or handler as may; this one was not taken.",
      "Call slower and retry; or raise vudo.process.threads and vudo.process.max-waiting."),
  SCRIPT_UNAVAILABLE(
      410,
      "The script's file is gone, or cannot be run as it is.",
      "The detail says which file; put it (back) into the directory of scripts, and compile"
          + " JavaScript to .wasm."),

  // Memory of embedded Spirits
  POINTER_INVALID(
      400,
      "The address lies outside of the Spirit's memory, or is none that alloc answered.",
      "Pass what alloc or the Spirit answered; free each once."),
  GENE_INVALID(
      400,
      "The layout or the values of a gene cannot be.",
      "Correct the field that the detail names."),
  GHOST_INVALID(
      400,
      "The declaration of a Ghost cannot be.",
      "Correct the line or the step that the detail names."),
  GHOST_MISMATCH(
      400,
      "A step of the Ghost does not fit the function that it calls.",
      "Correct the step that the detail names: what it takes, and what its answer is read as."),
  GHOST_TIMEOUT(
      504,
      "The Ghost was not done when its time was up; steps of it may have been done.",
      "Raise its timeout, or see in its result which step took so long."),
  GHOST_RUN_MISMATCH(
      409,
      "Another Ghost, or the same with other members or inputs, was run under this key.",
      "Use one key for one run; vudo ghost show KEY tells what was run under it."),
  GHOST_RUN_NOT_FOUND(
      404,
      "No Ghost was run under this key, or its result is not kept any more.",
      "Results are kept for vudo.ghost.retention after the end."),
  GHOSTS_FULL(
      429,
      "As many Ghosts run on the node as may; this one was not begun.",
      "Retry later, or raise vudo.ghost.max-running."),
  GHOST_TOO_LARGE(
      413,
      "The Ghost, its inputs or its results are larger than the limit.",
      "Pass less, or raise vudo.ghost.max-input-bytes or vudo.ghost.max-result-bytes, which the detail"
          + " names."),

  // Node, gateway and command
  REQUEST_INVALID(400, "The request is not understood.", "See the detail."),
  NOT_FOUND(404, "There is nothing at this address.", "See docs for the paths."),
  CALL_CANCELLED(
      503,
      "The caller gave up before an answer came; the message may still be handled.",
      "Ask again with the same idempotency key. The detail says whether the caller was interrupted or"
          + " its client closed."),
  INTERFACE_INVALID(
      400,
      "The Java interface cannot stand for a Spirit.",
      "Change the method that the detail names; VudoClient's Javadoc has the rules."),
  REPLY_INVALID(
      502,
      "The Spirit's reply is not what the caller's interface declares; the message was handled.",
      "Declare the type that the Spirit replies, or use the codec that it uses."),
  NODE_UNREACHABLE(
      503, "No node answers at this address.", "Start one: vudo node; or pass --node URL."),
  ADDRESS_IN_USE(500, "The port is taken.", "Stop the other process, or choose another port."),
  RESIDENCY_LIMIT(
      503,
      "The node holds as many live instances as it can.",
      "Retry: idle Spirits are passivated; or raise vudo.spirit.max-instances."),
  CONFIG_INVALID(400, "The configuration is wrong.", "See the detail."),
  CLUSTER_UNREACHABLE(
      503,
      "The node did not become a member of its cluster.",
      "Start a node that is among the seeds, or correct --seed; the detail says what each seed did."),
  TLS_INVALID(
      400,
      "The files for TLS cannot be used.",
      "Correct what the detail names: PEM files of one key (between nodes an RSA key), its"
          + " certificate and the CA that issued it."),
  CALLERS_INVALID(
      400,
      "The file that says who may call the gateway cannot be used.",
      "Correct what the detail names; docs/security.md has the file's form."),
  GATEWAY_UNPROTECTED(
      400,
      "The gateway would be open to others than this machine without protection.",
      "Set vudo.gateway.tls and vudo.gateway.callers-file (docs/security.md), or listen on"
          + " 127.0.0.1."),
  UNAUTHENTICATED(
      401,
      "The gateway does not know who calls.",
      "Send a token that its callers file knows: vudo --token-file FILE, or Authorization: Bearer"
          + " TOKEN; or show a client certificate that it names."),
  FORBIDDEN(
      403,
      "The caller may not do this.",
      "Use a caller that has the role which the detail names, or add it to its entry in the callers"
          + " file."),
  RATE_LIMITED(
      429,
      "The caller asks for more than it may.",
      "Retry after the seconds in Retry-After, or raise its limits in the callers file or"
          + " vudo.gateway.limits."),
  INTERNAL_ERROR(500, "A fault of the node itself.", "Report it with the node's log.");

  private final int httpStatus;
  private final String summary;
  private final String fix;

  ErrorCode(int httpStatus, String summary, String fix) {
    this.httpStatus = httpStatus;
    this.summary = summary;
    this.fix = fix;
  }

  /** The HTTP status under which the gateway answers this error. */
  public int httpStatus() {
    return httpStatus;
  }

  /** What went wrong, one sentence. */
  public String summary() {
    return summary;
  }

  /** How to mend it, one sentence. */
  public String fix() {
    return fix;
  }

  /**
   * The constant of this name, or {@link #INTERNAL_ERROR} when a newer peer sent one that this
   * version does not know.
   */
  public static ErrorCode of(String code) {
    for (ErrorCode c : values()) {
      if (c.name().equals(code)) {
        return c;
      }
    }
    return INTERNAL_ERROR;
  }
}
