// The money of a customer, "account/alice", and of the shop, "account/shop".
//
//   deposit {"cents":5000}  more of it; replies what "balance" does
//   balance                 replies {"cents":5000,"reserved":0}
//   reserve {"cents":750}   by an order, see shop.ts; replies {"reserved":true}
//   confirm, cancel         by the order; it sends what was confirmed to the shop as a "deposit"
//
// Application errors: 400 a bad payload, 403 not from an order.
// Capabilities: none

import { messageType, replyText, text } from "../../../wit/assemblyscript/vudo_spirit";
import { Json } from "./json";
import { MAX_CENTS, no, order, unknownMessage } from "./shop";

export { spirit_abi_1, spirit_alloc } from "../../../wit/assemblyscript/vudo_spirit";

// State.
let cents: i64 = 0; // without what is reserved
let reserved: i64 = 0;
const reservations = new Map<string, i64>(); // cents by order

function balance(): string {
  return '{"cents":' + cents.toString() + ',"reserved":' + reserved.toString() + "}";
}

function reserve(order: string, wanted: i64): string {
  if (!reservations.has(order)) {
    if (wanted > cents) return no("not enough money");
    cents -= wanted;
    reserved += wanted;
    reservations.set(order, wanted);
  }
  return '{"reserved":true}';
}

/** Ends a reservation and answers how much it was; 0 when there is none. */
function end(order: string): i64 {
  if (!reservations.has(order)) return 0;
  const amount = reservations.get(order);
  reservations.delete(order);
  reserved -= amount;
  return amount;
}

function handle(type: string, payload: string): string {
  if (type == "deposit") {
    cents += Json.parse(payload).getWhole("cents", 1, MAX_CENTS);
    return balance();
  }
  if (type == "balance") return balance();
  if (type == "reserve") return reserve(order(), Json.parse(payload).getWhole("cents", 1, i64.MAX_VALUE));
  if (type == "confirm") {
    end(order());
    return "";
  }
  if (type == "cancel") {
    cents += end(order());
    return "";
  }
  return unknownMessage(type);
}

export function spirit_handle(ptr: usize, len: i32): u64 {
  return replyText(handle(messageType(), text(ptr, len)));
}
