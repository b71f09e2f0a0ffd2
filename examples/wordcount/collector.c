/*
 * The collector: adds up the counts that the workers send.
 *
 *   counts <lines>  the words of one chunk, "word TAB count LF" each; replies the number
 *                   of chunks so far
 *   top N           replies the N most frequent words as "count word LF" lines, by count
 *                   descending, then by word ascending
 *   status          replies "chunks words distinct": how many chunks, words and different
 *                   words there are so far
 *
 * Messages arrive effectively once, so the sums are exact, whatever was killed meanwhile.
 *
 * Capabilities: none
 */
#define VUDO_SPIRIT_IMPLEMENTATION
#include "words.h"

/* State: the totals, and all words in a table that is at most three quarters full. */
static uint64_t chunks, total;
static word *table;
static uint32_t capacity, distinct;

static void *must_malloc(uint64_t size) {
    void *block = size > UINT32_MAX ? NULL : vudo_malloc((uint32_t)size);
    if (block == NULL) vudo_fail(OUT_OF_MEMORY, VUDO_STR("out of memory"));
    return block;
}

static void grow_table(void) {
    uint32_t larger = capacity == 0 ? 1024 : capacity * 2;
    uint64_t size = (uint64_t)larger * sizeof(word);
    word *grown = must_malloc(size);
    __builtin_memset(grown, 0, (uint32_t)size);
    for (uint32_t i = 0; i < capacity; i++)
        if (table[i].text != NULL)
            *slot_of(grown, larger, table[i].text, table[i].length, table[i].hash) = table[i];
    vudo_free(table);
    table = grown;
    capacity = larger;
}

static void add(const uint8_t *text, uint32_t length, uint64_t count) {
    if (distinct >= capacity / 4 * 3) grow_table();
    uint32_t hash = hash_of(text, length);
    word *slot = slot_of(table, capacity, text, length, hash);
    if (slot->text == NULL) {
        uint8_t *copy = must_malloc(length);
        __builtin_memcpy(copy, text, length);
        *slot = (word){copy, length, hash, 0};
        distinct++;
    }
    slot->count += count;
    total += count;
}

static void add_lines(const uint8_t *lines, uint32_t length) {
    for (uint32_t at = 0; at < length; at++) {
        uint32_t start = at;
        while (at < length && lines[at] != '\t') at++;
        uint32_t tab = at;
        while (at < length && lines[at] != '\n') at++;
        uint64_t count;
        if (tab == start || at == length ||
            !vudo_parse_decimal(lines + tab + 1, at - tab - 1, &count))
            vudo_fail(BAD_REQUEST, VUDO_STR("counts are lines of word, tab, number"));
        add(lines + start, tab - start, count);
    }
}

/* Whether `a` comes after `b` in the order of "top". */
static bool ranks_after(const word *a, const word *b) {
    if (a->count != b->count) return a->count < b->count;
    for (uint32_t i = 0; i < a->length && i < b->length; i++)
        if (a->text[i] != b->text[i]) return a->text[i] > b->text[i];
    return a->length > b->length;
}

/* Restores the heap below `i`: no word ranks after its parent. */
static void sift_down(const word **heap, uint32_t size, uint32_t i) {
    for (;;) {
        uint32_t last = i, child = 2 * i + 1;
        if (child < size && ranks_after(heap[child], heap[last])) last = child;
        if (child + 1 < size && ranks_after(heap[child + 1], heap[last])) last = child + 1;
        if (last == i) return;
        const word *moved = heap[i];
        heap[i] = heap[last];
        heap[last] = moved;
        i = last;
    }
}

/* Keeps the best `n` words seen in a heap whose root is the last of them: one pass over
 * the table, whatever its size, and only n words to sort. */
static uint64_t top(uint64_t wanted) {
    uint32_t n = wanted < distinct ? (uint32_t)wanted : distinct, size = 0;
    const word **heap = vudo_turn_alloc(n * (uint32_t)sizeof *heap);
    if (heap == NULL) vudo_fail(OUT_OF_MEMORY, VUDO_STR("out of memory"));
    for (uint32_t i = 0; n != 0 && i < capacity; i++) {
        if (table[i].text == NULL) continue;
        if (size < n) {
            heap[size++] = &table[i];
            if (size == n)
                for (uint32_t j = n / 2; j-- > 0;) sift_down(heap, n, j);
        } else if (ranks_after(heap[0], &table[i])) {
            heap[0] = &table[i];
            sift_down(heap, n, 0);
        }
    }
    while (size > 1) { /* heapsort: the root is the last of those left, so it goes to the end */
        const word *last = heap[0];
        heap[0] = heap[--size];
        heap[size] = last;
        sift_down(heap, size, 0);
    }
    vudo_buffer reply = {0};
    for (uint32_t i = 0; i < n; i++) {
        vudo_put_decimal(&reply, heap[i]->count);
        vudo_put_byte(&reply, ' ');
        vudo_put(&reply, heap[i]->text, heap[i]->length);
        vudo_put_byte(&reply, '\n');
    }
    return vudo_reply_buffer(&reply);
}

VUDO_HANDLE(payload, length) {
    vudo_name type;
    vudo_fetch_name(vudo_message_type, &type);
    vudo_buffer reply = {0};

    if (vudo_name_is(&type, VUDO_STR("counts"))) {
        add_lines(payload, length);
        vudo_put_decimal(&reply, ++chunks);
    } else if (vudo_name_is(&type, VUDO_STR("top"))) {
        uint64_t n;
        if (!vudo_parse_decimal(payload, length, &n))
            vudo_fail(BAD_REQUEST, VUDO_STR("top takes a number of words"));
        return top(n);
    } else if (vudo_name_is(&type, VUDO_STR("status"))) {
        vudo_put_decimal(&reply, chunks);
        vudo_put_byte(&reply, ' ');
        vudo_put_decimal(&reply, total);
        vudo_put_byte(&reply, ' ');
        vudo_put_decimal(&reply, distinct);
    } else {
        unknown_message_type();
    }
    return vudo_reply_buffer(&reply);
}
