/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vudo_tuple.h - tuples and templates as the tuplespace wants them: MessagePack.
 *
 *     vudo_buffer job = {0};                          // ["job", 7, <bytes>]
 *     vudo_put_tuple(&job, 3);
 *     vudo_put_string(&job, VUDO_STR("job"));
 *     vudo_put_int(&job, 7);
 *     vudo_put_bytes(&job, data, data_len);
 *     vudo_tuplespace_write(VUDO_STR("jobs"), job.data, job.length, 0);
 *
 *     vudo_buffer any_job = {0};                      // ["job", any int, any]
 *     vudo_put_tuple(&any_job, 3);
 *     vudo_put_string(&any_job, VUDO_STR("job"));
 *     vudo_put_typed(&any_job, VUDO_TYPE_INT);
 *     vudo_put_any(&any_job);
 *
 *     vudo_reader r = vudo_read(tuple, tuple_len);
 *     uint32_t arity = vudo_get_tuple(&r);
 *     vudo_bytes name = vudo_get_string(&r);
 *     int64_t number = vudo_get_int(&r);
 *     if (r.failed) ...                               // one check for all of them
 */
#ifndef VUDO_TUPLE_H
#define VUDO_TUPLE_H

#include "vudo_spirit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The types a field can have, as a template names them. */
typedef enum vudo_type {
    VUDO_TYPE_NULL = 0,
    VUDO_TYPE_BOOL = 1,
    VUDO_TYPE_INT = 2,
    VUDO_TYPE_FLOAT = 3,
    VUDO_TYPE_STRING = 4,
    VUDO_TYPE_BYTES = 5,
    VUDO_TYPE_TUPLE = 6,
} vudo_type;

/* ------------------------------------------------------------------ writing */

static inline void vudo_put_big_endian(vudo_buffer *b, uint64_t value, uint32_t bytes) {
    while (bytes-- > 0) vudo_put_byte(b, (uint8_t)(value >> bytes * 8));
}

/* The head of a string, bytes or an ext: `tag` is the one of the 8-bit size; those of
 * the 16-bit and the 32-bit size follow it. */
static inline void vudo_put_head(vudo_buffer *b, uint8_t tag, uint32_t size) {
    uint8_t step = size <= 0xff ? 0 : size <= 0xffff ? 1 : 2;
    vudo_put_byte(b, (uint8_t)(tag + step));
    vudo_put_big_endian(b, size, 1u << step);
}

/* Starts a tuple, a nested one too; its fields follow. */
static inline void vudo_put_tuple(vudo_buffer *b, uint32_t fields) {
    if (fields < 16) {
        vudo_put_byte(b, (uint8_t)(0x90 | fields));
    } else { /* at most 1,000 fields, so 16 bits are enough */
        vudo_put_byte(b, 0xdc);
        vudo_put_big_endian(b, fields, 2);
    }
}

static inline void vudo_put_null(vudo_buffer *b) { vudo_put_byte(b, 0xc0); }

static inline void vudo_put_bool(vudo_buffer *b, bool value) {
    vudo_put_byte(b, value ? 0xc3 : 0xc2);
}

static inline void vudo_put_int(vudo_buffer *b, int64_t value) {
    if (value >= -32 && value < 128) {
        vudo_put_byte(b, (uint8_t)value);
    } else {
        vudo_put_byte(b, 0xd3);
        vudo_put_big_endian(b, (uint64_t)value, 8);
    }
}

static inline void vudo_put_float(vudo_buffer *b, double value) {
    uint64_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    vudo_put_byte(b, 0xcb);
    vudo_put_big_endian(b, bits, 8);
}

/* `text` is UTF-8; use vudo_put_bytes for anything else. */
static inline void vudo_put_string(vudo_buffer *b, const char *text, uint32_t len) {
    if (len < 32) vudo_put_byte(b, (uint8_t)(0xa0 | len));
    else vudo_put_head(b, 0xd9, len);
    vudo_put(b, text, len);
}

