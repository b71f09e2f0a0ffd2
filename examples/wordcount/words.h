/*
 * words.h - what the three word-count Spirits agree on: what a word is, how to find one
 * in a hash table, and where chunks and counts go.
 *
 * A word is what this pipeline counts, byte by byte:
 *     LC_ALL=C tr -cs 'A-Za-z' '\n' | grep . | tr 'A-Z' 'a-z' | sort | uniq -c
 * a longest run of ASCII letters, in lower case. (`grep .` drops the empty line that tr
 * leaves when a text does not start with a letter.)
 */
#ifndef WORDS_H
#define WORDS_H

#include "vudo_spirit.h"

#define SPACE VUDO_STR("wordcount")
#define COLLECTOR VUDO_STR("wc-collector/main")

/* Application errors, in HTTP's terms because everybody knows them. */
enum { BAD_REQUEST = 400, FAILED_DEPENDENCY = 424, OUT_OF_MEMORY = 507 };

static inline bool is_letter(uint8_t c) { return (uint8_t)((c | 0x20) - 'a') < 26; }

/* An open-addressing hash table with a power-of-two capacity that is never full. A slot
 * whose text is NULL is free. */
typedef struct word {
    const uint8_t *text;
    uint32_t length;
    uint32_t hash;
    uint64_t count;
} word;

static inline uint32_t hash_of(const uint8_t *text, uint32_t length) { /* FNV-1a */
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < length; i++) hash = (hash ^ text[i]) * 16777619u;
    return hash;
}

/* The slot of the word, or the free slot where it belongs. */
static inline word *slot_of(word *table, uint32_t capacity, const uint8_t *text, uint32_t length,
                            uint32_t hash) {
    uint32_t i = hash & (capacity - 1);
    while (table[i].text != NULL &&
           !(table[i].hash == hash && vudo_equal(table[i].text, table[i].length, text, length)))
        i = (i + 1) & (capacity - 1);
    return &table[i];
}

/* Ends the turn unless the host did what it was asked: nothing then happened, and the
 * sender learns why. */
static inline void must(int32_t status, const char *what, uint32_t what_len) {
    if (status >= 0) return;
    vudo_buffer message = {0};
    vudo_put(&message, what, what_len);
    vudo_put(&message, VUDO_STR(": status -"));
    vudo_put_decimal(&message, (uint64_t)-(int64_t)status);
    vudo_fail(FAILED_DEPENDENCY, (const char *)message.data, message.length);
}

__attribute__((noreturn)) static inline void unknown_message_type(void) {
    vudo_fail(BAD_REQUEST, VUDO_STR("unknown message type"));
}

#endif /* WORDS_H */
