/*
 * The master of a matrix multiplication: puts one tuple for each row of the left matrix
 * into the space and collects the rows of the product, whoever computed them.
 *
 *   multiply   the bytes of two n by n matrices, the left one first, rows after each other,
 *              floats of 8 bytes, little-endian; replies n. 409 while another one is at work
 *   status     replies "rows n": how many rows of the product are there
 *   product    replies the bytes of the product; 409 as long as it is not complete
 *   collect    its own: waits for rows
 *
 * Nobody tells the master who works, and nobody assigns work: a worker that comes takes
 * what is there, one that goes leaves what it had not finished.
 *
 * Capabilities: tuplespace_write:matrix, tuplespace_take:matrix, cross_sandbox_call
 */
#define VUDO_SPIRIT_IMPLEMENTATION
#include "matrix.h"

enum { MOST_ROWS = 256, PATIENCE_MILLIS = 1000 };

/* State. */
static int64_t job;
static uint32_t n, rows;
static uint8_t *product; /* n rows */

static uint32_t row_size(void) { return n * (uint32_t)sizeof(double); }

static uint64_t multiply(const uint8_t *payload, uint32_t length) {
    if (rows < n) vudo_fail(CONFLICT, VUDO_STR("at work"));
    uint32_t size = 1;
    while (size < MOST_ROWS && 2 * size * size * sizeof(double) < length) size++;
    if (2 * size * size * sizeof(double) != length) bad_payload();

    job++;
    n = size;
    rows = 0;
    vudo_free(product);
    product = must_malloc((uint64_t)n * row_size());

    vudo_buffer factor = {0};
    vudo_put_tuple(&factor, 3);
    vudo_put_string(&factor, VUDO_STR("factor"));
    vudo_put_int(&factor, job);
    vudo_put_bytes(&factor, payload + n * row_size(), n * row_size());
    must(vudo_tuplespace_write(SPACE, factor.data, factor.length, 0), VUDO_STR("write"));
    for (uint32_t i = 0; i < n; i++) {
        vudo_buffer row = {0};
        put_row(&row, VUDO_STR("row"), job, i, payload + i * row_size(), row_size());
        must(vudo_tuplespace_write(SPACE, row.data, row.length, 0), VUDO_STR("write"));
    }
    send_to_self(VUDO_STR("collect"), NULL, 0);

    vudo_buffer reply = {0};
    vudo_put_decimal(&reply, n);
    return vudo_reply_buffer(&reply);
}

/* The factor goes when nobody needs it any more. It is there; but when a crash ended an earlier
 * run of this turn, the space needs a moment to learn that what that run had taken is free. */
static void clean_up(void) {
    vudo_buffer factor = {0};
    vudo_put_tuple(&factor, 3);
    vudo_put_string(&factor, VUDO_STR("factor"));
    vudo_put_int(&factor, job);
    vudo_put_any(&factor);
    uint8_t *tuple;
    uint32_t length;
    must(vudo_tuplespace_take(SPACE, factor.data, factor.length, 60000, &tuple, &length),
         VUDO_STR("take the factor"));
}

/* Puts a row in its place in the product. */
static void put_in_place(vudo_reader *reader) {
    vudo_get_tuple(reader);
    vudo_skip(reader);
    vudo_skip(reader);
    uint64_t number = (uint64_t)vudo_get_int(reader);
    vudo_bytes row = vudo_get_bytes(reader);
    if (reader->failed || number >= n || row.length != row_size()) bad_payload();
    __builtin_memcpy(product + number * row_size(), row.data, row.length);
    rows++;
}

/* Waits for one row and takes the others that are there by then. The takes and the rows in
 * the product are one turn. */
static uint64_t collect(void) {
    vudo_buffer any_row = {0};
    vudo_put_tuple(&any_row, 4);
    vudo_put_string(&any_row, VUDO_STR("product"));
    vudo_put_int(&any_row, job);
    vudo_put_any(&any_row);
    vudo_put_any(&any_row);
    uint8_t *tuple, *others;
    uint32_t length, others_length;
    int32_t status = vudo_tuplespace_take(SPACE, any_row.data, any_row.length, PATIENCE_MILLIS,
                                          &tuple, &length);
    if (status != VUDO_TIMEOUT) {
        must(status, VUDO_STR("take a row"));
        must(vudo_tuplespace_take_all(SPACE, any_row.data, any_row.length, MOST_ROWS, &others,
                                      &others_length),
             VUDO_STR("take rows"));
        vudo_reader one = vudo_read(tuple, length), all = vudo_read(others, others_length);
        put_in_place(&one);
        for (uint32_t i = vudo_get_tuple(&all); i > 0; i--) put_in_place(&all);
    }
    if (rows < n) send_to_self(VUDO_STR("collect"), NULL, 0);
    else clean_up();
    return VUDO_NO_REPLY;
}

VUDO_HANDLE(payload, length) {
    vudo_name type;
    vudo_fetch_name(vudo_message_type, &type);
    if (vudo_name_is(&type, VUDO_STR("multiply"))) return multiply(payload, length);
    if (vudo_name_is(&type, VUDO_STR("collect"))) return collect();
    if (vudo_name_is(&type, VUDO_STR("product"))) {
        if (n == 0 || rows < n) vudo_fail(CONFLICT, VUDO_STR("not complete"));
        return vudo_reply(product, n * row_size());
    }
    if (!vudo_name_is(&type, VUDO_STR("status"))) unknown_message_type();
    vudo_buffer reply = {0};
    vudo_put_decimal(&reply, rows);
    vudo_put_byte(&reply, ' ');
    vudo_put_decimal(&reply, n);
    return vudo_reply_buffer(&reply);
}
