// An order, "order/o-17": buys what is in the customer's cart, all of it or nothing.
//
//   place CUSTOMER  starts it; replies what "outcome" does. Again: does nothing. Error 409 when it
//                   is another customer's
//   outcome         finishes it if it is open, and replies
//                   {"id":"o-17","customer":"alice","state":"CONFIRMED","cents":750,
//                    "lines":[{"article":"screws","pieces":3,"cents":750}],"reason":""}
//   run             its own
//
// The state is UNKNOWN before "place", then OPEN, and at last CONFIRMED, or REFUSED with the reason.
//
// Why is it all or nothing? "place" does nothing but to write down that there is an order, together
// with a message to itself. From then on the node owes this Spirit that message, whoever is killed.
// Handling it, "settle" asks everybody to set aside what is needed, and decides. The decision and
// the messages that carry it out are one turn: all of them leave, each once, or none.
//
// Application errors: 400 a bad payload, 409 the order is another customer's.
// Capabilities: cross_sandbox_call

import { ask, fail, messageType, replyText, self, send, Status, text } from "../../../wit/assemblyscript/vudo_spirit";
import { Json, quote } from "./json";
import { unknownMessage } from "./shop";

export { spirit_abi_1, spirit_alloc } from "../../../wit/assemblyscript/vudo_spirit";

const SHOP = "account/shop";
const PATIENCE_MILLIS: i64 = 20_000; // for one answer

// State.
let state = "UNKNOWN";
let customer = "";
let cents: i64 = 0;
let lines = "";
let reason = "";

/** Asks one after the other to set something aside, as long as all say yes. */
class Reservations {
  /** All that were asked: they are told the decision, also who said no, or failed. */
  readonly asked: string[] = [];
  /** Who said no, and why. */
  refusal: string = "";
  /** Somebody did not answer, and so there is nothing to decide yet. */
  unanswered: bool = false;

  get agreed(): bool {
    return this.refusal == "" && !this.unanswered;
  }

  /** The answer, which is an empty object when it is no. */
  reserve(from: string, wish: string): Json {
    this.asked.push(from);
    // The turn is suspended here, goes on in another run, and after a crash of the node as well.
    const answer = ask(from, "reserve", String.UTF8.encode(wish), PATIENCE_MILLIS);
    if (answer.status == Status.OK) {
      const reply = Json.parse(answer.text);
      if (reply.getTruth("reserved")) return reply;
      this.refusal = from + ": " + reply.getText("why");
    } else if (answer.status == Status.TIMEOUT) {
      this.unanswered = true;
    } else {
      this.refusal = from + " cannot be asked: " + (answer.text != "" ? answer.text : answer.status.toString());
    }
    return new Json();
  }
}

function settle(): void {
  if (state != "OPEN") return;
  const reservations = new Reservations();
  const bought = new Array<string>();
  let sum: i64 = 0;

  const cart = reservations.reserve("cart/" + customer, "");
  const wanted = reservations.agreed ? cart.getArray("lines") : [];
  for (let i = 0; i < wanted.length && reservations.agreed; i++) {
    const article = wanted[i].getText("article");
    const pieces = wanted[i].getWhole("pieces", 1, i64.MAX_VALUE);
    const stock = reservations.reserve("stock/" + article, '{"pieces":' + pieces.toString() + "}");
    if (!reservations.agreed) break;
    const price = pieces * stock.getWhole("price", 1, i64.MAX_VALUE);
    sum += price;
    bought.push(
      '{"article":' + quote(article) + ',"pieces":' + pieces.toString() + ',"cents":' + price.toString() + "}",
    );
  }
  if (reservations.agreed) reservations.reserve("account/" + customer, '{"cents":' + sum.toString() + "}");

  if (reservations.unanswered) {
    // They may have set aside something, or may yet. To ask again does no harm, to guess does.
    must(send(self(), "run", new ArrayBuffer(0)));
    return;
  }
  const decision = reservations.agreed ? "confirm" : "cancel";
  for (let i = 0; i < reservations.asked.length; i++) {
    // Who has no name that a Spirit can have cannot have been asked.
    send(reservations.asked[i], decision, new ArrayBuffer(0));
  }
  if (reservations.agreed) {
    must(send(SHOP, "deposit", String.UTF8.encode('{"cents":' + sum.toString() + "}")));
    state = "CONFIRMED";
    cents = sum;
    lines = bought.join(",");
  } else {
    state = "REFUSED";
    reason = reservations.refusal;
  }
}

/** What is not done ends the turn, and so nothing of it is. */
function must(status: i32): void {
  if (status != Status.OK) fail(424, "a message cannot be sent: " + status.toString());
}

function place(who: string): void {
  if (who == "") fail(400, "whose order is it?");
  if (state == "UNKNOWN") {
    state = "OPEN";
    customer = who;
    must(send(self(), "run", new ArrayBuffer(0)));
  } else if (customer != who) {
    fail(409, "it is another customer's order");
  }
}

function show(): string {
  return (
    '{"id":' + quote(self().substring("order/".length)) + ',"customer":' + quote(customer) +
    ',"state":"' + state + '","cents":' + cents.toString() + ',"lines":[' + lines + '],"reason":' + quote(reason) + "}"
  );
}

function handle(type: string, payload: string): string {
  if (type == "place") place(payload);
  else if (type == "outcome" || type == "run") settle();
  else unknownMessage(type);
  return show();
}

export function spirit_handle(ptr: usize, len: i32): u64 {
  return replyText(handle(messageType(), text(ptr, len)));
}