static inline void vudo_put_bytes(vudo_buffer *b, const void *bytes, uint32_t len) {
    vudo_put_head(b, 0xc4, len);
    vudo_put(b, bytes, len);
}

/* In a template: matches every value. */
static inline void vudo_put_any(vudo_buffer *b) {
    vudo_put_head(b, 0xc7, 0);
    vudo_put_byte(b, 0);
}

/* In a template: matches every value of the type. */
static inline void vudo_put_typed(vudo_buffer *b, vudo_type type) {
    vudo_put_byte(b, 0xd4);
    vudo_put_byte(b, 1);
    vudo_put_byte(b, (uint8_t)type);
}

/* In a template: matches what compares to the operand, by "=", "!=", "<", "<=", ">",
 * ">=", "in" (the operand is a tuple) or "startsWith". `operand` holds one value,
 * written with the functions above. */
static inline void vudo_put_predicate(vudo_buffer *b, const char *op, uint32_t op_len,
                                      const vudo_buffer *operand) {
    vudo_buffer pair = {NULL, 0, 0};
    vudo_put_tuple(&pair, 2);
    vudo_put_string(&pair, op, op_len);
    vudo_put(&pair, operand->data, operand->length);
    vudo_put_head(b, 0xc7, pair.length);
    vudo_put_byte(b, 2);
    vudo_put(b, pair.data, pair.length);
}

/* ------------------------------------------------------------------ reading */

/* A place in an encoded tuple. The first value that is not what was asked for sets
 * `failed`, and from then on every function answers 0 or nothing. */
typedef struct vudo_reader {
    const uint8_t *at, *end;
    bool failed;
} vudo_reader;

/* A part of the encoded tuple; valid as long as its buffer. */
typedef struct vudo_bytes {
    const uint8_t *data;
    uint32_t length;
} vudo_bytes;

static inline vudo_reader vudo_read(const void *tuple, uint32_t len) {
    vudo_reader r = {(const uint8_t *)tuple, (const uint8_t *)tuple + len, false};
    return r;
}

static inline uint64_t vudo_get_big_endian(vudo_reader *r, uint32_t bytes) {
    uint64_t value = 0;
    if (r->failed || (uint32_t)(r->end - r->at) < bytes) {
        r->failed = true;
        return 0;
    }
    while (bytes-- > 0) value = value << 8 | *r->at++;
    return value;
}

static inline vudo_bytes vudo_get_part(vudo_reader *r, uint32_t len) {
    vudo_bytes part = {r->at, 0};
    if (r->failed || (uint32_t)(r->end - r->at) < len) {
        r->failed = true;
        return part;
    }
    part.length = len;
    r->at += len;
    return part;
}

/* The type of the next value, -1 at the end or before something else. */
static inline int32_t vudo_peek(const vudo_reader *r) {
    if (r->failed || r->at == r->end) return -1;
    uint8_t code = *r->at;
    if (code < 0x80 || code >= 0xe0 || (code >= 0xcc && code <= 0xd3)) return VUDO_TYPE_INT;
    if ((code & 0xf0) == 0x90 || code == 0xdc || code == 0xdd) return VUDO_TYPE_TUPLE;
    if ((code & 0xe0) == 0xa0 || (code >= 0xd9 && code <= 0xdb)) return VUDO_TYPE_STRING;
    if (code >= 0xc4 && code <= 0xc6) return VUDO_TYPE_BYTES;
    if (code == 0xca || code == 0xcb) return VUDO_TYPE_FLOAT;
    if (code == 0xc2 || code == 0xc3) return VUDO_TYPE_BOOL;
    return code == 0xc0 ? VUDO_TYPE_NULL : -1;
}

/* Enters a tuple and returns the number of its fields, which are read next. */
static inline uint32_t vudo_get_tuple(vudo_reader *r) {
    uint8_t code = (uint8_t)vudo_get_big_endian(r, 1);
    if ((code & 0xf0) == 0x90) return code & 0x0f;
    if (code == 0xdc) return (uint32_t)vudo_get_big_endian(r, 2);
    if (code == 0xdd) return (uint32_t)vudo_get_big_endian(r, 4);
    r->failed = true;
    return 0;
}

