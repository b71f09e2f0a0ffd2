/*
 * The splitter: cuts texts into chunks of about 1 KiB and puts them into the tuplespace
 * "wordcount" as ["chunk", number, bytes], for whichever worker takes them.
 *
 *   text <bytes>  a piece of a text, at most 256 KiB; pieces may be cut anywhere, in the
 *                 middle of a word too; replies the number of chunks written so far
 *   done          the text is complete: writes what is left, replies the number of chunks
 *                 written. A "text" that follows begins another text
 *   status        replies the number of chunks written so far
 *
 * Capability: tuplespace_write:wordcount
 */
#define VUDO_SPIRIT_IMPLEMENTATION
#include "vudo_tuple.h"
#include "words.h"

enum { CHUNK = 1024, LARGEST_PIECE = 256 * 1024, LARGEST_REST = 512 * 1024 };

/* State: how many chunks there are, and the end of the text that is in none of them yet. */
static uint64_t chunks;
static uint8_t *rest;
static uint32_t rest_length;

static void write_chunk(const uint8_t *text, uint32_t length) {
    vudo_buffer tuple = {0};
    vudo_buffer_reserve(&tuple, length + 32);
    vudo_put_tuple(&tuple, 3);
    vudo_put_string(&tuple, VUDO_STR("chunk"));
    vudo_put_int(&tuple, (int64_t)chunks);
    vudo_put_bytes(&tuple, text, length);
    must(vudo_tuplespace_write(SPACE, tuple.data, tuple.length, 0), VUDO_STR("tuplespace_write"));
    chunks++;
}

/* Writes all of the text that can be cut into chunks and returns where it stopped. */
static uint32_t write_chunks(const uint8_t *text, uint32_t length) {
    uint32_t from = 0;
    while (length - from > CHUNK) {
        uint32_t to = from + CHUNK; /* a cut between two letters would make two words of one */
        while (to < length && is_letter(text[to - 1]) && is_letter(text[to])) to++;
        if (to == length) break; /* the word may go on in the next piece */
        write_chunk(text + from, to - from);
        from = to;
    }
    return from;
}

/* Keeps bytes until the next message, outside turn memory. */
static void keep(const uint8_t *bytes, uint32_t length) {
    uint8_t *kept = NULL;
    if (length > LARGEST_REST) vudo_fail(BAD_REQUEST, VUDO_STR("a word of more than 512 KiB"));
    if (length != 0) {
        kept = vudo_malloc(length);
        if (kept == NULL) vudo_fail(OUT_OF_MEMORY, VUDO_STR("out of memory"));
        __builtin_memcpy(kept, bytes, length);
    }
    vudo_free(rest);
    rest = kept;
    rest_length = length;
}

VUDO_HANDLE(payload, length) {
    vudo_name type;
    vudo_fetch_name(vudo_message_type, &type);

    if (vudo_name_is(&type, VUDO_STR("text"))) {
        if (length > LARGEST_PIECE) vudo_fail(BAD_REQUEST, VUDO_STR("a piece of more than 256 KiB"));
        vudo_buffer text = {0};
        vudo_buffer_reserve(&text, rest_length + length);
        vudo_put(&text, rest, rest_length);
        vudo_put(&text, payload, length);
        uint32_t written = write_chunks(text.data, text.length);
        keep(text.data + written, text.length - written);
    } else if (vudo_name_is(&type, VUDO_STR("done"))) {
        if (rest_length != 0) write_chunk(rest, rest_length);
        keep(NULL, 0);
    } else if (!vudo_name_is(&type, VUDO_STR("status"))) {
        unknown_message_type();
    }

    vudo_buffer reply = {0};
    vudo_put_decimal(&reply, chunks);
    return vudo_reply_buffer(&reply);
}
