// json.ts: as much JSON as the Spirits of the shop need: objects, arrays, strings, whole numbers,
// true and false. A text that is something else, or that lacks what is asked for, ends the turn
// with application error 400.

import { fail } from "../../../wit/assemblyscript/vudo_spirit";

export const BAD_REQUEST = 400;

const MAX_DEPTH = 8;

const enum Char {
  QUOTE = 0x22,
  COMMA = 0x2c,
  MINUS = 0x2d,
  ZERO = 0x30,
  NINE = 0x39,
  COLON = 0x3a,
  OPEN_ARRAY = 0x5b,
  BACKSLASH = 0x5c,
  CLOSE_ARRAY = 0x5d,
  OPEN_OBJECT = 0x7b,
  CLOSE_OBJECT = 0x7d,
}

enum Kind {
  TEXT,
  WHOLE,
  TRUTH,
  ARRAY,
  OBJECT,
}

/** A value; `parse` makes one. */
export class Json {
  private kind: Kind = Kind.OBJECT;
  private string: string = "";
  private number: i64 = 0;
  private elements: Json[] = [];
  private members: Map<string, Json> = new Map();

  static parse(text: string): Json {
    const parser = new Parser(text);
    const value = parser.value(0);
    if (parser.next() >= 0) parser.refuse();
    return value;
  }

  static text(value: string): Json {
    const json = new Json();
    json.kind = Kind.TEXT;
    json.string = value;
    return json;
  }

  static whole(value: i64): Json {
    const json = new Json();
    json.kind = Kind.WHOLE;
    json.number = value;
    return json;
  }

  static truth(value: bool): Json {
    const json = new Json();
    json.kind = Kind.TRUTH;
    json.number = value ? 1 : 0;
    return json;
  }

  static array(elements: Json[]): Json {
    const json = new Json();
    json.kind = Kind.ARRAY;
    json.elements = elements;
    return json;
  }

  static object(members: Map<string, Json>): Json {
    const json = new Json();
    json.members = members;
    return json;
  }

  private member(name: string, kind: Kind): Json {
    if (this.kind != Kind.OBJECT || !this.members.has(name)) fail(BAD_REQUEST, '"' + name + '" is missing');
    const value = this.members.get(name);
    if (value.kind != kind) fail(BAD_REQUEST, '"' + name + '" is something else');
    return value;
  }

  getText(name: string): string {
    return this.member(name, Kind.TEXT).string;
  }

  /** A number from `least` to `most`. */
  getWhole(name: string, least: i64, most: i64): i64 {
    const value = this.member(name, Kind.WHOLE).number;
    if (value < least || value > most) {
      fail(BAD_REQUEST, '"' + name + '" is ' + least.toString() + " to " + most.toString());
    }
    return value;
  }

  getTruth(name: string): bool {
    return this.member(name, Kind.TRUTH).number == 1;
  }

  getArray(name: string): Json[] {
    return this.member(name, Kind.ARRAY).elements;
  }
}

/** A text as a JSON string. */
export function quote(text: string): string {
  let quoted = '"';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20) {
      quoted += code < 0x10 ? "\\u000" : "\\u00";
      quoted += code.toString(16);
    } else {
      if (code == Char.QUOTE || code == Char.BACKSLASH) quoted += "\\";
      quoted += text.charAt(i);
    }
  }
  return quoted + '"';
}

class Parser {
  private at: i32 = 0;

  constructor(private readonly text: string) {}

  refuse(): void {
    fail(BAD_REQUEST, "no JSON that is understood here, at character " + this.at.toString());
  }

  /** The next character that is no space, which stays to be read; -1 at the end. */
  next(): i32 {
    while (this.at < this.text.length) {
      const code = this.text.charCodeAt(this.at);
      if (code != 0x20 && code != 0x0a && code != 0x0d && code != 0x09) return code;
      this.at++;
    }
    return -1;
  }

  private read(code: i32): void {
    if (this.next() != code) this.refuse();
    this.at++;
  }

  /** Whether there is another element, which a comma or the end of them tells. */
  private another(close: i32): bool {
    if (this.next() == close) {
      this.at++;
      return false;
    }
    this.read(Char.COMMA);
    return true;
  }

  value(depth: i32): Json {
    if (depth > MAX_DEPTH) this.refuse();
    const code = this.next();
    if (code == Char.QUOTE) return Json.text(this.string());
    if (code == Char.OPEN_OBJECT) return this.object(depth);
    if (code == Char.OPEN_ARRAY) return this.array(depth);
    if (code == Char.MINUS || (code >= Char.ZERO && code <= Char.NINE)) return Json.whole(this.number());
    if (this.word("true")) return Json.truth(true);
    if (!this.word("false")) this.refuse();
    return Json.truth(false);
  }

  private word(word: string): bool {
    if (this.text.substr(this.at, word.length) != word) return false;
    this.at += word.length;
    return true;
  }

  private object(depth: i32): Json {
    const members = new Map<string, Json>();
    this.read(Char.OPEN_OBJECT);
    if (this.next() == Char.CLOSE_OBJECT) {
      this.at++;
      return Json.object(members);
    }
    do {
      if (this.next() != Char.QUOTE) this.refuse();
      const name = this.string();
      this.read(Char.COLON);
      members.set(name, this.value(depth + 1));
    } while (this.another(Char.CLOSE_OBJECT));
    return Json.object(members);
  }

  private array(depth: i32): Json {
    const elements: Json[] = [];
    this.read(Char.OPEN_ARRAY);
    if (this.next() == Char.CLOSE_ARRAY) {
      this.at++;
      return Json.array(elements);
    }
    do elements.push(this.value(depth + 1));
    while (this.another(Char.CLOSE_ARRAY));
    return Json.array(elements);
  }

  private digit(): i32 {
    const code = this.at < this.text.length ? this.text.charCodeAt(this.at) : -1;
    return code >= Char.ZERO && code <= Char.NINE ? code - Char.ZERO : -1;
  }

  private number(): i64 {
    const negative = this.text.charCodeAt(this.at) == Char.MINUS;
    if (negative) this.at++;
    const first = this.at;
    let number: i64 = 0;
    for (let digit = this.digit(); digit >= 0; digit = this.digit()) {
      number = number * 10 + digit;
      this.at++;
    }
    // Eighteen digits cannot overflow.
    if (this.at == first || this.at - first > 18) this.refuse();
    return negative ? -number : number;
  }

  private string(): string {
    let text = "";
    this.at++;
    while (true) {
      const first = this.at;
      let code = this.code();
      while (code != Char.QUOTE && code != Char.BACKSLASH) code = this.code();
      text += this.text.substring(first, this.at - 1);
      if (code == Char.QUOTE) return text;
      text += this.escaped();
    }
  }

  private code(): i32 {
    if (this.at >= this.text.length || this.text.charCodeAt(this.at) < 0x20) this.refuse();
    return this.text.charCodeAt(this.at++);
  }

  private escaped(): string {
    const code = this.code();
    const which = "\"\\/bfnrt".indexOf(String.fromCharCode(code));
    if (which >= 0) return "\"\\/\b\f\n\r\t".charAt(which);
    if (code != 0x75) this.refuse(); // u
    const hex = this.text.substr(this.at, 4);
    let unit = 0;
    for (let i = 0; i < 4; i++) {
      const digit = i < hex.length ? "0123456789abcdef".indexOf(hex.charAt(i).toLowerCase()) : -1;
      if (digit < 0) this.refuse();
      unit = unit * 16 + digit;
    }
    this.at += 4;
    return String.fromCharCode(unit);
  }
}
