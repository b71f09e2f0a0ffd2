/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vudo_spirit.h - the flat binding of vudo:spirit@1.0.0 for C and C++.
 *
 * A Spirit in C is one file, compiled without a C library:
 *
 *     #define VUDO_SPIRIT_IMPLEMENTATION      // in exactly one file of the module
 *     #include "vudo_spirit.h"
 *
 *     static uint32_t count;                  // state: the node keeps all of memory
 *
 *     VUDO_HANDLE(payload, length) {
 *         vudo_buffer reply = {0};
 *         vudo_put_decimal(&reply, ++count);
 *         return vudo_reply_buffer(&reply);
 *     }
 *
 *     clang --target=wasm32-unknown-unknown -Oz -ffreestanding -mbulk-memory -c counter.c
 *     wasm-ld --no-entry --stack-first -z stack-size=16384 --strip-all counter.o -o counter.wasm
 *
 * The turn. Handling one message is a transaction: what this header's functions
 * do to the world (messages, spawns, tuples) happens when the turn has become
 * durable, and not at all when it fails. A function that waits suspends the turn:
 * memory goes back to the start of the turn, and when the answer is there the
 * turn runs again from its start and gets the recorded answer. So ask first, work
 * afterwards; each wait runs the turn once more. Meanwhile other messages wait in
 * their order. A wait survives a crash of the node.
 *
 * Conventions. A string or byte sequence is passed as pointer and length; strings
 * are UTF-8 and not zero-terminated. Functions return VUDO_OK or a negative
 * vudo_status unless their comment says otherwise. VUDO_INVALID_MEMORY and
 * VUDO_INVALID_PARAMETER are possible for every function that takes a pointer.
 */
#ifndef VUDO_SPIRIT_H
#define VUDO_SPIRIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __wasm_bulk_memory__
#error "vudo_spirit.h needs memory.copy and memory.fill: compile with --target=wasm32-unknown-unknown -mbulk-memory"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define VUDO_IMPORT(name) __attribute__((import_module("spirit"), import_name(name)))
#define VUDO_EXPORT(name) __attribute__((export_name(name), used))

/* A string literal as the two arguments "pointer, length". */
#define VUDO_STR(literal) (literal), (uint32_t)(sizeof(literal) - 1)

typedef enum vudo_status {
    VUDO_OK = 0,
    VUDO_CAPABILITY_DENIED = -1, /* the Spirit was not granted what the function needs */
    VUDO_INVALID_MEMORY = -2,    /* a pointer or length outside memory, or spirit_alloc returned 0 */
    VUDO_INVALID_PARAMETER = -3, /* not a Spirit id, not UTF-8, not a tuple */
    VUDO_STORAGE_ERROR = -4,     /* the storage behind the Spirit failed */
    VUDO_NETWORK_ERROR = -5,     /* a peer could not be reached */
    VUDO_CREDIT_ERROR = -6,      /* not enough credit, or no such reservation */
    VUDO_BUFFER_TOO_SMALL = -7,  /* a buffer of the guest is too small */
    VUDO_INTERNAL_ERROR = -8,    /* the node failed; its log says why */
    VUDO_NOT_FOUND = -9,         /* no such Spirit, tuple, key, timer or Loa */
    VUDO_TIMEOUT = -10,          /* the time given for waiting is over */
    VUDO_LIMIT_EXCEEDED = -11,   /* a limit of the Spirit or of the node would be exceeded */
    VUDO_FAILED = -12,           /* the turn of the Spirit that was asked failed */
} vudo_status;

typedef enum vudo_log_level {
    VUDO_TRACE = 0,
    VUDO_DEBUG = 1,
    VUDO_INFO = 2,
    VUDO_WARN = 3,
    VUDO_ERROR = 4,
} vudo_log_level;

/* ------------------------------------------------------------------ imports
 *
 * Names: the first four write a short UTF-8 string to `buf` and return its full
 * length; when that exceeds `cap`, nothing is written. No capability.
 */

/* The Spirit that runs: "counter/alice". */
VUDO_IMPORT("self") int32_t vudo_self(char *buf, uint32_t cap);

