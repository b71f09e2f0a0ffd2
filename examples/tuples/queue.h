/*
 * queue.h - a work queue whose workers may die, for work that is longer than one turn.
 *
 * Work that fits in a turn needs none of this: take the job, compute, write the result. A
 * take belongs to its turn, so a worker that dies in the middle has taken nothing
 * (matrix-worker.c). Work that takes many turns, or is done outside of the node, needs a
 * claim: a tuple with a lease, which the worker renews as long as it is at work. The lease of
 * one who died ends, and somebody else takes the job over.
 *
 * The tuples, in the space "queue":
 *   ["job", id, payload]                      to be done
 *   ["doing", id, attempt, payload, lease]    somebody is at it; lease is the name of the claim's
 *   ["claim", id, attempt]                    with a lease: he is alive
 *   ["result", id, attempt, value]            done
 *
 * There is always exactly one of "job", "doing" and "result" for each id, because each change
 * from one to the next takes the one and writes the other in one turn. The claim only says
 * when it is time to take over; it decides nothing. A slow worker that was thought dead and
 * comes back therefore does no harm: the "doing" of its attempt is gone, and it is told that
 * it is late. Work may be done more than once, its result is there once.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include "example.h"

#define SPACE VUDO_STR("queue")

enum { LEASE_MILLIS = 3000, LOOK_AT_MOST = 1000 };

typedef struct claimed {
    int64_t id, attempt, payload;
} claimed;

/* ["doing", id, attempt, any, any] */
static inline bool take_doing(int64_t id, int64_t attempt) {
    vudo_buffer template = {0};
    vudo_put_tuple(&template, 5);
    vudo_put_string(&template, VUDO_STR("doing"));
    vudo_put_int(&template, id);
    vudo_put_int(&template, attempt);
    vudo_put_any(&template);
    vudo_put_any(&template);
    uint8_t *tuple;
    uint32_t length;
    int32_t status =
        vudo_tuplespace_take(SPACE, template.data, template.length, 0, &tuple, &length);
    if (status == VUDO_NOT_FOUND) return false;
    must(status, VUDO_STR("take what is being done"));
    return true;
}

static inline void put_claim(vudo_buffer *b, int64_t id, int64_t attempt) {
    vudo_put_tuple(b, 3);
    vudo_put_string(b, VUDO_STR("claim"));
    vudo_put_int(b, id);
    vudo_put_int(b, attempt);
}

/* Writes the claim and what says that the job is being done. */
static inline void write_claim(const claimed *job) {
    vudo_buffer claim = {0}, doing = {0};
    put_claim(&claim, job->id, job->attempt);
    char *lease = vudo_turn_alloc(VUDO_MAX_LEASE);
    if (lease == NULL) vudo_fail(OUT_OF_MEMORY, VUDO_STR("out of memory"));
    int32_t lease_length =
        must(vudo_tuplespace_write_leased(SPACE, claim.data, claim.length, LEASE_MILLIS, lease,
                                          VUDO_MAX_LEASE),
             VUDO_STR("write the claim"));
    vudo_put_tuple(&doing, 5);
    vudo_put_string(&doing, VUDO_STR("doing"));
    vudo_put_int(&doing, job->id);
    vudo_put_int(&doing, job->attempt);
    vudo_put_int(&doing, job->payload);
    vudo_put_string(&doing, lease, (uint32_t)lease_length);
    must(vudo_tuplespace_write(SPACE, doing.data, doing.length, 0), VUDO_STR("write"));
}

