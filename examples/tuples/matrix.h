/*
 * matrix.h - the tuples between the master and its workers, in the space "matrix":
 *
 *   ["factor", job, bytes]           the right matrix; every worker reads it
 *   ["row", job, number, bytes]      work: one row of the left matrix; one worker takes it
 *   ["product", job, number, bytes]  done: the same row of the product; the master takes it
 *
 * A row is n floats of 8 bytes, a matrix is its rows.
 */
#ifndef MATRIX_H
#define MATRIX_H

#include "example.h"

#define SPACE VUDO_STR("matrix")

static inline void put_row(vudo_buffer *b, const char *kind, uint32_t kind_len, int64_t job,
                           int64_t number, const void *row, uint32_t length) {
    vudo_put_tuple(b, 4);
    vudo_put_string(b, kind, kind_len);
    vudo_put_int(b, job);
    vudo_put_int(b, number);
    vudo_put_bytes(b, row, length);
}

#endif /* MATRIX_H */