/* The Spirit that sent the message; length 0 when the sender is no Spirit. */
VUDO_IMPORT("sender") int32_t vudo_sender(char *buf, uint32_t cap);

/* The type the sender gave the message, for example "add". */
VUDO_IMPORT("message_type") int32_t vudo_message_type(char *buf, uint32_t cap);

/* The message's id, unique for ever; the same when a message is redelivered. */
VUDO_IMPORT("message_id") int32_t vudo_message_id(char *buf, uint32_t cap);

/* Sends a message when the turn commits; effectively once, and in order per pair
 * of Spirits. `to` may be the Spirit itself. Capability: cross_sandbox_call. */
VUDO_IMPORT("send_message")
int32_t vudo_send_message(const char *to, uint32_t to_len, const char *type, uint32_t type_len,
                          const void *payload, uint32_t payload_len);

/* Sends a message at once and waits up to `timeout` milliseconds (1 to 365 days)
 * for the reply; suspends the turn. The reply's buffer comes from spirit_alloc; a
 * Spirit that gave none replied nothing. VUDO_TIMEOUT: the message may still be
 * handled. VUDO_FAILED: its turn failed, the buffer holds "CODE: detail".
 * VUDO_NOT_FOUND: no such type of Spirit. The message overtakes those that this
 * turn sends. Capability: cross_sandbox_call. */
VUDO_IMPORT("ask")
int32_t vudo_ask(const char *to, uint32_t to_len, const char *type, uint32_t type_len,
                 const void *payload, uint32_t payload_len, int64_t timeout,
                 uint8_t **out_ptr, uint32_t *out_len);

/* Suspends the turn for so many milliseconds. No capability. */
VUDO_IMPORT("sleep") int32_t vudo_sleep(int64_t millis);

/* Sends a message `delay` milliseconds (0 to 365 days) after the turn; it outlives
 * crashes and restarts. Returns the timer's number, or a negative status.
 * Capability: cross_sandbox_call. */
VUDO_IMPORT("send_after")
int64_t vudo_send_after(int64_t delay, const char *to, uint32_t to_len, const char *type,
                        uint32_t type_len, const void *payload, uint32_t payload_len);

/* Cancels a timer of this Spirit; VUDO_NOT_FOUND when it has fired. */
VUDO_IMPORT("cancel_timer") int32_t vudo_cancel_timer(int64_t timer);

/* Sends the Spirit itself a message after `delay` milliseconds and then every
 * `period` milliseconds (at least 1,000; 0 = only once), in place of an earlier
 * reminder of that name. Missed times are made up for by one message. Returns the
 * timer's number, or a negative status. Capability: cross_sandbox_call. */
VUDO_IMPORT("remind")
int64_t vudo_remind(const char *name, uint32_t name_len, int64_t delay, int64_t period,
                    const char *type, uint32_t type_len, const void *payload,
                    uint32_t payload_len);

/* Cancels the reminder of this name; VUDO_NOT_FOUND. */
VUDO_IMPORT("cancel_reminder") int32_t vudo_cancel_reminder(const char *name, uint32_t name_len);

/* Creates the Spirit `type/id` when the turn commits and passes `init` to its
 * spirit_init. A Spirit that exists is left as it is. Capability: spawn_sandbox. */
VUDO_IMPORT("spawn")
int32_t vudo_spawn(const char *type, uint32_t type_len, const char *id, uint32_t id_len,
                   const void *init, uint32_t init_len);

/* Ends the life of the Spirit `id` ("type/id") when the turn commits. Capability:
 * spawn_sandbox; none for the Spirit itself. */
VUDO_IMPORT("stop") int32_t vudo_stop(const char *id, uint32_t id_len);

/* The Spirit that spawned this one, like the names above; length 0 when a message
 * began its life, and in a fork. No capability. */
VUDO_IMPORT("parent") int32_t vudo_parent(char *buf, uint32_t cap);

