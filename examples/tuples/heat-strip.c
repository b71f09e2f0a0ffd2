/*
 * Heat diffusion on a plate that is cut into strips, one Spirit for each. In every step a
 * strip needs the rows next to its own from its neighbours; all meet at a barrier before
 * anybody goes on.
 *
 *   start    "index strips columns steps" as text, a line feed, and the rows of the strip,
 *            floats of 8 bytes, little-endian; replies "started"
 *   status   replies the number of steps done
 *   rows     replies the bytes of the strip
 *   step     its own: one step
 *
 * The tuples, in the space "heat":
 *   ["edge", strip, upper, step, bytes]   the uppermost (upper = true) or lowermost row of a
 *                                         strip as it is before the step; its neighbour reads it
 *
 * A step is a turn. It reads the edges of the neighbours, waits at the barrier, takes its own
 * edges away, computes, and writes its new edges, which others see after the commit. Without
 * the barrier a fast strip would take its edges away before a slow neighbour has read them.
 * The waits come first: the turn runs again from its start after each.
 *
 * The edges of the plate keep their heat.
 *
 * Capabilities: tuplespace_read:heat, tuplespace_write:heat, tuplespace_take:heat,
 * cross_sandbox_call
 */
#define VUDO_SPIRIT_IMPLEMENTATION
#include "example.h"

#define SPACE VUDO_STR("heat")
#define CONDUCTIVITY 0.1

/* How long to wait for a neighbour; after that the step is tried again. */
enum { PATIENCE_MILLIS = 600000 };

/* State. */
static int64_t index_, strips, columns, steps, step;
static uint32_t rows;
static double *heat; /* rows + 2 rows: the first and the last are the neighbours' */

static uint32_t row_size(void) { return (uint32_t)columns * (uint32_t)sizeof(double); }

static double *row(uint32_t i) { return heat + i * (uint32_t)columns; }

static void put_edge(vudo_buffer *b, int64_t strip, bool upper) {
    vudo_put_tuple(b, 5);
    vudo_put_string(b, VUDO_STR("edge"));
    vudo_put_int(b, strip);
    vudo_put_bool(b, upper);
    vudo_put_int(b, step);
}

static void write_edge(bool upper) {
    vudo_buffer edge = {0};
    put_edge(&edge, index_, upper);
    vudo_put_bytes(&edge, row(upper ? 1 : rows), row_size());
    must(vudo_tuplespace_write(SPACE, edge.data, edge.length, 0), VUDO_STR("write an edge"));
}

/* Above the first strip and below the last one is nobody. */
static void write_edges(void) {
    if (index_ > 0) write_edge(true);
    if (index_ < strips - 1) write_edge(false);
}

static void read_edge(int64_t strip, bool upper, double *to) {
    vudo_buffer edge = {0};
    put_edge(&edge, strip, upper);
    vudo_put_any(&edge);
    uint8_t *tuple;
    uint32_t length;
    must(vudo_tuplespace_read(SPACE, edge.data, edge.length, PATIENCE_MILLIS, &tuple, &length),
         VUDO_STR("read an edge"));
    vudo_reader reader = vudo_read(tuple, length);
    vudo_get_tuple(&reader);
    for (int i = 0; i < 4; i++) vudo_skip(&reader);
    vudo_bytes bytes = vudo_get_bytes(&reader);
    if (reader.failed || bytes.length != row_size()) bad_payload();
    __builtin_memcpy(to, bytes.data, bytes.length);
}

/* It is there; but when a crash ended an earlier run of this turn, the space needs a moment to
 * learn that what that run had taken is free again. So this waits, too. */
static void remove_edge(bool upper) {
    vudo_buffer edge = {0};
    put_edge(&edge, index_, upper);
    vudo_put_any(&edge);
    uint8_t *tuple;
    uint32_t length;
    must(vudo_tuplespace_take(SPACE, edge.data, edge.length, PATIENCE_MILLIS, &tuple, &length),
         VUDO_STR("take an edge"));
}

static uint64_t start(uint8_t *payload, uint32_t length) {
    if (heat != NULL) vudo_fail(CONFLICT, VUDO_STR("started already"));
    uint32_t line = 0;
    while (line < length && payload[line] != '\n') line++;
    vudo_bytes words = {payload, line};
    index_ = next_number(&words, 0, 1000, 0);
    strips = next_number(&words, 1, 1000, 1);
    columns = next_number(&words, 1, 10000, 1);
    steps = next_number(&words, 0, 1000000, 0);
    uint32_t size = line == length ? 0 : length - line - 1;
    rows = size / row_size();
    if (rows == 0 || rows * row_size() != size || index_ >= strips) bad_payload();
    heat = must_malloc((uint64_t)size + 2 * row_size());
    __builtin_memcpy(row(1), payload + line + 1, size);
    if (steps > 0) {
        write_edges();
        send_to_self(VUDO_STR("step"), NULL, 0);
    }
    return vudo_reply(VUDO_STR("started"));
}

static uint64_t do_step(void) {
    if (index_ > 0) read_edge(index_ - 1, false, row(0));
    if (index_ < strips - 1) read_edge(index_ + 1, true, row(rows + 1));
    vudo_buffer name = {0};
    vudo_put(&name, VUDO_STR("step "));
    vudo_put_decimal(&name, (uint64_t)step);
    must(vudo_tuplespace_barrier(SPACE, (const char *)name.data, name.length, (uint32_t)strips,
                                 PATIENCE_MILLIS),
         VUDO_STR("barrier"));
    if (index_ > 0) remove_edge(true);
    if (index_ < strips - 1) remove_edge(false);

    double *next = vudo_turn_alloc(rows * row_size());
    if (next == NULL) vudo_fail(OUT_OF_MEMORY, VUDO_STR("out of memory"));
    __builtin_memcpy(next, row(1), rows * row_size());
    uint32_t first = index_ == 0 ? 2 : 1, last = index_ == strips - 1 ? rows - 1 : rows;
    for (uint32_t i = first; i <= last; i++)
        for (uint32_t j = 1; j + 1 < (uint32_t)columns; j++) {
            double around = row(i - 1)[j] + row(i + 1)[j] + row(i)[j - 1] + row(i)[j + 1];
            next[(i - 1) * (uint32_t)columns + j] =
                row(i)[j] + CONDUCTIVITY * (around - 4 * row(i)[j]);
        }
    __builtin_memcpy(row(1), next, rows * row_size());

    if (++step < steps) {
        write_edges();
        send_to_self(VUDO_STR("step"), NULL, 0);
    }
    return VUDO_NO_REPLY;
}

VUDO_HANDLE(payload, length) {
    vudo_name type;
    vudo_fetch_name(vudo_message_type, &type);
    if (vudo_name_is(&type, VUDO_STR("step"))) return do_step();
    if (vudo_name_is(&type, VUDO_STR("start"))) return start(payload, length);
    if (vudo_name_is(&type, VUDO_STR("rows"))) {
        if (heat == NULL) vudo_fail(CONFLICT, VUDO_STR("not started"));
        return vudo_reply(row(1), rows * row_size());
    }
    if (!vudo_name_is(&type, VUDO_STR("status"))) unknown_message_type();
    vudo_buffer reply = {0};
    vudo_put_decimal(&reply, (uint64_t)step);
    return vudo_reply_buffer(&reply);
}
