/*
 * A worker: takes one chunk out of the tuplespace, counts its words, sends the counts to
 * the collector and goes on with a message to itself. Start as many as there are cores.
 *
 *   work [MS]  takes one ["chunk", number, bytes]; waits up to MS milliseconds for one
 *              (default 0: only what is there). With a chunk: sends its counts to
 *              wc-collector/main as "counts" and "work MS" to itself, replies
 *              "chunk <number>". Without one: replies "idle" and waits for the next "work"
 *   status     replies the number of chunks this worker has counted
 *
 * The take, the two messages and the worker's own state are one turn: killed at any
 * moment, the chunk is either still in the space or its counts are on their way.
 *
 * Capabilities: tuplespace_take:wordcount, cross_sandbox_call
 */
#define VUDO_SPIRIT_IMPLEMENTATION
#include "vudo_tuple.h"
#include "words.h"

static uint64_t chunks; /* state, and the only one: everything else lives for one turn */

/* Counts the words of a text in place and appends "word TAB count LF" for each. */
static void count_words(uint8_t *text, uint32_t length, vudo_buffer *counts) {
    /* A word takes at least two bytes with what separates it, so a table with a slot for
     * each byte is at most half full. */
    uint32_t capacity = 16;
    while (capacity < length) capacity *= 2;
    uint64_t size = (uint64_t)capacity * sizeof(word);
    word *table = size > UINT32_MAX ? NULL : vudo_turn_alloc((uint32_t)size);
    if (table == NULL) vudo_fail(OUT_OF_MEMORY, VUDO_STR("out of memory"));
    __builtin_memset(table, 0, (uint32_t)size);

    for (uint32_t at = 0; at < length;) {
        if (!is_letter(text[at])) {
            at++;
            continue;
        }
        uint32_t start = at;
        for (; at < length && is_letter(text[at]); at++) text[at] |= 0x20;
        uint32_t hash = hash_of(text + start, at - start);
        word *slot = slot_of(table, capacity, text + start, at - start, hash);
        if (slot->text == NULL) *slot = (word){text + start, at - start, hash, 0};
        slot->count++;
    }

    for (uint32_t i = 0; i < capacity; i++) {
        if (table[i].text == NULL) continue;
        vudo_put(counts, table[i].text, table[i].length);
        vudo_put_byte(counts, '\t');
        vudo_put_decimal(counts, table[i].count);
        vudo_put_byte(counts, '\n');
    }
}

static uint64_t work(const uint8_t *payload, uint32_t length) {
    uint64_t patience = 0;
    if (length != 0 && (!vudo_parse_decimal(payload, length, &patience) || patience > INT64_MAX))
        vudo_fail(BAD_REQUEST, VUDO_STR("work takes a number of milliseconds"));

    vudo_buffer template = {0};
    vudo_put_tuple(&template, 3);
    vudo_put_string(&template, VUDO_STR("chunk"));
    vudo_put_any(&template);
    vudo_put_any(&template);

    uint8_t *tuple;
    uint32_t tuple_length;
    int32_t status = vudo_tuplespace_take(SPACE, template.data, template.length, (int64_t)patience,
                                          &tuple, &tuple_length);
    if (status == VUDO_NOT_FOUND || status == VUDO_TIMEOUT) return vudo_reply(VUDO_STR("idle"));
    must(status, VUDO_STR("tuplespace_take"));

    vudo_reader reader = vudo_read(tuple, tuple_length);
    vudo_get_tuple(&reader);
    vudo_get_string(&reader);
    int64_t number = vudo_get_int(&reader);
    vudo_bytes text = vudo_get_bytes(&reader);
    if (reader.failed) vudo_fail(BAD_REQUEST, VUDO_STR("a chunk is [\"chunk\", number, bytes]"));

    vudo_buffer counts = {0};
    /* The reader's bytes are const, the tuple's buffer is this turn's own. */
    count_words(tuple + (text.data - tuple), text.length, &counts);

    vudo_name self;
    vudo_fetch_name(vudo_self, &self);
    must(vudo_send_message(COLLECTOR, VUDO_STR("counts"), counts.data, counts.length),
         VUDO_STR("send_message to the collector"));
    must(vudo_send_message(self.text, self.length, VUDO_STR("work"), payload, length),
         VUDO_STR("send_message to itself"));
    chunks++;

    vudo_buffer reply = {0};
    vudo_put(&reply, VUDO_STR("chunk "));
    vudo_put_decimal(&reply, (uint64_t)number);
    return vudo_reply_buffer(&reply);
}

VUDO_HANDLE(payload, length) {
    vudo_name type;
    vudo_fetch_name(vudo_message_type, &type);
    if (vudo_name_is(&type, VUDO_STR("work"))) return work(payload, length);
    if (!vudo_name_is(&type, VUDO_STR("status"))) unknown_message_type();
    vudo_buffer reply = {0};
    vudo_put_decimal(&reply, chunks);
    return vudo_reply_buffer(&reply);
}