/* Watches the Spirit `id` when the turn commits. When its life ends, or it is
 * halted by a failure, one message of type "down" arrives with the payload
 * "TYPE/ID REASON", and the watch is over. The reason is "stopped", the code of the
 * error, "not_found" at once when there is no such Spirit (none begins to live by
 * that), or "limit" at once when too many watch it. Capability: spawn_sandbox. */
VUDO_IMPORT("monitor") int32_t vudo_monitor(const char *id, uint32_t id_len);

/* Ends a watch; a "down" may be on its way already. Capability: spawn_sandbox. */
VUDO_IMPORT("demonitor") int32_t vudo_demonitor(const char *id, uint32_t id_len);

/* Links this Spirit and another one when the turn commits: when one is halted by a
 * failure, so is the other (LINKED_FAILED), and all to which that is linked. A life
 * that is ended by "stop" ends the link only. A Spirit that cannot be linked answers
 * "down", as for vudo_monitor. Capability: spawn_sandbox. */
VUDO_IMPORT("link") int32_t vudo_link(const char *id, uint32_t id_len);

/* Ends the link, whoever made it. Capability: spawn_sandbox. */
VUDO_IMPORT("unlink") int32_t vudo_unlink(const char *id, uint32_t id_len);

/* Adds a tuple to a space when the turn commits. `tuple` is a MessagePack array
 * (see vudo_tuple.h); `ttl` is its lease in milliseconds, 0 = for ever.
 * VUDO_LIMIT_EXCEEDED. Capability: tuplespace_write, or tuplespace_write:<space>. */
VUDO_IMPORT("tuplespace_write")
int32_t vudo_tuplespace_write(const char *space, uint32_t space_len, const void *tuple,
                              uint32_t tuple_len, int64_t ttl);

/* A copy of the oldest tuple that matches, in a buffer from spirit_alloc. With
 * `timeout` 0 the answer comes at once, VUDO_NOT_FOUND when nothing matches; above
 * 0 the turn is suspended for up to that many milliseconds, VUDO_TIMEOUT when they
 * are over. Either way the turn may run again from its start with the recorded
 * answer. Capability: tuplespace_read, or tuplespace_read:<space>. */
VUDO_IMPORT("tuplespace_read")
int32_t vudo_tuplespace_read(const char *space, uint32_t space_len, const void *template_,
                             uint32_t template_len, int64_t timeout, uint8_t **out_ptr,
                             uint32_t *out_len);

/* Like vudo_tuplespace_read, and removes the tuple: it is gone exactly when this
 * turn is durable, and back in the space when the turn fails. Capability:
 * tuplespace_take, or tuplespace_take:<space>. */
VUDO_IMPORT("tuplespace_take")
int32_t vudo_tuplespace_take(const char *space, uint32_t space_len, const void *template_,
                             uint32_t template_len, int64_t timeout, uint8_t **out_ptr,
                             uint32_t *out_len);

/* The turn is the transaction, over as many spaces as it uses: there is no begin and no
 * commit. What it takes is out of everybody's sight from the call on and gone with the
 * commit, or back when the turn fails; what it writes comes into sight after the commit,
 * one after the other. A turn sees none of its own writes. */

/* The longest name of a lease. */
enum { VUDO_MAX_LEASE = 512 };

/* Copies of up to `limit` tuples that match (1 to 10,000), oldest first, as one
 * MessagePack array of them; an empty one when there is none. VUDO_TIMEOUT when the
 * space did not answer. Capability: tuplespace_read, or tuplespace_read:<space>. */
VUDO_IMPORT("tuplespace_read_all")
int32_t vudo_tuplespace_read_all(const char *space, uint32_t space_len, const void *template_,
                                 uint32_t template_len, uint32_t limit, uint8_t **out_ptr,
                                 uint32_t *out_len);

/* Like vudo_tuplespace_read_all, and removes the tuples as vudo_tuplespace_take does;
 * each is one effect of the turn. Capability: tuplespace_take. */
VUDO_IMPORT("tuplespace_take_all")
int32_t vudo_tuplespace_take_all(const char *space, uint32_t space_len, const void *template_,
                                 uint32_t template_len, uint32_t limit, uint8_t **out_ptr,
                                 uint32_t *out_len);

