// shop.ts: what the Spirits of the shop share: the words between an order and those that take part
// in it. It is "try, confirm, cancel":
//
//   reserve  asked by an order: sets aside what it wants; replies {"reserved":true,…}, or
//            {"reserved":false,"why":"…"} and has set aside nothing
//   confirm  sent by the order when all have said yes: what was set aside is gone
//   cancel   sent by the order when one has said no: what was set aside is back
//
// Whatever is set aside is kept under the name of the order, which the node tells (`sender`). So an
// order that asks twice gets the same answer and has reserved once, and nobody but the order can
// confirm or cancel. Messages between Spirits arrive once and in order, also when the node was
// killed in between: each reservation is decided, and once.

import { fail, sender } from "../../../wit/assemblyscript/vudo_spirit";
import { BAD_REQUEST, quote } from "./json";

export const MAX_PIECES: i64 = 1_000_000;
export const MAX_PRICE: i64 = 1_000_000_000;
export const MAX_CENTS: i64 = 1_000_000_000_000_000;

/** The order that sent the message, "order/o-17"; nobody else may send it. */
export function order(): string {
  const from = sender();
  if (!from.startsWith("order/")) fail(403, "only an order may do that");
  return from;
}

/** The reply of one that has not got what is wanted. */
export function no(why: string): string {
  return '{"reserved":false,"why":' + quote(why) + "}";
}

export function unknownMessage(type: string): string {
  fail(BAD_REQUEST, "unknown message type: " + type);
  return "";
}