static inline void vudo_get_null(vudo_reader *r) {
    if (vudo_get_big_endian(r, 1) != 0xc0) r->failed = true;
}

static inline bool vudo_get_bool(vudo_reader *r) {
    uint8_t code = (uint8_t)vudo_get_big_endian(r, 1);
    if (code != 0xc2 && code != 0xc3) r->failed = true;
    return !r->failed && code == 0xc3;
}

static inline int64_t vudo_get_int(vudo_reader *r) {
    uint8_t code = (uint8_t)vudo_get_big_endian(r, 1);
    uint64_t value;
    if (r->failed) return 0;
    if (code < 0x80 || code >= 0xe0) return (int8_t)code;
    switch (code) {
        case 0xcc: return (int64_t)vudo_get_big_endian(r, 1);
        case 0xcd: return (int64_t)vudo_get_big_endian(r, 2);
        case 0xce: return (int64_t)vudo_get_big_endian(r, 4);
        case 0xcf:
            value = vudo_get_big_endian(r, 8);
            if (value > INT64_MAX) break;
            return (int64_t)value;
        case 0xd0: return (int8_t)vudo_get_big_endian(r, 1);
        case 0xd1: return (int16_t)vudo_get_big_endian(r, 2);
        case 0xd2: return (int32_t)vudo_get_big_endian(r, 4);
        case 0xd3: return (int64_t)vudo_get_big_endian(r, 8);
        default: break;
    }
    r->failed = true;
    return 0;
}

static inline double vudo_get_float(vudo_reader *r) {
    uint8_t code = (uint8_t)vudo_get_big_endian(r, 1);
    if (code == 0xca) {
        uint32_t bits = (uint32_t)vudo_get_big_endian(r, 4);
        float value;
        __builtin_memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (code != 0xcb) r->failed = true;
    uint64_t bits = r->failed ? 0 : vudo_get_big_endian(r, 8);
    double value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

static inline vudo_bytes vudo_get_string(vudo_reader *r) {
    uint8_t code = (uint8_t)vudo_get_big_endian(r, 1);
    uint32_t len = 0;
    if ((code & 0xe0) == 0xa0) len = code & 0x1f;
    else if (code >= 0xd9 && code <= 0xdb) len = (uint32_t)vudo_get_big_endian(r, 1u << (code - 0xd9));
    else r->failed = true;
    return vudo_get_part(r, len);
}

static inline vudo_bytes vudo_get_bytes(vudo_reader *r) {
    uint8_t code = (uint8_t)vudo_get_big_endian(r, 1);
    uint32_t len = 0;
    if (code >= 0xc4 && code <= 0xc6) len = (uint32_t)vudo_get_big_endian(r, 1u << (code - 0xc4));
    else r->failed = true;
    return vudo_get_part(r, len);
}

/* Passes over the next value, whatever it is. */
static inline void vudo_skip(vudo_reader *r) {
    /* A tuple is its head and then its fields: counting those still to come needs no
     * recursion, and so no stack that a deeply nested tuple could exhaust. */
    for (uint64_t values = 1; values > 0 && !r->failed; values--) {
        switch (vudo_peek(r)) {
            case VUDO_TYPE_NULL: vudo_get_null(r); break;
            case VUDO_TYPE_BOOL: vudo_get_bool(r); break;
            case VUDO_TYPE_INT: vudo_get_int(r); break;
            case VUDO_TYPE_FLOAT: vudo_get_float(r); break;
            case VUDO_TYPE_STRING: vudo_get_string(r); break;
            case VUDO_TYPE_BYTES: vudo_get_bytes(r); break;
            case VUDO_TYPE_TUPLE: values += vudo_get_tuple(r); break;
            default: r->failed = true;
        }
    }
}

#ifdef __cplusplus
}
#endif

#endif /* VUDO_TUPLE_H */