/* How many tuples match, or a negative status. Capability: tuplespace_read. */
VUDO_IMPORT("tuplespace_count")
int64_t vudo_tuplespace_count(const char *space, uint32_t space_len, const void *template_,
                              uint32_t template_len);

/* Takes the oldest tuple that matches `expected` and writes `replacement` when the turn
 * commits; `out` is what was taken. VUDO_NOT_FOUND when nothing matches, also while
 * another turn has the tuple: then nothing is done. Capabilities: tuplespace_take and
 * tuplespace_write. */
VUDO_IMPORT("tuplespace_swap")
int32_t vudo_tuplespace_swap(const char *space, uint32_t space_len, const void *expected,
                             uint32_t expected_len, const void *replacement,
                             uint32_t replacement_len, int64_t ttl, uint8_t **out_ptr,
                             uint32_t *out_len);

/* Like vudo_tuplespace_write with a `ttl` of at least 1. Writes the name of the lease to
 * `buf`, which is good with VUDO_MAX_LEASE bytes, and returns its length;
 * VUDO_BUFFER_TOO_SMALL, and then no tuple is written. Capability: tuplespace_write. */
VUDO_IMPORT("tuplespace_write_leased")
int32_t vudo_tuplespace_write_leased(const char *space, uint32_t space_len, const void *tuple,
                                     uint32_t tuple_len, int64_t ttl, char *buf, uint32_t cap);

/* Lets the tuple of a lease live for `ttl` milliseconds from the commit on, 0 = for ever.
 * Does nothing when the tuple is not there any more then. Capability: tuplespace_write,
 * and tuplespace_take for a lease that this Spirit did not write. */
VUDO_IMPORT("tuplespace_renew")
int32_t vudo_tuplespace_renew(const char *space, uint32_t space_len, const char *lease,
                              uint32_t lease_len, int64_t ttl);

/* Removes the tuple of a lease when the turn commits; otherwise as vudo_tuplespace_renew. */
VUDO_IMPORT("tuplespace_cancel_lease")
int32_t vudo_tuplespace_cancel_lease(const char *space, uint32_t space_len, const char *lease,
                                     uint32_t lease_len);

/* Suspends the turn until `parties` (1 to 100,000) have arrived at the barrier `name` (1 to
 * 256 characters) of the space, at most `timeout` milliseconds (1 or more), and returns in
 * which place this Spirit arrived, from 0. It arrives at once, also when the turn fails
 * later; after VUDO_TIMEOUT nobody counts on it. VUDO_INVALID_PARAMETER when others wait
 * there for another number. Capability: tuplespace_write. */
VUDO_IMPORT("tuplespace_barrier")
int32_t vudo_tuplespace_barrier(const char *space, uint32_t space_len, const char *name,
                                uint32_t name_len, uint32_t parties, int64_t timeout);

/* Watches the tuples that match from the commit on, in place of an earlier watch `name` (1 to
 * 256 characters) of the space. Each change is a message of type "tuple.added",
 * "tuple.removed" or "tuple.expired" with the MessagePack array [name, space, tuple];
 * "tuple.missed" with [name, space, nil] says that changes may have been lost. The watch
 * ends with the Spirit's life. Capability: tuplespace_read. */
VUDO_IMPORT("tuplespace_watch")
int32_t vudo_tuplespace_watch(const char *space, uint32_t space_len, const void *template_,
                              uint32_t template_len, const char *name, uint32_t name_len);

/* Ends a watch when the turn commits, if there is one; nothing of it arrives afterwards.
 * Capability: tuplespace_read. */
VUDO_IMPORT("tuplespace_unwatch")
int32_t vudo_tuplespace_unwatch(const char *space, uint32_t space_len, const char *name,
                                uint32_t name_len);

/* Writes one line to the Spirit's log when the turn commits; `level` is a
 * vudo_log_level. Without the capability actuator_log the line is dropped. */
VUDO_IMPORT("log") void vudo_log(int32_t level, const char *message, uint32_t message_len);

