/*
 * A worker of a matrix multiplication: takes a row, multiplies it by the right matrix,
 * writes the row of the product and goes on with a message to itself.
 *
 *   work MS    waits up to MS milliseconds for a row; replies its number, or "idle", and goes
 *              on by itself
 *   status     replies how many rows this worker has computed
 *   quit       ends the worker's life; another one may be started at any time
 *
 * The take, the written row and the message to itself are one turn: however the worker
 * ends, a row is either still there to be taken or its product is on its way, once.
 *
 * Capabilities: tuplespace_read:matrix, tuplespace_take:matrix, tuplespace_write:matrix,
 * cross_sandbox_call
 */
#define VUDO_SPIRIT_IMPLEMENTATION
#include "matrix.h"

/* State: the count, and the right matrix of the last job, which is read once. */
static uint64_t done;
static int64_t factor_job;
static double *factor;
static uint32_t factor_length;

static void read_factor(int64_t job) {
    vudo_buffer template = {0};
    vudo_put_tuple(&template, 3);
    vudo_put_string(&template, VUDO_STR("factor"));
    vudo_put_int(&template, job);
    vudo_put_any(&template);
    uint8_t *tuple;
    uint32_t length;
    /* Tuples of different kinds do not come into sight together, so it may be a moment. */
    must(vudo_tuplespace_read(SPACE, template.data, template.length, 60000, &tuple, &length),
         VUDO_STR("read the factor"));
    vudo_reader reader = vudo_read(tuple, length);
    vudo_get_tuple(&reader);
    vudo_skip(&reader);
    vudo_skip(&reader);
    vudo_bytes matrix = vudo_get_bytes(&reader);
    if (reader.failed) bad_payload();
    vudo_free(factor);
    factor = must_malloc(matrix.length);
    __builtin_memcpy(factor, matrix.data, matrix.length);
    factor_length = matrix.length;
    factor_job = job;
}

static uint64_t work(uint8_t *payload, uint32_t payload_length) {
    vudo_bytes words = {payload, payload_length};
    int64_t patience = next_number(&words, 1, 3600000, 1000);

    vudo_buffer any_row = {0};
    vudo_put_tuple(&any_row, 4);
    vudo_put_string(&any_row, VUDO_STR("row"));
    vudo_put_any(&any_row);
    vudo_put_any(&any_row);
    vudo_put_any(&any_row);
    uint8_t *tuple;
    uint32_t length;
    int32_t status = vudo_tuplespace_take(SPACE, any_row.data, any_row.length, patience, &tuple,
                                          &length);
    send_to_self(VUDO_STR("work"), payload, payload_length);
    if (status == VUDO_TIMEOUT) return vudo_reply(VUDO_STR("idle"));
    must(status, VUDO_STR("take a row"));
    vudo_reader reader = vudo_read(tuple, length);
    vudo_get_tuple(&reader);
    vudo_get_string(&reader);
    int64_t job = vudo_get_int(&reader);
    int64_t number = vudo_get_int(&reader);
    vudo_bytes row = vudo_get_bytes(&reader);
    if (reader.failed) bad_payload();
    if (job != factor_job) read_factor(job);
    uint32_t n = row.length / (uint32_t)sizeof(double);
    if (n * row.length != factor_length) bad_payload();

    double *left = vudo_turn_alloc(row.length), *result = vudo_turn_alloc(row.length);
    if (left == NULL || result == NULL) vudo_fail(OUT_OF_MEMORY, VUDO_STR("out of memory"));
    __builtin_memcpy(left, row.data, row.length);
    for (uint32_t column = 0; column < n; column++) {
        double sum = 0;
        for (uint32_t k = 0; k < n; k++) sum += left[k] * factor[k * n + column];
        result[column] = sum;
    }

    vudo_buffer product = {0};
    put_row(&product, VUDO_STR("product"), job, number, result, row.length);
    must(vudo_tuplespace_write(SPACE, product.data, product.length, 0), VUDO_STR("write"));
    done++;
    vudo_buffer reply = {0};
    vudo_put_decimal(&reply, (uint64_t)number);
    return vudo_reply_buffer(&reply);
}

VUDO_HANDLE(payload, length) {
    vudo_name type;
    vudo_fetch_name(vudo_message_type, &type);
    if (vudo_name_is(&type, VUDO_STR("work"))) return work(payload, length);
    if (vudo_name_is(&type, VUDO_STR("quit"))) {
        vudo_name self;
        vudo_fetch_name(vudo_self, &self);
        must(vudo_stop(self.text, self.length), VUDO_STR("stop"));
        return vudo_reply(VUDO_STR("bye"));
    }
    if (!vudo_name_is(&type, VUDO_STR("status"))) unknown_message_type();
    vudo_buffer reply = {0};
    vudo_put_decimal(&reply, done);
    return vudo_reply_buffer(&reply);
}
