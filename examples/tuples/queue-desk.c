/*
 * A desk of the work queue, for those who work outside of the node, in any language: each
 * message is one turn, so what it does happens as a whole or not at all, and under an
 * Idempotency-Key once. queue.h explains the queue.
 *
 *   add ID PAYLOAD            a job; both are numbers; replies "added"
 *   claim                     replies "ID ATTEMPT PAYLOAD", or nothing when there is no work
 *   renew ID ATTEMPT          in time, that is within 3 s; replies "go on" or "late"
 *   finish ID ATTEMPT VALUE   replies "done", or "late" when somebody else has taken over
 *
 * Use one desk for each worker: "queue-desk/<worker>". A desk has no state.
 *
 * Capabilities: tuplespace_read:queue, tuplespace_take:queue, tuplespace_write:queue
 */
#define VUDO_SPIRIT_IMPLEMENTATION
#include "queue.h"

VUDO_HANDLE(payload, length) {
    vudo_name type;
    vudo_fetch_name(vudo_message_type, &type);
    vudo_bytes words = {payload, length};
    vudo_buffer reply = {0};
    if (vudo_name_is(&type, VUDO_STR("claim"))) {
        claimed job;
        if (claim_new(&job, 0) || claim_abandoned(&job)) {
            vudo_put_decimal(&reply, (uint64_t)job.id);
            vudo_put_byte(&reply, ' ');
            vudo_put_decimal(&reply, (uint64_t)job.attempt);
            vudo_put_byte(&reply, ' ');
            vudo_put_decimal(&reply, (uint64_t)job.payload);
        }
        return vudo_reply_buffer(&reply);
    }
    int64_t id = next_number(&words, 0, INT64_MAX, -1);
    int64_t second = next_number(&words, 0, INT64_MAX, -1);
    int64_t third = next_number(&words, 0, INT64_MAX, -1);
    if (id < 0 || second < 0) bad_payload();
    if (vudo_name_is(&type, VUDO_STR("add"))) {
        vudo_buffer job = {0};
        vudo_put_tuple(&job, 3);
        vudo_put_string(&job, VUDO_STR("job"));
        vudo_put_int(&job, id);
        vudo_put_int(&job, second);
        must(vudo_tuplespace_write(SPACE, job.data, job.length, 0), VUDO_STR("write"));
        return vudo_reply(VUDO_STR("added"));
    }
    if (vudo_name_is(&type, VUDO_STR("renew")))
        return renew_claim(id, second) ? vudo_reply(VUDO_STR("go on"))
                                       : vudo_reply(VUDO_STR("late"));
    if (!vudo_name_is(&type, VUDO_STR("finish"))) unknown_message_type();
    if (third < 0) bad_payload();
    return finish(id, second, third) ? vudo_reply(VUDO_STR("done"))
                                     : vudo_reply(VUDO_STR("late"));
}