/* Nanoseconds since 1970-01-01T00:00:00Z, recorded with the turn; a negative
 * status without the capability sensor_time. */
VUDO_IMPORT("now") int64_t vudo_now(void);

/* Fills `buf` with strong random bytes, recorded with the turn. Capability:
 * sensor_random. */
VUDO_IMPORT("random") int32_t vudo_random(void *buf, uint32_t len);

/* The value of a key of the Spirit's own store, in a buffer from
 * spirit_alloc; VUDO_NOT_FOUND. Capability: storage_read. */
VUDO_IMPORT("storage_get")
int32_t vudo_storage_get(const char *key, uint32_t key_len, uint8_t **out_ptr, uint32_t *out_len);

/* Sets a key; part of the turn. VUDO_LIMIT_EXCEEDED when the store would be too
 * large. Capability: storage_write. */
VUDO_IMPORT("storage_put")
int32_t vudo_storage_put(const char *key, uint32_t key_len, const void *value, uint32_t value_len);

/* Removes a key, an absent one too; part of the turn. Capability:
 * storage_delete. */
VUDO_IMPORT("storage_delete") int32_t vudo_storage_delete(const char *key, uint32_t key_len);

/* Calls what stands behind a dotted name: "payments.charge" of a Loa,
 * "scripts.validate.Check" of a script, "counter/alice.add" of a Spirit. Arguments are
 * an array in MessagePack or JSON, the result is in the same encoding. The turn waits,
 * as in vudo_ask. With VUDO_OK the buffer from spirit_alloc holds the result; with
 * VUDO_FAILED (what was called says so), VUDO_NOT_FOUND (nothing answers to the name),
 * VUDO_TIMEOUT, VUDO_LIMIT_EXCEEDED and VUDO_INTERNAL_ERROR a text,
 * "Exception|404:no such order"; with other statuses its length is 0. Capability:
 * process:<name or its beginning>. */
VUDO_IMPORT("process")
int32_t vudo_process(const char *name, uint32_t name_len, const void *args, uint32_t args_len,
                     uint8_t **out_ptr, uint32_t *out_len);

/* Credit: amounts are never negative, in the node's smallest unit. Capability:
 * actuator_credit. All reserved. */

/* All credit of the Spirit's account, reserved credit included; or a status. */
VUDO_IMPORT("credit_balance") int64_t vudo_credit_balance(void);

/* Moves credit to the account of another Spirit; VUDO_CREDIT_ERROR. */
VUDO_IMPORT("credit_transfer")
int32_t vudo_credit_transfer(const char *to, uint32_t to_len, int64_t amount);

/* Sets credit aside and returns the reservation's number; or a status. */
VUDO_IMPORT("credit_reserve") int64_t vudo_credit_reserve(int64_t amount);

/* Gives what is left of a reservation back. */
VUDO_IMPORT("credit_release") int32_t vudo_credit_release(int64_t reservation);

/* Spends credit out of a reservation. */
VUDO_IMPORT("credit_consume") int32_t vudo_credit_consume(int64_t reservation, int64_t amount);

/* Credit of the account that is not reserved; or a status. */
VUDO_IMPORT("credit_available") int64_t vudo_credit_available(void);

/* Ends the turn with an application error: the sender receives code and message,
 * the state is what it was before the turn, no effect leaves. Codes are the
 * Spirit's own. Does not return. No capability. */
VUDO_IMPORT("fail")
__attribute__((noreturn)) void vudo_fail(int32_t code, const char *message, uint32_t message_len);

/* ------------------------------------------------------------------- memory
 *
 * With VUDO_SPIRIT_IMPLEMENTATION this header defines the five functions below, and
 * with them the exports spirit_abi_1 and spirit_alloc. A module that brings its own
 * allocator leaves the macro out, exports the two itself, and defines
 * vudo_turn_alloc, vudo_turn_begin and vudo_turn_end.
 */

/* Memory until vudo_free; 8-byte aligned; NULL when the memory limit is reached. */
void *vudo_malloc(uint32_t size);
void vudo_free(void *block);

/* Memory until the next message arrives. Buffers that the host obtains through
 * spirit_alloc (payloads, tuples) are of this kind: copy what has to stay. */
