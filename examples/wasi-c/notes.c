/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes with the time they were taken: a Spirit in C with a C library, built against WASI preview 1
 * as a reactor.
 *
 *   message  payload  reply
 *   add      a text   the number of notes; a line goes to the log
 *   list              a line for each note: number, seconds since the first note, text
 *   whoami            argv[0] and two environment variables
 *   abort    any      none: takes a note and then calls exit(3), so the turn fails and the note
 *                     is gone
 *
 * grants: sensor_time, actuator_log
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wasi/api.h>

#include "vudo_spirit.h" /* without VUDO_SPIRIT_IMPLEMENTATION: the C library has an allocator */

typedef struct note {
    struct note *next;
    time_t taken;
    char *text;
} note;

/* State; nothing has to save it. */
static note *first, *last;
static unsigned count;

static char *reply; /* lives until the next message */

VUDO_EXPORT("spirit_abi_1") void spirit_abi_1(void) {}

VUDO_EXPORT("spirit_alloc") void *spirit_alloc(uint32_t size) { return malloc(size); }

static uint64_t say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&reply, format, arguments);
    va_end(arguments);
    if (length < 0) vudo_fail(507, VUDO_STR("out of memory"));
    return vudo_reply(reply, (uint32_t)length);
}

static uint64_t add(const char *text, size_t length) {
    note *taken = malloc(sizeof *taken);
    char *copy = strndup(text, length);
    if (taken == NULL || copy == NULL) vudo_fail(507, VUDO_STR("out of memory"));
    struct timespec now; /* time() of this C library tells no errors */
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) vudo_fail(403, VUDO_STR("needs sensor_time"));
    *taken = (note){NULL, now.tv_sec, copy};
    if (last != NULL)
        last->next = taken;
    else
        first = taken;
    last = taken;
    printf("note %u: %s\n", ++count, copy);
    return say("%u", count);
}

static uint64_t list(void) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) vudo_fail(507, VUDO_STR("out of memory"));
    unsigned number = 0;
    for (const note *n = first; n != NULL; n = n->next)
        fprintf(out, "%u %.0f %s\n", ++number, difftime(n->taken, first->taken), n->text);
    fclose(out);
    reply = text;
    return vudo_reply(text, (uint32_t)length);
}

static uint64_t whoami(void) {
    size_t arguments, bytes;
    if (__wasi_args_sizes_get(&arguments, &bytes) != 0 || arguments == 0)
        vudo_fail(500, VUDO_STR("no arguments"));
    uint8_t **values = malloc(arguments * sizeof *values);
    uint8_t *texts = malloc(bytes);
    if (values == NULL || texts == NULL || __wasi_args_get(values, texts) != 0)
        vudo_fail(500, VUDO_STR("no arguments"));
    uint64_t answer = say("%s %s %s", (char *)values[0], getenv("VUDO_SPIRIT_TYPE"),
                          getenv("VUDO_SPIRIT_ID"));
    free(values);
    free(texts);
    return answer;
}

VUDO_EXPORT("spirit_handle") uint64_t spirit_handle(char *payload, uint32_t length) {
    free(reply);
    reply = NULL;
    vudo_name type;
    vudo_fetch_name(vudo_message_type, &type);
    uint64_t answer = 0;
    if (vudo_name_is(&type, VUDO_STR("add"))) {
        answer = add(payload, length);
    } else if (vudo_name_is(&type, VUDO_STR("list"))) {
        answer = list();
    } else if (vudo_name_is(&type, VUDO_STR("whoami"))) {
        answer = whoami();
    } else if (vudo_name_is(&type, VUDO_STR("abort"))) {
        add(payload, length);
        fputs("giving up", stderr);
        exit(3);
    } else {
        vudo_fail(400, VUDO_STR("unknown message type"));
    }
    if (length != 0) free(payload); /* it came from spirit_alloc */
    return answer;
}
