/*
 * A rate limiter: so many calls of a client in a window of time, counted over all Spirits
 * of this type together. Every gate of a service can have a Spirit of its own.
 *
 *   any other   "CLIENT [LIMIT [WINDOW]]", 100 calls in 60,000 milliseconds when not said;
 *               replies {"allowed":true,"remaining":99,"limit":100}
 *   open        its own, to rate-limiter/limits-of-CLIENT: writes the client's first count
 *
 * The tuples, in the space "limits":
 *   [client, "window", number, nil]   the window that is open; lives as long as its lease
 *   [client, "count", number, calls]  how many calls were allowed in that window
 *
 * A call takes the count, which makes everybody else wait for it, looks whether the window is
 * still there, and writes the count back, all in one turn. Nobody looks at a clock: the
 * window ends with the lease of its tuple, for all at the same moment, also when the node was
 * down in between. Both tuples have the same arity and first field, so they come into sight
 * in the order in which they were written: who gets the count sees its window.
 *
 * A refused call writes the count back as well; the window is not prolonged by it.
 *
 * Who writes the first count? Two gates that both find none must not write two. So they ask
 * rate-limiter/limits-of-CLIENT, which is one, and does it once in its life.
 *
 * Capabilities: tuplespace_read:limits, tuplespace_take:limits, tuplespace_write:limits,
 * cross_sandbox_call
 */
#define VUDO_SPIRIT_IMPLEMENTATION
#include "example.h"

#define SPACE VUDO_STR("limits")

enum { LIMIT = 100, WINDOW_MILLIS = 60000, PATIENCE_MILLIS = 10000 };

static bool opened; /* state */

static void write_tuple(const vudo_buffer *tuple, int64_t ttl) {
    must(vudo_tuplespace_write(SPACE, tuple->data, tuple->length, ttl), VUDO_STR("write"));
}

static void put_window(vudo_buffer *b, vudo_bytes client, int64_t window) {
    vudo_put_tuple(b, 4);
    vudo_put_string(b, (const char *)client.data, client.length);
    vudo_put_string(b, VUDO_STR("window"));
    vudo_put_int(b, window);
    vudo_put_null(b);
}

static void put_count(vudo_buffer *b, vudo_bytes client, int64_t window, int64_t calls) {
    vudo_put_tuple(b, 4);
    vudo_put_string(b, (const char *)client.data, client.length);
    vudo_put_string(b, VUDO_STR("count"));
    vudo_put_int(b, window);
    vudo_put_int(b, calls);
}

static uint64_t open_client(vudo_bytes client) {
    vudo_buffer count = {0};
    if (!opened) {
        put_count(&count, client, 0, 0);
        write_tuple(&count, 0);
        opened = true;
    }
    return vudo_reply(VUDO_STR("open"));
}

static void take_count(vudo_bytes client, int64_t *window, int64_t *calls) {
    vudo_buffer template = {0};
    vudo_put_tuple(&template, 4);
    vudo_put_string(&template, (const char *)client.data, client.length);
    vudo_put_string(&template, VUDO_STR("count"));
    vudo_put_any(&template);
    vudo_put_any(&template);
    uint8_t *tuple;
    uint32_t length;
    int32_t status =
        vudo_tuplespace_take(SPACE, template.data, template.length, 0, &tuple, &length);
    if (status == VUDO_NOT_FOUND) { /* in other hands, or there never was one */
        vudo_buffer owner = {0};
        vudo_put(&owner, VUDO_STR("rate-limiter/limits-of-"));
        vudo_put(&owner, client.data, client.length);
        uint8_t *reply;
        uint32_t reply_length;
        must(vudo_ask((const char *)owner.data, owner.length, VUDO_STR("open"), client.data,
                      client.length, PATIENCE_MILLIS, &reply, &reply_length),
             VUDO_STR("ask"));
        status = vudo_tuplespace_take(SPACE, template.data, template.length, PATIENCE_MILLIS,
                                      &tuple, &length);
    }
    must(status, VUDO_STR("take the count"));
    vudo_reader reader = vudo_read(tuple, length);
    vudo_get_tuple(&reader);
    vudo_skip(&reader);
    vudo_skip(&reader);
    *window = vudo_get_int(&reader);
    *calls = vudo_get_int(&reader);
    if (reader.failed) bad_payload();
}

static uint64_t call(vudo_bytes words) {
    vudo_bytes client = next_word(&words);
    int64_t limit = next_number(&words, 1, INT32_MAX, LIMIT);
    int64_t millis = next_number(&words, 1, INT32_MAX, WINDOW_MILLIS);
    if (client.length == 0) bad_payload();

    int64_t number, calls;
    take_count(client, &number, &calls);
    vudo_buffer window = {0};
    put_window(&window, client, number);
    uint8_t *tuple;
    uint32_t length;
    int32_t status = vudo_tuplespace_read(SPACE, window.data, window.length, 0, &tuple, &length);
    if (status == VUDO_NOT_FOUND) { /* over: this call begins the next one */
        number++;
        calls = 0;
        vudo_buffer next = {0};
        put_window(&next, client, number);
        write_tuple(&next, millis);
    } else {
        must(status, VUDO_STR("read the window"));
    }
    bool allowed = calls < limit;
    if (allowed) calls++;
    vudo_buffer count = {0};
    put_count(&count, client, number, calls);
    write_tuple(&count, 0);

    vudo_buffer reply = {0};
    vudo_put(&reply, VUDO_STR("{\"allowed\":"));
    if (allowed) vudo_put(&reply, VUDO_STR("true"));
    else vudo_put(&reply, VUDO_STR("false"));
    vudo_put(&reply, VUDO_STR(",\"remaining\":"));
    vudo_put_decimal(&reply, (uint64_t)(limit > calls ? limit - calls : 0));
    vudo_put(&reply, VUDO_STR(",\"limit\":"));
    vudo_put_decimal(&reply, (uint64_t)limit);
    vudo_put_byte(&reply, '}');
    return vudo_reply_buffer(&reply);
}

VUDO_HANDLE(payload, length) {
    vudo_name type;
    vudo_fetch_name(vudo_message_type, &type);
    vudo_bytes words = {payload, length};
    if (!vudo_name_is(&type, VUDO_STR("open"))) return call(words);
    vudo_bytes client = next_word(&words);
    if (client.length == 0) bad_payload();
    return open_client(client);
}