void *vudo_turn_alloc(uint32_t size);

/* VUDO_HANDLE and its siblings call these around the guest's own code. */
void vudo_turn_begin(void);
void vudo_turn_end(void);

/* ------------------------------------------------------------------ exports */

/* The body of spirit_handle: `VUDO_HANDLE(payload, length) { ... return vudo_reply(...); }`
 * with `uint8_t *payload` and `uint32_t length`. */
#define VUDO_HANDLE(payload, length)                                                      \
    static uint64_t vudo_on_message(uint8_t *payload, uint32_t length);                   \
    VUDO_EXPORT("spirit_handle") uint64_t spirit_handle(uint8_t *ptr, uint32_t len) {     \
        vudo_turn_begin();                                                                \
        uint64_t reply = vudo_on_message(ptr, len);                                       \
        vudo_turn_end();                                                                  \
        return reply;                                                                     \
    }                                                                                     \
    static uint64_t vudo_on_message(__attribute__((unused)) uint8_t *payload,            \
                                    __attribute__((unused)) uint32_t length)

/* Optional: the body of spirit_init, run once in a Spirit's life with the argument
 * of its spawn. Anything but 0 ends the Spirit's life with that code. */
#define VUDO_INIT(argument, length)                                                       \
    static int32_t vudo_on_init(uint8_t *argument, uint32_t length);                      \
    VUDO_EXPORT("spirit_init") int32_t spirit_init(uint8_t *ptr, uint32_t len) {          \
        vudo_turn_begin();                                                                \
        int32_t status = vudo_on_init(ptr, len);                                          \
        vudo_turn_end();                                                                  \
        return status;                                                                    \
    }                                                                                     \
    static int32_t vudo_on_init(uint8_t *argument, uint32_t length)

/* Optional: the body of spirit_save; returns the state, packed like a reply, in a
 * form that a module with another memory layout can load. */
#define VUDO_SAVE()                                                                       \
    static uint64_t vudo_on_save(void);                                                   \
    VUDO_EXPORT("spirit_save") uint64_t spirit_save(void) {                               \
        vudo_turn_begin();                                                                \
        uint64_t state = vudo_on_save();                                                  \
        vudo_turn_end();                                                                  \
        return state;                                                                     \
    }                                                                                     \
    static uint64_t vudo_on_save(void)

/* Optional: the body of spirit_load, called in a fresh instance of the new module.
 * Anything but 0 leaves the old module and its state in charge. */
#define VUDO_LOAD(state, length)                                                          \
    static int32_t vudo_on_load(uint8_t *state, uint32_t length);                         \
    VUDO_EXPORT("spirit_load") int32_t spirit_load(uint8_t *ptr, uint32_t len) {          \
        vudo_turn_begin();                                                                \
        int32_t status = vudo_on_load(ptr, len);                                          \
        vudo_turn_end();                                                                  \
        return status;                                                                    \
    }                                                                                     \
    static int32_t vudo_on_load(uint8_t *state, uint32_t length)

/* ------------------------------------------------------------------ replies */

/* No reply; differs from an empty reply, whose pointer is not 0. */
#define VUDO_NO_REPLY ((uint64_t)0)

/* A reply: pointer in the high half, length in the low half. The bytes must stay
 * until the next call, which turn memory, static data and literals do. */
static inline uint64_t vudo_reply(const void *ptr, uint32_t len) {
    return (uint64_t)(uintptr_t)ptr << 32 | len;
}

/* -------------------------------------------------------------------- names */

/* What the four name functions answer, fetched once; a name that is longer than the
 * buffer has length 0 and therefore equals nothing. */
typedef struct vudo_name {
    uint32_t length;
    char text[508];
} vudo_name;

static inline void vudo_fetch_name(int32_t (*import)(char *, uint32_t), vudo_name *name) {
    int32_t length = import(name->text, sizeof name->text);
    name->length = length < 0 || length > (int32_t)sizeof name->text ? 0 : (uint32_t)length;
}

