/*
 * example.h - what the examples of coordination share: errors, numbers in payloads, and
 * templates that are written often.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include "vudo_tuple.h"

/* Application errors, in HTTP's terms because everybody knows them. */
enum { BAD_REQUEST = 400, CONFLICT = 409, FAILED_DEPENDENCY = 424, OUT_OF_MEMORY = 507 };

/* Ends the turn unless the host did what it was asked: nothing then happened, and the
 * sender learns why. Answers what the host answered. */
static inline int32_t must(int32_t status, const char *what, uint32_t what_len) {
    if (status >= 0) return status;
    vudo_buffer message = {0};
    vudo_put(&message, what, what_len);
    vudo_put(&message, VUDO_STR(": status -"));
    vudo_put_decimal(&message, (uint64_t)-(int64_t)status);
    vudo_fail(FAILED_DEPENDENCY, (const char *)message.data, message.length);
}

__attribute__((noreturn)) static inline void unknown_message_type(void) {
    vudo_fail(BAD_REQUEST, VUDO_STR("unknown message type"));
}

__attribute__((noreturn)) static inline void bad_payload(void) {
    vudo_fail(BAD_REQUEST, VUDO_STR("the payload is not what this message takes"));
}

static inline void *must_malloc(uint64_t size) {
    void *block = size > UINT32_MAX ? NULL : vudo_malloc((uint32_t)size);
    if (block == NULL) vudo_fail(OUT_OF_MEMORY, VUDO_STR("out of memory"));
    return block;
}

/* The next word of a text, up to a space or the end; empty when there is none. */
static inline vudo_bytes next_word(vudo_bytes *text) {
    while (text->length != 0 && *text->data == ' ') text->data++, text->length--;
    vudo_bytes word = {text->data, 0};
    while (text->length != 0 && *text->data != ' ') text->data++, text->length--, word.length++;
    return word;
}

/* The next word as a number from `least` to `most`; `otherwise` when there is no word. */
static inline int64_t next_number(vudo_bytes *text, int64_t least, int64_t most,
                                  int64_t otherwise) {
    vudo_bytes word = next_word(text);
    if (word.length == 0) return otherwise;
    uint64_t value;
    if (!vudo_parse_decimal(word.data, word.length, &value) || value > (uint64_t)most ||
        (int64_t)value < least)
        bad_payload();
    return (int64_t)value;
}

static inline void send_to_self(const char *type, uint32_t type_len, const void *payload,
                                uint32_t length) {
    vudo_name self;
    vudo_fetch_name(vudo_self, &self);
    must(vudo_send_message(self.text, self.length, type, type_len, payload, length),
         VUDO_STR("send_message"));
}

#endif /* EXAMPLE_H */