/* Takes a job that nobody has begun; waits so long for one. */
static inline bool claim_new(claimed *job, int64_t patience) {
    vudo_buffer template = {0};
    vudo_put_tuple(&template, 3);
    vudo_put_string(&template, VUDO_STR("job"));
    vudo_put_any(&template);
    vudo_put_any(&template);
    uint8_t *tuple;
    uint32_t length;
    int32_t status =
        vudo_tuplespace_take(SPACE, template.data, template.length, patience, &tuple, &length);
    if (status == VUDO_NOT_FOUND || status == VUDO_TIMEOUT) return false;
    must(status, VUDO_STR("take a job"));
    vudo_reader reader = vudo_read(tuple, length);
    vudo_get_tuple(&reader);
    vudo_skip(&reader);
    job->id = vudo_get_int(&reader);
    job->payload = vudo_get_int(&reader);
    job->attempt = 1;
    if (reader.failed) bad_payload();
    write_claim(job);
    return true;
}

/* Takes over a job whose claim has ended. */
static inline bool claim_abandoned(claimed *job) {
    vudo_buffer template = {0};
    vudo_put_tuple(&template, 5);
    vudo_put_string(&template, VUDO_STR("doing"));
    for (int i = 0; i < 4; i++) vudo_put_any(&template);
    uint8_t *tuples;
    uint32_t length;
    must(vudo_tuplespace_read_all(SPACE, template.data, template.length, LOOK_AT_MOST, &tuples,
                                  &length),
         VUDO_STR("read what is being done"));
    vudo_reader reader = vudo_read(tuples, length);
    for (uint32_t i = vudo_get_tuple(&reader); i > 0; i--) {
        vudo_get_tuple(&reader);
        vudo_skip(&reader);
        job->id = vudo_get_int(&reader);
        job->attempt = vudo_get_int(&reader);
        job->payload = vudo_get_int(&reader);
        vudo_skip(&reader);
        if (reader.failed) bad_payload();
        vudo_buffer claim = {0};
        put_claim(&claim, job->id, job->attempt);
        int64_t alive = vudo_tuplespace_count(SPACE, claim.data, claim.length);
        if (alive < 0) must((int32_t)alive, VUDO_STR("look for a claim"));
        /* Whoever takes it first has it: others find nothing. */
        if (alive == 0 && take_doing(job->id, job->attempt)) {
            job->attempt++;
            write_claim(job);
            return true;
        }
    }
    return false;
}

/* Lets the claim live on; false when somebody else has the job by now. */
static inline bool renew_claim(int64_t id, int64_t attempt) {
    vudo_buffer template = {0};
    vudo_put_tuple(&template, 5);
    vudo_put_string(&template, VUDO_STR("doing"));
    vudo_put_int(&template, id);
    vudo_put_int(&template, attempt);
    vudo_put_any(&template);
    vudo_put_any(&template);
    uint8_t *tuple;
    uint32_t length;
    int32_t status =
        vudo_tuplespace_read(SPACE, template.data, template.length, 0, &tuple, &length);
    if (status == VUDO_NOT_FOUND) return false;
    must(status, VUDO_STR("read what is being done"));
    vudo_reader reader = vudo_read(tuple, length);
    vudo_get_tuple(&reader);
    for (int i = 0; i < 4; i++) vudo_skip(&reader);
    vudo_bytes lease = vudo_get_string(&reader);
    if (reader.failed) bad_payload();
    must(vudo_tuplespace_renew(SPACE, (const char *)lease.data, lease.length, LEASE_MILLIS),
         VUDO_STR("renew"));
    return true;
}

/* Writes the result; false, and no result, when somebody else has the job by now. That is also
 * the answer for a moment when a crash ended an earlier run of this turn, which had taken it:
 * then the claim ends, and somebody does the job again. */
static inline bool finish(int64_t id, int64_t attempt, int64_t value) {
    if (!take_doing(id, attempt)) return false;
    vudo_buffer result = {0};
    vudo_put_tuple(&result, 4);
    vudo_put_string(&result, VUDO_STR("result"));
    vudo_put_int(&result, id);
    vudo_put_int(&result, attempt);
    vudo_put_int(&result, value);
    must(vudo_tuplespace_write(SPACE, result.data, result.length, 0), VUDO_STR("write"));
    return true; /* the claim ends by itself */
}

#endif /* QUEUE_H */