static inline bool vudo_equal(const void *a, uint32_t a_len, const void *b, uint32_t b_len) {
    const uint8_t *x = (const uint8_t *)a, *y = (const uint8_t *)b;
    if (a_len != b_len) return false;
    for (uint32_t i = 0; i < a_len; i++)
        if (x[i] != y[i]) return false;
    return true;
}

/* vudo_name_is(&name, VUDO_STR("add")) */
static inline bool vudo_name_is(const vudo_name *name, const char *text, uint32_t text_len) {
    return vudo_equal(name->text, name->length, text, text_len);
}

/* --------------------------------------------------------------------- text */

/* Bytes that grow, in turn memory; {0} is an empty one. Running out of memory ends
 * the turn with VUDO_LIMIT_EXCEEDED as the code, so no caller has to check. */
typedef struct vudo_buffer {
    uint8_t *data;
    uint32_t length, capacity;
} vudo_buffer;

static inline void vudo_buffer_reserve(vudo_buffer *b, uint32_t more) {
    if (more <= b->capacity - b->length) return;
    uint64_t wanted = (uint64_t)b->capacity * 2 + 64;
    if (wanted < (uint64_t)b->length + more) wanted = (uint64_t)b->length + more;
    uint8_t *data = wanted > UINT32_MAX ? NULL : (uint8_t *)vudo_turn_alloc((uint32_t)wanted);
    if (data == NULL) vudo_fail(VUDO_LIMIT_EXCEEDED, VUDO_STR("out of memory"));
    if (b->length != 0) __builtin_memcpy(data, b->data, b->length);
    b->data = data;
    b->capacity = (uint32_t)wanted;
}

static inline void vudo_put(vudo_buffer *b, const void *bytes, uint32_t len) {
    if (len == 0) return;
    vudo_buffer_reserve(b, len);
    __builtin_memcpy(b->data + b->length, bytes, len);
    b->length += len;
}

static inline void vudo_put_byte(vudo_buffer *b, uint8_t byte) {
    vudo_buffer_reserve(b, 1);
    b->data[b->length++] = byte;
}

static inline void vudo_put_decimal(vudo_buffer *b, uint64_t value) {
    char digits[20];
    uint32_t at = sizeof digits;
    do digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    vudo_put(b, digits + at, sizeof digits - at);
}

static inline uint64_t vudo_reply_buffer(vudo_buffer *b) {
    vudo_buffer_reserve(b, 1); /* an empty reply still needs an address */
    return vudo_reply(b->data, b->length);
}

/* Reads unsigned decimal text; false when it is empty, too large or no number. */
static inline bool vudo_parse_decimal(const void *text, uint32_t len, uint64_t *value) {
    const uint8_t *digit = (const uint8_t *)text;
    uint64_t n = 0;
    if (len == 0) return false;
    for (uint32_t i = 0; i < len; i++) {
        uint32_t d = (uint32_t)digit[i] - '0';
        if (d > 9 || n > (UINT64_MAX - d) / 10) return false;
        n = n * 10 + d;
    }
    *value = n;
    return true;
}

/* ----------------------------------------------------------- implementation */

#ifdef VUDO_SPIRIT_IMPLEMENTATION

extern uint8_t __heap_base; /* set by wasm-ld: the first address after static data */

/* A first-fit free list, ordered by address so that neighbours merge. Freed memory
 * is used again before memory grows: pages that a turn does not touch cost nothing
 * in its snapshot. */
typedef struct vudo_block {
    uint32_t size; /* of the whole block, this header included */
    struct vudo_block *next; /* only while the block is free */
} vudo_block;

enum { VUDO_PAGE = 65536, VUDO_BLOCK_HEADER = 8, VUDO_SMALLEST_BLOCK = 16 };

static vudo_block *vudo_free_blocks;
static uintptr_t vudo_heap_end;

