// SPDX-License-Identifier: Apache-2.0
//
// vudo_spirit.ts - the flat binding of vudo:spirit@1.0.0 for AssemblyScript.
//
//     import { messageType, replyText, text } from "./vudo_spirit";
//     export { spirit_abi_1, spirit_alloc } from "./vudo_spirit";
//
//     let count = 0; // state: the node keeps all of memory
//
//     export function spirit_handle(ptr: usize, len: i32): u64 {
//       count++;
//       return replyText(count.toString());
//     }
//
//     asc spirit.ts -Oz --runtime incremental --use abort= -o spirit.wasm
//
// `incremental` is the runtime that collects garbage by itself; with `minimal` or `stub`
// memory grows with every message. `--use abort=` turns AssemblyScript's own import
// `env.abort` into a trap: a module may import from "spirit" only.
//
// The turn. Handling one message is a transaction: messages, spawns and tuples leave when
// the turn has become durable, and not at all when it fails. A function that waits suspends
// the turn: memory goes back to the start of the turn, and when the answer is there the turn
// runs again from its start and gets the recorded answer. So ask first, work afterwards: each
// wait runs the turn once more. Meanwhile other messages wait in their order.

/** Why a function did not do what it was asked; every function below that returns i32. */
export const enum Status {
  OK = 0,
  /** The Spirit was not granted the capability the function needs. */
  CAPABILITY_DENIED = -1,
  /** A pointer or length outside memory. */
  INVALID_MEMORY = -2,
  /** Not a Spirit id, not UTF-8, not a tuple. */
  INVALID_PARAMETER = -3,
  /** The storage behind the Spirit failed. */
  STORAGE_ERROR = -4,
  /** A peer could not be reached. */
  NETWORK_ERROR = -5,
  /** Not enough credit, or no such reservation. */
  CREDIT_ERROR = -6,
  /** A buffer of the guest is too small. */
  BUFFER_TOO_SMALL = -7,
  /** The node failed; its log says why. */
  INTERNAL_ERROR = -8,
  /** No such Spirit, tuple, key, timer or Loa. */
  NOT_FOUND = -9,
  /** The time given for waiting is over. */
  TIMEOUT = -10,
  /** A limit of the Spirit or of the node would be exceeded. */
  LIMIT_EXCEEDED = -11,
  /** The turn of the Spirit that was asked failed. */
  FAILED = -12,
}

export const enum Level {
  TRACE = 0,
  DEBUG = 1,
  INFO = 2,
  WARN = 3,
  ERROR = 4,
}

/**
 * The imports as they are; the functions below are easier to call. A module contains only
 * the imports that it calls. Those marked reserved are settled, but not provided by this
 * release's host: it refuses a module that imports one.
 */
