// The stock of an article, "stock/screws".
//
//   deliver {"pieces":100,"price":250}  more of it, and its price in cents from now on; replies what
//                                       "level" does
//   level                               replies {"price":250,"free":97,"reserved":0,"sold":3}
//   reserve {"pieces":3}                by an order, see shop.ts; replies {"reserved":true,"price":250}
//   confirm, cancel                     by the order
//
// Application errors: 400 a bad payload, 403 not from an order.
// Capabilities: none

import { messageType, replyText, text } from "../../../wit/assemblyscript/vudo_spirit";
import { Json } from "./json";
import { MAX_PIECES, MAX_PRICE, no, order, unknownMessage } from "./shop";

export { spirit_abi_1, spirit_alloc } from "../../../wit/assemblyscript/vudo_spirit";

/** What an order has set aside; it pays the price of that moment. */
class Reservation {
  constructor(readonly pieces: i64, readonly price: i64) {}
}

// State.
let price: i64 = 0;
let free: i64 = 0;
let reserved: i64 = 0;
let sold: i64 = 0;
const reservations = new Map<string, Reservation>(); // by order

function level(): string {
  return (
    '{"price":' + price.toString() + ',"free":' + free.toString() +
    ',"reserved":' + reserved.toString() + ',"sold":' + sold.toString() + "}"
  );
}

function deliver(delivery: Json): string {
  free += delivery.getWhole("pieces", 0, MAX_PIECES);
  price = delivery.getWhole("price", 1, MAX_PRICE);
  return level();
}

function reserve(order: string, wish: Json): string {
  if (!reservations.has(order)) {
    const pieces = wish.getWhole("pieces", 1, i64.MAX_VALUE);
    if (pieces > free) return no("only " + free.toString() + " left");
    free -= pieces;
    reserved += pieces;
    reservations.set(order, new Reservation(pieces, price));
  }
  return '{"reserved":true,"price":' + reservations.get(order).price.toString() + "}";
}

/** Ends a reservation and answers how many pieces it had; 0 when there is none. */
function end(order: string): i64 {
  if (!reservations.has(order)) return 0;
  const pieces = reservations.get(order).pieces;
  reservations.delete(order);
  reserved -= pieces;
  return pieces;
}

function handle(type: string, payload: string): string {
  if (type == "deliver") return deliver(Json.parse(payload));
  if (type == "level") return level();
  if (type == "reserve") return reserve(order(), Json.parse(payload));
  if (type == "confirm") {
    sold += end(order());
    return "";
  }
  if (type == "cancel") {
    free += end(order());
    return "";
  }
  return unknownMessage(type);
}

export function spirit_handle(ptr: usize, len: i32): u64 {
  return replyText(handle(messageType(), text(ptr, len)));
}