static void vudo_insert_free(vudo_block *block) {
    vudo_block *before = NULL, *after = vudo_free_blocks;
    while (after != NULL && after < block) {
        before = after;
        after = after->next;
    }
    block->next = after;
    if (after != NULL && (uint8_t *)block + block->size == (uint8_t *)after) {
        block->size += after->size;
        block->next = after->next;
    }
    if (before == NULL) {
        vudo_free_blocks = block;
    } else if ((uint8_t *)before + before->size == (uint8_t *)block) {
        before->size += block->size;
        before->next = block->next;
    } else {
        before->next = block;
    }
}

static bool vudo_heap_grow(uint32_t size) {
    if (vudo_heap_end == 0) { /* what is left of the module's initial memory */
        uintptr_t start = ((uintptr_t)&__heap_base + 7) & ~(uintptr_t)7;
        vudo_heap_end = (uintptr_t)__builtin_wasm_memory_size(0) * VUDO_PAGE;
        if (vudo_heap_end - start >= VUDO_SMALLEST_BLOCK) {
            vudo_block *block = (vudo_block *)start;
            block->size = (uint32_t)(vudo_heap_end - start);
            vudo_insert_free(block);
            return true;
        }
    }
    uint32_t pages = (size + VUDO_PAGE - 1) / VUDO_PAGE;
    size_t old = __builtin_wasm_memory_grow(0, pages);
    if (old == (size_t)-1) return false;
    vudo_block *block = (vudo_block *)(old * VUDO_PAGE);
    block->size = pages * VUDO_PAGE;
    vudo_heap_end = (uintptr_t)block + block->size;
    vudo_insert_free(block);
    return true;
}

void *vudo_malloc(uint32_t size) {
    if (size > 0x7fff0000u) return NULL;
    uint32_t need = (size + VUDO_BLOCK_HEADER + 7) & ~7u;
    if (need < VUDO_SMALLEST_BLOCK) need = VUDO_SMALLEST_BLOCK;
    for (;;) {
        for (vudo_block **link = &vudo_free_blocks; *link != NULL; link = &(*link)->next) {
            vudo_block *block = *link;
            if (block->size < need) continue;
            if (block->size - need >= VUDO_SMALLEST_BLOCK) {
                vudo_block *rest = (vudo_block *)((uint8_t *)block + need);
                rest->size = block->size - need;
                rest->next = block->next;
                block->size = need;
                *link = rest;
            } else {
                *link = block->next;
            }
            return (uint8_t *)block + VUDO_BLOCK_HEADER;
        }
        if (!vudo_heap_grow(need)) return NULL;
    }
}

void vudo_free(void *block) {
    if (block != NULL) vudo_insert_free((vudo_block *)((uint8_t *)block - VUDO_BLOCK_HEADER));
}

/* Turn memory is a list of blocks that the first call after the turn frees: the
 * reply has to outlive the turn, and the payload of the next one arrives before it. */
typedef struct vudo_turn_block {
    struct vudo_turn_block *next;
    uint32_t padding; /* keeps what follows 8-byte aligned */
} vudo_turn_block;

static vudo_turn_block *vudo_turn_blocks;
static bool vudo_turn_over;

void vudo_turn_begin(void) {
    if (!vudo_turn_over) return;
    vudo_turn_over = false;
    while (vudo_turn_blocks != NULL) {
        vudo_turn_block *block = vudo_turn_blocks;
        vudo_turn_blocks = block->next;
        vudo_free(block);
    }
}

void vudo_turn_end(void) { vudo_turn_over = true; }

void *vudo_turn_alloc(uint32_t size) {
    if (size > 0x7ffe0000u) return NULL;
    vudo_turn_block *block = (vudo_turn_block *)vudo_malloc(size + (uint32_t)sizeof *block);
    if (block == NULL) return NULL;
    block->next = vudo_turn_blocks;
    vudo_turn_blocks = block;
    return block + 1;
}

VUDO_EXPORT("spirit_abi_1") void spirit_abi_1(void) {}

VUDO_EXPORT("spirit_alloc") void *spirit_alloc(uint32_t size) {
    vudo_turn_begin();
    return vudo_turn_alloc(size);
}

#endif /* VUDO_SPIRIT_IMPLEMENTATION */

#ifdef __cplusplus
}
#endif

#endif /* VUDO_SPIRIT_H */
