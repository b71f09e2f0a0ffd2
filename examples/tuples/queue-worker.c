/*
 * A worker of the work queue whose jobs take many turns: it counts the primes below the
 * job's payload, a thousand numbers at a time. queue.h explains the queue.
 *
 *   work      begins to look for jobs, and goes on by itself
 *   status    replies "JOB ATTEMPT" of what it is at, or "idle"
 *   quit      ends the worker's life in the middle of whatever it does
 *   look      its own: takes a job, or takes one over
 *   step      its own: the next thousand numbers
 *
 * Capabilities: tuplespace_read:queue, tuplespace_take:queue, tuplespace_write:queue,
 * cross_sandbox_call
 */
#define VUDO_SPIRIT_IMPLEMENTATION
#include "queue.h"

enum { STEP = 1000, STEP_MILLIS = 100, LOOK_MILLIS = 300 };

/* State. */
static bool looking, busy;
static claimed job;
static int64_t next, primes;

static void go_on(const char *type, uint32_t type_len, int64_t delay) {
    vudo_name self;
    vudo_fetch_name(vudo_self, &self);
    int64_t timer = vudo_send_after(delay, self.text, self.length, type, type_len, NULL, 0);
    if (timer < 0) must((int32_t)timer, VUDO_STR("send_after"));
}

static void look(void) {
    if (claim_new(&job, LOOK_MILLIS) || claim_abandoned(&job)) {
        busy = true;
        next = 2;
        primes = 0;
        go_on(VUDO_STR("step"), STEP_MILLIS);
    } else {
        send_to_self(VUDO_STR("look"), NULL, 0);
    }
}

static bool is_prime(int64_t n) {
    for (int64_t divisor = 2; divisor * divisor <= n; divisor++)
        if (n % divisor == 0) return false;
    return true;
}

static void do_step(void) {
    for (int64_t i = 0; i < STEP && next < job.payload; i++, next++)
        if (is_prime(next)) primes++;
    bool complete = next >= job.payload;
    bool mine = complete ? finish(job.id, job.attempt, primes) : renew_claim(job.id, job.attempt);
    if (mine && !complete) {
        go_on(VUDO_STR("step"), STEP_MILLIS);
        return;
    }
    busy = false; /* done, or somebody else has it */
    send_to_self(VUDO_STR("look"), NULL, 0);
}

VUDO_HANDLE(payload, length) {
    vudo_name type;
    vudo_fetch_name(vudo_message_type, &type);
    vudo_buffer reply = {0};
    if (vudo_name_is(&type, VUDO_STR("work"))) {
        if (!looking) send_to_self(VUDO_STR("look"), NULL, 0);
        looking = true;
        return vudo_reply(VUDO_STR("looking"));
    }
    /* What an earlier life sent to itself means nothing to this one. */
    if (vudo_name_is(&type, VUDO_STR("look"))) {
        if (looking && !busy) look();
        return VUDO_NO_REPLY;
    }
    if (vudo_name_is(&type, VUDO_STR("step"))) {
        if (busy) do_step();
        return VUDO_NO_REPLY;
    }
    if (vudo_name_is(&type, VUDO_STR("quit"))) {
        vudo_name self;
        vudo_fetch_name(vudo_self, &self);
        must(vudo_stop(self.text, self.length), VUDO_STR("stop"));
        return vudo_reply(VUDO_STR("bye"));
    }
    if (!vudo_name_is(&type, VUDO_STR("status"))) unknown_message_type();
    if (!busy) return vudo_reply(VUDO_STR("idle"));
    vudo_put_decimal(&reply, (uint64_t)job.id);
    vudo_put_byte(&reply, ' ');
    vudo_put_decimal(&reply, (uint64_t)job.attempt);
    return vudo_reply_buffer(&reply);
}
