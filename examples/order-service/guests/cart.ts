// The cart of a customer, "cart/alice".
//
//   add {"article":"screws","pieces":3}  puts more into it; replies what "lines" does
//   lines                                replies [{"article":"screws","pieces":3}]
//   reserve, confirm, cancel             by an order, see shop.ts: the cart becomes the order's;
//                                        "reserve" replies {"reserved":true,"lines":[…]}
//
// Application errors: 400 a bad payload, 403 not from an order, 409 the cart is full.
// Capabilities: none

import { fail, messageType, replyText, text } from "../../../wit/assemblyscript/vudo_spirit";
import { Json, quote } from "./json";
import { MAX_PIECES, no, order, unknownMessage } from "./shop";

export { spirit_abi_1, spirit_alloc } from "../../../wit/assemblyscript/vudo_spirit";

const MAX_LINES = 100;

// State. The node keeps it, also through a crash.
let lines = new Map<string, i64>(); // pieces by article
const ordered = new Map<string, Map<string, i64>>(); // the same, by order

function add(to: Map<string, i64>, article: string, pieces: i64): void {
  to.set(article, to.has(article) ? to.get(article) + pieces : pieces);
}

function show(content: Map<string, i64>): string {
  const shown = new Array<string>();
  const articles = content.keys();
  for (let i = 0; i < articles.length; i++) {
    shown.push('{"article":' + quote(articles[i]) + ',"pieces":' + content.get(articles[i]).toString() + "}");
  }
  return "[" + shown.join(",") + "]";
}

function reserve(order: string): string {
  if (!ordered.has(order)) {
    if (lines.size == 0) return no("it is empty");
    ordered.set(order, lines);
    lines = new Map<string, i64>();
  }
  return '{"reserved":true,"lines":' + show(ordered.get(order)) + "}";
}

function cancel(order: string): string {
  if (ordered.has(order)) {
    const back = ordered.get(order);
    const articles = back.keys();
    for (let i = 0; i < articles.length; i++) add(lines, articles[i], back.get(articles[i]));
    ordered.delete(order);
  }
  return "";
}

function handle(type: string, payload: string): string {
  if (type == "add") {
    const line = Json.parse(payload);
    const article = line.getText("article");
    if (!lines.has(article) && lines.size >= MAX_LINES) fail(409, "the cart is full");
    add(lines, article, line.getWhole("pieces", 1, MAX_PIECES));
    return show(lines);
  }
  if (type == "lines") return show(lines);
  if (type == "reserve") return reserve(order());
  if (type == "cancel") return cancel(order());
  if (type == "confirm") {
    ordered.delete(order());
    return "";
  }
  return unknownMessage(type);
}

export function spirit_handle(ptr: usize, len: i32): u64 {
  return replyText(handle(messageType(), text(ptr, len)));
}