export namespace host {
  // @ts-ignore: decorator
  @external("spirit", "self")
  export declare function self(buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "sender")
  export declare function sender(buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "message_type")
  export declare function message_type(buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "message_id")
  export declare function message_id(buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "send_message")
  export declare function send_message(to: usize, toLen: i32, type: usize, typeLen: i32, payload: usize, payloadLen: i32): i32;
  /** Suspends the turn until the reply is there; Status.FAILED also answers a buffer. */
  // @ts-ignore: decorator
  @external("spirit", "ask")
  export declare function ask(to: usize, toLen: i32, type: usize, typeLen: i32, payload: usize, payloadLen: i32, timeout: i64, outPtr: usize, outLen: usize): i32;
  /** Suspends the turn for so many milliseconds. */
  // @ts-ignore: decorator
  @external("spirit", "sleep")
  export declare function sleep(millis: i64): i32;
  // @ts-ignore: decorator
  @external("spirit", "send_after")
  export declare function send_after(delay: i64, to: usize, toLen: i32, type: usize, typeLen: i32, payload: usize, payloadLen: i32): i64;
  // @ts-ignore: decorator
  @external("spirit", "cancel_timer")
  export declare function cancel_timer(timer: i64): i32;
  // @ts-ignore: decorator
  @external("spirit", "remind")
  export declare function remind(name: usize, nameLen: i32, delay: i64, period: i64, type: usize, typeLen: i32, payload: usize, payloadLen: i32): i64;
  // @ts-ignore: decorator
  @external("spirit", "cancel_reminder")
  export declare function cancel_reminder(name: usize, nameLen: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "spawn")
  export declare function spawn(type: usize, typeLen: i32, id: usize, idLen: i32, init: usize, initLen: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "stop")
  export declare function stop(id: usize, idLen: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "parent")
  export declare function parent(buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "monitor")
  export declare function monitor(id: usize, idLen: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "demonitor")
  export declare function demonitor(id: usize, idLen: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "link")
  export declare function link(id: usize, idLen: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "unlink")
  export declare function unlink(id: usize, idLen: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_write")
  export declare function tuplespace_write(space: usize, spaceLen: i32, tuple: usize, tupleLen: i32, ttl: i64): i32;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_read")
  export declare function tuplespace_read(space: usize, spaceLen: i32, template: usize, templateLen: i32, timeout: i64, outPtr: usize, outLen: usize): i32;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_take")
  export declare function tuplespace_take(space: usize, spaceLen: i32, template: usize, templateLen: i32, timeout: i64, outPtr: usize, outLen: usize): i32;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_read_all")
  export declare function tuplespace_read_all(space: usize, spaceLen: i32, template: usize, templateLen: i32, limit: i32, outPtr: usize, outLen: usize): i32;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_take_all")
  export declare function tuplespace_take_all(space: usize, spaceLen: i32, template: usize, templateLen: i32, limit: i32, outPtr: usize, outLen: usize): i32;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_count")
  export declare function tuplespace_count(space: usize, spaceLen: i32, template: usize, templateLen: i32): i64;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_swap")
  export declare function tuplespace_swap(space: usize, spaceLen: i32, expected: usize, expectedLen: i32, replacement: usize, replacementLen: i32, ttl: i64, outPtr: usize, outLen: usize): i32;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_write_leased")
  export declare function tuplespace_write_leased(space: usize, spaceLen: i32, tuple: usize, tupleLen: i32, ttl: i64, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_renew")
  export declare function tuplespace_renew(space: usize, spaceLen: i32, lease: usize, leaseLen: i32, ttl: i64): i32;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_cancel_lease")
  export declare function tuplespace_cancel_lease(space: usize, spaceLen: i32, lease: usize, leaseLen: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_barrier")
  export declare function tuplespace_barrier(space: usize, spaceLen: i32, name: usize, nameLen: i32, parties: i32, timeout: i64): i32;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_watch")
  export declare function tuplespace_watch(space: usize, spaceLen: i32, template: usize, templateLen: i32, name: usize, nameLen: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "tuplespace_unwatch")
  export declare function tuplespace_unwatch(space: usize, spaceLen: i32, name: usize, nameLen: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "log")
  export declare function log(level: i32, message: usize, messageLen: i32): void;
  // @ts-ignore: decorator
  @external("spirit", "now")
  export declare function now(): i64;
  // @ts-ignore: decorator
  @external("spirit", "random")
  export declare function random(buf: usize, len: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "storage_get")
  export declare function storage_get(key: usize, keyLen: i32, outPtr: usize, outLen: usize): i32;
  // @ts-ignore: decorator
  @external("spirit", "storage_put")
  export declare function storage_put(key: usize, keyLen: i32, value: usize, valueLen: i32): i32;
  // @ts-ignore: decorator
  @external("spirit", "storage_delete")
  export declare function storage_delete(key: usize, keyLen: i32): i32;
  /** What stands behind a dotted name; args are a JSON or MessagePack array. */
  // @ts-ignore: decorator
  @external("spirit", "process")
  export declare function process(name: usize, nameLen: i32, args: usize, argsLen: i32, outPtr: usize, outLen: usize): i32;
  /** Reserved. */
  // @ts-ignore: decorator
  @external("spirit", "credit_balance")
  export declare function credit_balance(): i64;
  /** Reserved. */
  // @ts-ignore: decorator
  @external("spirit", "credit_transfer")
  export declare function credit_transfer(to: usize, toLen: i32, amount: i64): i32;
  /** Reserved. */
  // @ts-ignore: decorator
  @external("spirit", "credit_reserve")
  export declare function credit_reserve(amount: i64): i64;
  /** Reserved. */
  // @ts-ignore: decorator
  @external("spirit", "credit_release")
  export declare function credit_release(reservation: i64): i32;
  /** Reserved. */
  // @ts-ignore: decorator
  @external("spirit", "credit_consume")
  export declare function credit_consume(reservation: i64, amount: i64): i32;
  /** Reserved. */
  // @ts-ignore: decorator
  @external("spirit", "credit_available")
  export declare function credit_available(): i64;
  // @ts-ignore: decorator
  @external("spirit", "fail")
  export declare function fail(code: i32, message: usize, messageLen: i32): void;
}

// ---------------------------------------------------------------- exports and memory

/** Marks the ABI version. Re-export it from the entry file. */
export function spirit_abi_1(): void {}

// Buffers that the host obtained for this turn, each headed by the address of the one before
// it. They lie outside the garbage-collected heap, because nothing in the guest refers to one
// while the host fills it. The first call after the turn frees them.
let buffers: usize = 0;
let turnOver: bool = false;
// The host reads the reply after spirit_handle has returned: this keeps it alive until then.
let lastReply: ArrayBuffer | null = null;

const HEADER: usize = 8;

/** Where the host writes payloads and answers. Re-export it from the entry file. */
export function spirit_alloc(size: i32): usize {
  if (turnOver) {
    turnOver = false;
    while (buffers != 0) {
      const before = load<usize>(buffers);
      heap.free(buffers);
      buffers = before;
    }
  }
  const buffer = heap.alloc(HEADER + <usize>size);
  store<usize>(buffer, buffers);
  buffers = buffer;
  return buffer + HEADER;
}

// ------------------------------------------------------------------ message and reply

/** The payload as text; `ptr` and `len` are those of spirit_handle. */
export function text(ptr: usize, len: i32): string {
  return String.UTF8.decodeUnsafe(ptr, <usize>len);
}

/** A copy of the payload; `ptr` and `len` are those of spirit_handle. */
export function bytes(ptr: usize, len: i32): ArrayBuffer {
  const copy = new ArrayBuffer(len);
  memory.copy(changetype<usize>(copy), ptr, <usize>len);
  return copy;
}

/** Ends spirit_handle: `return reply(bytes)`. */
export function reply(bytes: ArrayBuffer): u64 {
  turnOver = true;
  lastReply = bytes;
  return (<u64>changetype<usize>(bytes) << 32) | <u64>bytes.byteLength;
}

/** Ends spirit_handle: `return replyText("done")`. */
export function replyText(text: string): u64 {
  return reply(String.UTF8.encode(text));
}

/** Ends spirit_handle without a reply: `return noReply()`. */
export function noReply(): u64 {
  turnOver = true;
  lastReply = null;
  return 0;
}

// The longest name of a Spirit or a type that this binding fetches at once.
const NAME = memory.data(512);

function name(length: i32): string {
  return length > 0 && length <= 512 ? String.UTF8.decodeUnsafe(NAME, <usize>length) : "";
}

/** The Spirit that runs: "counter/alice". */
export function self(): string {
  return name(host.self(NAME, 512));
}

/** The Spirit that sent the message; empty when the sender is no Spirit. */
export function sender(): string {
  return name(host.sender(NAME, 512));
}

/** The type the sender gave the message, for example "add". */
export function messageType(): string {
  return name(host.message_type(NAME, 512));
}

/** The message's id, unique for ever; the same when a message is redelivered. */
export function messageId(): string {
  return name(host.message_id(NAME, 512));
}

/**
 * Ends the turn with an application error: the sender receives code and message, the state is
 * what it was before the turn, no effect leaves. Does not return.
 */
export function fail(code: i32, message: string): void {
  const utf8 = String.UTF8.encode(message);
  host.fail(code, changetype<usize>(utf8), utf8.byteLength);
  unreachable();
}

// ---------------------------------------------------------------------------- Spirits

const OUT = memory.data(8); // two i32: pointer and length of an answer

/** Sends a message when the turn commits. Capability: cross_sandbox_call. */
export function send(to: string, type: string, payload: ArrayBuffer): i32 {
  const a = String.UTF8.encode(to);
  const b = String.UTF8.encode(type);
  return host.send_message(
    changetype<usize>(a), a.byteLength,
    changetype<usize>(b), b.byteLength,
    changetype<usize>(payload), payload.byteLength,
  );
}

/** What an ask answered: the reply when `status` is OK, "CODE: detail" when it is FAILED. */
export class Reply {
  constructor(readonly status: i32, readonly bytes: ArrayBuffer) {}

  /** The bytes as text. */
  get text(): string {
    return String.UTF8.decode(this.bytes);
  }
}

/**
 * Sends a message at once and waits up to `timeout` milliseconds for the reply; suspends the turn.
 * TIMEOUT: the message may still be handled. FAILED: its turn failed. NOT_FOUND: no such type of
 * Spirit. The message overtakes those that this turn sends. Capability: cross_sandbox_call.
 */
export function ask(to: string, type: string, payload: ArrayBuffer, timeout: i64): Reply {
  const a = String.UTF8.encode(to);
  const b = String.UTF8.encode(type);
  const status = host.ask(
    changetype<usize>(a), a.byteLength,
    changetype<usize>(b), b.byteLength,
    changetype<usize>(payload), payload.byteLength,
    timeout, OUT, OUT + 4,
  );
  const answered = status == Status.OK || status == Status.FAILED;
  return new Reply(status, answered ? bytes(load<usize>(OUT), load<i32>(OUT, 4)) : new ArrayBuffer(0));
}

/** Creates the Spirit `type/id` when the turn commits. Capability: spawn_sandbox. */
export function spawn(type: string, id: string, init: ArrayBuffer): i32 {
  const a = String.UTF8.encode(type);
  const b = String.UTF8.encode(id);
  return host.spawn(
    changetype<usize>(a), a.byteLength,
    changetype<usize>(b), b.byteLength,
    changetype<usize>(init), init.byteLength,
  );
}

/** Ends a Spirit's life when the turn commits. Capability: spawn_sandbox; none for itself. */
export function stop(id: string): i32 {
  const utf8 = String.UTF8.encode(id);
  return host.stop(changetype<usize>(utf8), utf8.byteLength);
}

/** The Spirit that spawned this one; empty when a message began its life, and in a fork. */
export function parent(): string {
  return name(host.parent(NAME, 512));
}

/**
 * Watches a Spirit when the turn commits: a message of type `down` with the payload
 * `TYPE/ID REASON` tells once that its life ended (`stopped`), that it was halted (the code of
 * the error), or at once `not_found` or `limit`. Capability: spawn_sandbox.
 */
export function monitor(id: string): i32 {
  const utf8 = String.UTF8.encode(id);
  return host.monitor(changetype<usize>(utf8), utf8.byteLength);
}

/** Ends a watch; a `down` may be on its way already. Capability: spawn_sandbox. */
export function demonitor(id: string): i32 {
  const utf8 = String.UTF8.encode(id);
  return host.demonitor(changetype<usize>(utf8), utf8.byteLength);
}

/**
 * Links this Spirit and another one when the turn commits: when one is halted by a failure, so
 * is the other. One that cannot be linked answers `down`. Capability: spawn_sandbox.
 */
export function link(id: string): i32 {
  const utf8 = String.UTF8.encode(id);
  return host.link(changetype<usize>(utf8), utf8.byteLength);
}

/** Ends the link, whoever made it. Capability: spawn_sandbox. */
export function unlink(id: string): i32 {
  const utf8 = String.UTF8.encode(id);
  return host.unlink(changetype<usize>(utf8), utf8.byteLength);
}

// ------------------------------------------------------------- log, clock, random bytes

/** Writes one line when the turn commits. Capability: actuator_log, or the line is dropped. */
export function log(level: Level, message: string): void {
  const utf8 = String.UTF8.encode(message);
  host.log(level, changetype<usize>(utf8), utf8.byteLength);
}

/** Nanoseconds since 1970, recorded; a negative Status without the capability sensor_time. */
export function now(): i64 {
  return host.now();
}

/** Fills the buffer with random bytes, recorded. Capability: sensor_random. */
export function random(buffer: ArrayBuffer): i32 {
  return host.random(changetype<usize>(buffer), buffer.byteLength);
}

// ------------------------------------------------------------------------- tuplespace

/** What a read or take answered: a tuple when `status` is OK. */
export class Answer {
  constructor(readonly status: i32, readonly tuple: ArrayBuffer) {}
}

function answer(status: i32): Answer {
  return new Answer(status, status == Status.OK ? bytes(load<usize>(OUT), load<i32>(OUT, 4)) : new ArrayBuffer(0));
}

/**
 * Adds a tuple when the turn commits; `ttl` in milliseconds, 0 = for ever. Capability:
 * tuplespace_write.
 */
export function tuplespaceWrite(space: string, tuple: ArrayBuffer, ttl: i64 = 0): i32 {
  const utf8 = String.UTF8.encode(space);
  return host.tuplespace_write(
    changetype<usize>(utf8), utf8.byteLength, changetype<usize>(tuple), tuple.byteLength, ttl);
}

/**
 * A copy of the oldest tuple that matches. With `timeout` 0 the answer comes at once
 * (NOT_FOUND), above 0 the turn is suspended for up to that many milliseconds (TIMEOUT).
 * Capability: tuplespace_read.
 */
export function tuplespaceRead(space: string, template: ArrayBuffer, timeout: i64 = 0): Answer {
  const utf8 = String.UTF8.encode(space);
  return answer(host.tuplespace_read(
    changetype<usize>(utf8), utf8.byteLength, changetype<usize>(template), template.byteLength,
    timeout, OUT, OUT + 4));
}

/**
 * Like tuplespaceRead, and removes the tuple; when the turn fails it is back in the space.
 * Capability: tuplespace_take.
 */
export function tuplespaceTake(space: string, template: ArrayBuffer, timeout: i64 = 0): Answer {
  const utf8 = String.UTF8.encode(space);
  return answer(host.tuplespace_take(
    changetype<usize>(utf8), utf8.byteLength, changetype<usize>(template), template.byteLength,
    timeout, OUT, OUT + 4));
}

/**
 * Copies of up to `limit` tuples that match (1 to 10,000), oldest first: an array of tuples for
 * TupleReader, empty when there is none. Capability: tuplespace_read.
 */
export function tuplespaceReadAll(space: string, template: ArrayBuffer, limit: i32 = 10000): Answer {
  const utf8 = String.UTF8.encode(space);
  return answer(host.tuplespace_read_all(
    changetype<usize>(utf8), utf8.byteLength, changetype<usize>(template), template.byteLength,
    limit, OUT, OUT + 4));
}

/** Like tuplespaceReadAll, and removes them as tuplespaceTake does. Capability: tuplespace_take. */
export function tuplespaceTakeAll(space: string, template: ArrayBuffer, limit: i32 = 10000): Answer {
  const utf8 = String.UTF8.encode(space);
  return answer(host.tuplespace_take_all(
    changetype<usize>(utf8), utf8.byteLength, changetype<usize>(template), template.byteLength,
    limit, OUT, OUT + 4));
}

/** How many tuples match, or a negative Status. Capability: tuplespace_read. */
export function tuplespaceCount(space: string, template: ArrayBuffer): i64 {
  const utf8 = String.UTF8.encode(space);
  return host.tuplespace_count(
    changetype<usize>(utf8), utf8.byteLength, changetype<usize>(template), template.byteLength);
}

/**
 * Takes the oldest tuple that matches `expected` and writes `replacement` when the turn commits;
 * NOT_FOUND when nothing matches, also while another turn has the tuple. Answers what was taken.
 * Capabilities: tuplespace_take and tuplespace_write.
 */
export function tuplespaceSwap(
  space: string, expected: ArrayBuffer, replacement: ArrayBuffer, ttl: i64 = 0,
): Answer {
  const utf8 = String.UTF8.encode(space);
  return answer(host.tuplespace_swap(
    changetype<usize>(utf8), utf8.byteLength, changetype<usize>(expected), expected.byteLength,
    changetype<usize>(replacement), replacement.byteLength, ttl, OUT, OUT + 4));
}

/** What a leased write answered: the name of the lease when `status` is OK. */
export class LeaseAnswer {
  constructor(readonly status: i32, readonly lease: string) {}
}

/** Like tuplespaceWrite with a `ttl` of at least 1. Capability: tuplespace_write. */
export function tuplespaceWriteLeased(space: string, tuple: ArrayBuffer, ttl: i64): LeaseAnswer {
  const utf8 = String.UTF8.encode(space);
  const length = host.tuplespace_write_leased(
    changetype<usize>(utf8), utf8.byteLength, changetype<usize>(tuple), tuple.byteLength,
    ttl, NAME, 512);
  return length < 0 ? new LeaseAnswer(length, "") : new LeaseAnswer(Status.OK, name(length));
}

/**
 * Lets the tuple of a lease live for `ttl` milliseconds from the commit on, 0 = for ever; does
 * nothing when it is not there any more then. Capability: tuplespace_write, and tuplespace_take
 * for a lease that this Spirit did not write.
 */
export function tuplespaceRenew(space: string, lease: string, ttl: i64): i32 {
  const a = String.UTF8.encode(space);
  const b = String.UTF8.encode(lease);
  return host.tuplespace_renew(
    changetype<usize>(a), a.byteLength, changetype<usize>(b), b.byteLength, ttl);
}

/** Removes the tuple of a lease when the turn commits; otherwise as tuplespaceRenew. */
export function tuplespaceCancelLease(space: string, lease: string): i32 {
  const a = String.UTF8.encode(space);
  const b = String.UTF8.encode(lease);
  return host.tuplespace_cancel_lease(
    changetype<usize>(a), a.byteLength, changetype<usize>(b), b.byteLength);
}

/**
 * Suspends the turn until `parties` have arrived at the barrier `name` of the space, at most
 * `timeout` milliseconds; answers in which place this Spirit arrived, from 0, or a negative
 * Status. It arrives at once, also when the turn fails later. Capability: tuplespace_write.
 */
export function tuplespaceBarrier(space: string, name: string, parties: i32, timeout: i64): i32 {
  const a = String.UTF8.encode(space);
  const b = String.UTF8.encode(name);
  return host.tuplespace_barrier(
    changetype<usize>(a), a.byteLength, changetype<usize>(b), b.byteLength, parties, timeout);
}

/**
 * Watches the tuples that match from the commit on, in place of an earlier watch `name` of the
 * space. Each change is a message of type `tuple.added`, `tuple.removed` or `tuple.expired` with
 * the array [name, space, tuple]; `tuple.missed` with [name, space, null] says that changes may
 * have been lost. Capability: tuplespace_read.
 */
export function tuplespaceWatch(space: string, template: ArrayBuffer, name: string): i32 {
  const a = String.UTF8.encode(space);
  const b = String.UTF8.encode(name);
  return host.tuplespace_watch(
    changetype<usize>(a), a.byteLength, changetype<usize>(template), template.byteLength,
    changetype<usize>(b), b.byteLength);
}

/** Ends a watch when the turn commits, if there is one of this name. */
export function tuplespaceUnwatch(space: string, name: string): i32 {
  const a = String.UTF8.encode(space);
  const b = String.UTF8.encode(name);
  return host.tuplespace_unwatch(
    changetype<usize>(a), a.byteLength, changetype<usize>(b), b.byteLength);
}

/** The types a field of a tuple can have, as a template names them. */
export const enum FieldType {
  NULL = 0,
  BOOL = 1,
  INT = 2,
  FLOAT = 3,
  STRING = 4,
  BYTES = 5,
  TUPLE = 6,
}

/** Writes a tuple or a template: `new TupleWriter(2).string("job").int(7).done()`. */
export class TupleWriter {
  private bytes: Uint8Array = new Uint8Array(64);
  private length: i32 = 0;

  constructor(fields: i32) {
    this.tuple(fields);
  }

  private reserve(more: i32): usize {
    const needed = this.length + more;
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(max(needed, this.bytes.length * 2));
      memory.copy(larger.dataStart, this.bytes.dataStart, <usize>this.length);
      this.bytes = larger;
    }
    const at = this.bytes.dataStart + <usize>this.length;
    this.length = needed;
    return at;
  }

  private byte(value: i32): TupleWriter {
    store<u8>(this.reserve(1), <u8>value);
    return this;
  }

  // The head of a string, bytes or an ext; `tag` is the one of the 8-bit size.
  private head(tag: i32, size: i32): TupleWriter {
    if (size <= 0xff) return this.byte(tag).byte(size);
    if (size <= 0xffff) {
      this.byte(tag + 1);
      store<u16>(this.reserve(2), bswap<u16>(<u16>size));
    } else {
      this.byte(tag + 2);
      store<u32>(this.reserve(4), bswap<u32>(<u32>size));
    }
    return this;
  }

  private part(ptr: usize, length: i32): TupleWriter {
    memory.copy(this.reserve(length), ptr, <usize>length);
    return this;
  }

  /** Starts a nested tuple; its fields follow. */
  tuple(fields: i32): TupleWriter {
    if (fields < 16) return this.byte(0x90 | fields);
    this.byte(0xdc); // at most 1,000 fields, so 16 bits are enough
    store<u16>(this.reserve(2), bswap<u16>(<u16>fields));
    return this;
  }

  nil(): TupleWriter {
    return this.byte(0xc0);
  }

  bool(value: bool): TupleWriter {
    return this.byte(value ? 0xc3 : 0xc2);
  }

  int(value: i64): TupleWriter {
    if (value >= -32 && value < 128) return this.byte(<i32>value);
    this.byte(0xd3);
    store<u64>(this.reserve(8), bswap<u64>(<u64>value));
    return this;
  }

  float(value: f64): TupleWriter {
    this.byte(0xcb);
    store<u64>(this.reserve(8), bswap<u64>(reinterpret<u64>(value)));
    return this;
  }

  string(value: string): TupleWriter {
    const utf8 = String.UTF8.encode(value);
    if (utf8.byteLength < 32) this.byte(0xa0 | utf8.byteLength);
    else this.head(0xd9, utf8.byteLength);
    return this.part(changetype<usize>(utf8), utf8.byteLength);
  }

  binary(value: ArrayBuffer): TupleWriter {
    return this.head(0xc4, value.byteLength).part(changetype<usize>(value), value.byteLength);
  }

  /** In a template: matches every value. */
  any(): TupleWriter {
    return this.head(0xc7, 0).byte(0);
  }

  /** In a template: matches every value of the type. */
  typed(type: FieldType): TupleWriter {
    return this.byte(0xd4).byte(1).byte(type);
  }

  /**
   * In a template: matches what compares to the operand, by "=", "!=", "<", "<=", ">", ">=",
   * "in" (the operand is a tuple) or "startsWith". The operand is the only field of a tuple:
   * `predicate(">", new TupleWriter(1).int(10))`.
   */
  predicate(op: string, operand: TupleWriter): TupleWriter {
    const pair = new TupleWriter(2).string(op);
    pair.part(operand.bytes.dataStart + 1, operand.length - 1);
    return this.head(0xc7, pair.length).byte(2).part(pair.bytes.dataStart, pair.length);
  }

  /** The encoded tuple. */
  done(): ArrayBuffer {
    return this.bytes.buffer.slice(0, this.length);
  }
}

/**
 * Reads a tuple. The first value that is not what was asked for sets `failed`, and from then
 * on every function answers 0 or nothing: one check serves for all.
 */
export class TupleReader {
  failed: bool = false;
  /** The number of the tuple's fields. */
  readonly fields: i32;
  private at: i32 = 0;

  constructor(private encoded: ArrayBuffer) {
    this.fields = this.tuple();
  }

  private take(length: i32): usize {
    if (this.failed || <u32>length > <u32>(this.encoded.byteLength - this.at)) {
      this.failed = true;
      return 0;
    }
    const ptr = changetype<usize>(this.encoded) + <usize>this.at;
    this.at += length;
    return ptr;
  }

  private byte(): i32 {
    const ptr = this.take(1);
    return ptr == 0 ? -1 : <i32>load<u8>(ptr);
  }

  private size(width: i32): i32 {
    const ptr = this.take(width);
    if (ptr == 0) return 0;
    if (width == 1) return <i32>load<u8>(ptr);
    if (width == 2) return <i32>bswap<u16>(load<u16>(ptr));
    return <i32>bswap<u32>(load<u32>(ptr));
  }

  /** Enters a nested tuple and returns the number of its fields, which are read next. */
  tuple(): i32 {
    const code = this.byte();
    if (code >= 0x90 && code <= 0x9f) return code & 0x0f;
    if (code == 0xdc) return this.size(2);
    if (code == 0xdd) return this.size(4);
    this.failed = true;
    return 0;
  }

  nil(): void {
    if (this.byte() != 0xc0) this.failed = true;
  }

  bool(): bool {
    const code = this.byte();
    if (code != 0xc2 && code != 0xc3) this.failed = true;
    return code == 0xc3;
  }

  int(): i64 {
    const code = this.byte();
    if (code >= 0 && (code < 0x80 || code >= 0xe0)) return <i64>(<i8>code);
    if (code >= 0xcc && code <= 0xd3) {
      const ptr = this.take(1 << (code & 3)); // cc..cf and d0..d3: 1, 2, 4, 8 bytes
      if (ptr != 0) {
        switch (code) {
          case 0xcc: return <i64>load<u8>(ptr);
          case 0xcd: return <i64>bswap<u16>(load<u16>(ptr));
          case 0xce: return <i64>bswap<u32>(load<u32>(ptr));
          case 0xcf: {
            const value = <i64>bswap<u64>(load<u64>(ptr));
            if (value >= 0) return value;
            break;
          }
          case 0xd0: return <i64>load<i8>(ptr);
          case 0xd1: return <i64>(<i16>bswap<u16>(load<u16>(ptr)));
          case 0xd2: return <i64>(<i32>bswap<u32>(load<u32>(ptr)));
          default: return <i64>bswap<u64>(load<u64>(ptr));
        }
      }
    }
    this.failed = true;
    return 0;
  }

  float(): f64 {
    const code = this.byte();
    if (code == 0xca) {
      const ptr = this.take(4);
      return ptr == 0 ? 0 : <f64>reinterpret<f32>(bswap<u32>(load<u32>(ptr)));
    }
    if (code == 0xcb) {
      const ptr = this.take(8);
      return ptr == 0 ? 0 : reinterpret<f64>(bswap<u64>(load<u64>(ptr)));
    }
    this.failed = true;
    return 0;
  }

  string(): string {
    const code = this.byte();
    let length = 0;
    if (code >= 0xa0 && code <= 0xbf) length = code & 0x1f;
    else if (code >= 0xd9 && code <= 0xdb) length = this.size(1 << (code - 0xd9));
    else this.failed = true;
    const ptr = this.take(length);
    return ptr == 0 ? "" : String.UTF8.decodeUnsafe(ptr, <usize>length);
  }

  binary(): ArrayBuffer {
    const code = this.byte();
    let length = 0;
    if (code >= 0xc4 && code <= 0xc6) length = this.size(1 << (code - 0xc4));
    else this.failed = true;
    const ptr = this.take(length);
    return bytes(ptr, ptr == 0 ? 0 : length);
  }
}
