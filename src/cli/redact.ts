/**
 * Takes values out of a stream of bytes: as they are, with the escapes of JSON, URL-encoded, and in base64, also where one
 * is cut across writes. Instead of listing every way in which an encoder may write a value, the stream is decoded in every
 * way while it goes by, and the values are looked for in what comes out: so it does not matter which characters an encoder
 * escapes, or where in a longer base64 text a value begins. The time is linear in the length of the stream.
 */

/** What stands for a value. */
const MARK = Buffer.from("***");

/** Characters of the shortest value that is taken out. Shorter ones (`true`, `5432`) are everywhere. */
export const SHORTEST = 6;

/** The texts to look for: values without white space around them, and each line of those that have several. */
export function textsOf(values: Iterable<string>): string[] {
  const texts = new Set<string>();
  for (const value of values) {
    for (const text of [value, ...value.split(/\r\n|\r|\n/)].map((part) => part.trim())) {
      if (text.length >= SHORTEST) texts.add(text);
    }
  }
  return [...texts];
}

/** A stream on its way. */
export interface Redaction {
  /** @returns what can go on: everything up to where a value may have begun. */
  push(chunk: Uint8Array): Uint8Array;
  /** The stream is over. @returns what was held back. */
  end(): Uint8Array;
}

/** @param texts - from {@link textsOf}; one automaton serves any number of streams */
export function redactor(texts: readonly string[]): () => Redaction {
  const automaton = new Automaton(texts.map((text) => Buffer.from(text)));
  return () => new Stream(automaton);
}

/**
 * Finds many strings of bytes in one pass, however they overlap (Aho and Corasick, 1975). A state stands for the longest
 * end of what was read that some string begins with; 0 is the empty one.
 */
class Automaton {
  /** Of each state: how many bytes it stands for. */
  readonly depth: number[] = [0];
  /** Of each state: bytes of the longest string that ends there; 0: none does. */
  readonly matched: number[] = [0];
  /** Of each state: bytes at its end that a string goes on from; 0: none does. */
  readonly open: number[] = [0];
  /** Bytes of the longest string. */
  readonly longest: number;
  /** States that are one byte longer than a state: the first of them, and of each the next one. 0: none. */
  readonly #firstChild: number[] = [0];
  readonly #sibling: number[] = [0];
  readonly #byte: number[] = [0];
  /** Of each state: the one for the longest end of it that is a state, too. */
  readonly #shorter: number[] = [0];
  /** Children of state 0 by their byte. */
  readonly #first = new Int32Array(256);

  constructor(strings: readonly Uint8Array[]) {
    for (const string of strings) this.#insert(string);
    this.longest = Math.max(0, ...strings.map(({ length }) => length));
    this.#link();
  }

  #insert(string: Uint8Array): void {
    let state = 0;
    for (const byte of string) state = this.#child(state, byte) || this.#add(state, byte);
    this.matched[state] = string.length;
  }

  #add(parent: number, byte: number): number {
    const state = this.depth.length;
    this.depth.push((this.depth[parent] as number) + 1);
    this.matched.push(0);
    this.open.push(0);
    this.#firstChild.push(0);
    this.#sibling.push(this.#firstChild[parent] as number);
    this.#byte.push(byte);
    this.#shorter.push(0);
    this.#firstChild[parent] = state;
    if (parent === 0) this.#first[byte] = state;
    return state;
  }

  /** Breadth first, so that shorter states are done before longer ones. */
  #link(): void {
    const queue = [0];
    for (let at = 0; at < queue.length; at++) {
      const state = queue[at] as number;
      const shorter = this.#shorter[state] as number;
      if (state !== 0) {
        if (this.matched[state] === 0) this.matched[state] = this.matched[shorter] as number;
        const isOpen = this.#firstChild[state] !== 0;
        this.open[state] = (isOpen ? this.depth[state] : this.open[shorter]) as number;
      }
      for (let child = this.#firstChild[state] as number; child !== 0; child = this.#sibling[child] as number) {
        if (state !== 0) this.#shorter[child] = this.next(shorter, this.#byte[child] as number);
        queue.push(child);
      }
    }
  }

  #child(state: number, byte: number): number {
    if (state === 0) return this.#first[byte] as number;
    let child = this.#firstChild[state] as number;
    while (child !== 0 && this.#byte[child] !== byte) child = this.#sibling[child] as number;
    return child;
  }

  /** The state after one more byte. */
  next(from: number, byte: number): number {
    let state = from;
    for (;;) {
      const child = this.#child(state, byte);
      if (child !== 0 || state === 0) return child;
      state = this.#shorter[state] as number;
    }
  }

  /**
   * The same as `open` where a part of the next byte is known.
   * @param bits - how many of its upper bits
   * @returns -1: with these no string goes on or begins.
   */
  openWith(from: number, upper: number, bits: number): number {
    for (let state = from; ; state = this.#shorter[state] as number) {
      for (let child = this.#firstChild[state] as number; child !== 0; child = this.#sibling[child] as number)
        if ((this.#byte[child] as number) >> (8 - bits) === upper) return this.depth[state] as number;
      if (state === 0) return -1;
    }
  }
}

/** Nothing is held back. */
const NOWHERE = Number.POSITIVE_INFINITY;

/** Follows one way of reading the stream. Offsets are those of the stream. */
class Follower {
  readonly #automaton: Automaton;
  readonly #found: (start: number, end: number) => void;
  /** Where each of the bytes that were read last begins in the stream. */
  readonly #starts: Float64Array;
  #count = 0;
  #state = 0;

  constructor(automaton: Automaton, found: (start: number, end: number) => void) {
    this.#automaton = automaton;
    this.#found = found;
    this.#starts = new Float64Array(automaton.longest + 1);
  }

  /** One byte, which stands in the stream from `start` to `end`. */
  accept(byte: number, start: number, end: number): void {
    const state = this.#automaton.next(this.#state, byte);
    this.#state = state;
    if (state === 0) return;
    this.#starts[this.#count % this.#starts.length] = start;
    this.#count++;
    const length = this.#automaton.matched[state] as number;
    if (length > 0) this.#found(this.#startOf(length), end);
  }

  /** What comes next does not belong to what came before. */
  reset(): void {
    this.#state = 0;
  }

  /** Where a string may have begun. */
  heldFrom(): number {
    const length = this.#automaton.open[this.#state] as number;
    return length === 0 ? NOWHERE : this.#startOf(length);
  }

  /** The same where upper bits of the next byte are known. @param start - where that byte begins; `null`: it cannot be the first one. */
  heldFromWith(upper: number, bits: number, start: number | null): number {
    const length = this.#automaton.openWith(this.#state, upper, bits);
    if (length > 0) return this.#startOf(length);
    return length === 0 && start !== null ? start : NOWHERE;
  }

  #startOf(length: number): number {
    const { length: size } = this.#starts;
    return this.#starts[(this.#count - length) % size] as number;
  }
}

/** One way of reading a stream. */
interface Reading {
  read(chunk: Uint8Array, offset: number): void;
  /** Where a value may have begun that is not there as a whole; {@link NOWHERE}: nowhere. */
  heldFrom(): number;
}

/** What a way of escaping makes of bytes that may be an escape. */
interface Escaping {
  isFirst(byte: number): boolean;
  /** @returns the bytes it stands for; `"more"`: that depends on what follows; `null`: it is no escape. */
  parse(token: readonly number[]): readonly number[] | "more" | null;
}

const PERCENT = 0x25;
const PLUS = 0x2b;
const BACKSLASH = 0x5c;

const urlEscaping: Escaping = {
  isFirst: (byte) => byte === PERCENT,
  parse: ([, ...digits]) => (digits.every(isHexDigit) ? (digits.length < 2 ? "more" : [hexNumber(digits)]) : null),
};

/** In forms and queries a plus is a blank. */
const formEscaping: Escaping = {
  isFirst: (byte) => byte === PERCENT || byte === PLUS,
  parse: (token) => (token[0] === PLUS ? [0x20] : urlEscaping.parse(token)),
};

const jsonLetters: ReadonlyMap<number, number> = new Map(
  Object.entries({ '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }).map(
    ([name, text]) => [name.charCodeAt(0), text.charCodeAt(0)],
  ),
);

const jsonEscaping: Escaping = {
  isFirst: (byte) => byte === BACKSLASH,
  parse: (token) => {
    if (token.length === 1) return "more";
    const letter = jsonLetters.get(token[1] as number);
    if (letter !== undefined) return [letter];
    const units: number[] = [];
    for (let at = 0; at < token.length; at += 6) {
      const unit = token.slice(at, at + 6);
      const [backslash, u = 0x75, ...digits] = unit;
      if (backslash !== BACKSLASH || u !== 0x75 || !digits.every(isHexDigit)) return null;
      if (unit.length < 6) return "more";
      units.push(hexNumber(digits));
    }
    const [first = 0, second] = units;
    const isHigh = first >= 0xd800 && first < 0xdc00;
    if (isHigh && second === undefined) return "more";
    // Half a character alone is none.
    const isWhole = isHigh
      ? second !== undefined && second >= 0xdc00 && second < 0xe000
      : first < 0xdc00 || first > 0xdfff;
    return isWhole ? [...Buffer.from(String.fromCharCode(...units))] : null;
  },
};

function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function hexNumber(digits: readonly number[]): number {
  return Number.parseInt(String.fromCharCode(...digits), 16);
}

/** Reads a stream as it is, or with escapes; what only looks like one stands for itself. */
class EscapedReading implements Reading {
  readonly #follower: Follower;
  readonly #escaping: Escaping | null;
  /** What may become an escape. */
  #token: number[] = [];
  #tokenStart = 0;

  constructor(follower: Follower, escaping: Escaping | null) {
    this.#follower = follower;
    this.#escaping = escaping;
  }

  read(chunk: Uint8Array, offset: number): void {
    const [follower, escaping] = [this.#follower, this.#escaping];
    for (let i = 0; i < chunk.length; i++) {
      const [byte, at] = [chunk[i] as number, offset + i];
      if (this.#token.length === 0 && escaping?.isFirst(byte) !== true) follower.accept(byte, at, at + 1);
      else if (escaping !== null) this.#extend(byte, at, escaping);
    }
  }

  #extend(byte: number, at: number, escaping: Escaping): void {
    if (this.#token.length === 0) this.#tokenStart = at;
    this.#token.push(byte);
    const parsed = escaping.parse(this.#token);
    if (parsed === "more") return;
    const [token, start] = [this.#token, this.#tokenStart];
    this.#token = [];
    if (parsed !== null) {
      for (const decoded of parsed) this.#follower.accept(decoded, start, at + 1);
      return;
    }
    const [first = 0, ...rest] = token;
    this.#follower.accept(first, start, start + 1);
    this.read(Uint8Array.from(rest), start + 1);
  }

  heldFrom(): number {
    return Math.min(this.#follower.heldFrom(), this.#token.length === 0 ? NOWHERE : this.#tokenStart);
  }
}

/** By a byte: the six bits it stands for in base64, in both alphabets; a line end within it, or the end of it. */
const LINE_END = -1;
const NO_BASE64 = -2;
const sixBits = new Int8Array(256).fill(NO_BASE64);
for (const alphabet of ["+/", "-_"]) {
  const letters = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789${alphabet}`;
  for (const [value, letter] of [...letters].entries()) sixBits[letter.charCodeAt(0)] = value;
}
for (const letter of "\r\n") sixBits[letter.charCodeAt(0)] = LINE_END;

/**
 * Reads a stream as base64. Characters in front of a base64 text can look like a part of it, so there is one reading for
 * each place where its groups of four can begin. A value is taken to begin with the first character that is its own: one
 * before it may have two or four bits of it.
 */
class Base64Reading implements Reading {
  readonly #follower: Follower;
  /** Characters at the start of a text that belong to no group. */
  readonly #offset: number;
  #skip: number;
  /** Bits that are known of the next byte, and how many. */
  #bits = 0;
  #known = 0;
  /** Where the last character stands. */
  #last = 0;

  constructor(follower: Follower, offset: number) {
    this.#follower = follower;
    this.#offset = offset;
    this.#skip = offset;
  }

  read(chunk: Uint8Array, offset: number): void {
    for (let i = 0; i < chunk.length; i++) {
      const value = sixBits[chunk[i] as number] as number;
      if (value === LINE_END) continue;
      if (value === NO_BASE64) this.#reset();
      else if (this.#skip > 0) this.#skip--;
      else this.#take(value, offset + i);
    }
  }

  #take(value: number, at: number): void {
    const known = this.#known;
    if (known === 0) {
      this.#bits = value;
      this.#known = 6;
      this.#last = at;
      return;
    }
    const rest = known - 2;
    const byte = ((this.#bits << (8 - known)) | (value >> rest)) & 0xff;
    // The first byte of a group has a whole character to itself; of the others the second one is theirs.
    this.#follower.accept(byte, known === 6 ? this.#last : at, at + 1);
    this.#bits = value & ((1 << rest) - 1);
    this.#known = rest;
    this.#last = at;
  }

  #reset(): void {
    this.#follower.reset();
    this.#skip = this.#offset;
    this.#known = 0;
  }

  heldFrom(): number {
    if (this.#known === 0) return this.#follower.heldFrom();
    return this.#follower.heldFromWith(this.#bits, this.#known, this.#known === 6 ? this.#last : null);
  }
}

class Stream implements Redaction {
  readonly #readings: readonly Reading[];
  /** What is held back, from `#from` to `#to`; there is room behind it. */
  #buffer = Buffer.alloc(0);
  /** By a byte of the buffer: how many values begin there, less those that ended before it. */
  #changes = new Int32Array(0);
  #from = 0;
  #to = 0;
  /** Where the first byte of the buffer stands in the stream. */
  #origin = 0;
  /** How many values cover the byte that was released last. */
  #covering = 0;

  constructor(automaton: Automaton) {
    const found = (start: number, end: number): void => this.#cover(start - this.#origin, end - this.#origin);
    const follower = (): Follower => new Follower(automaton, found);
    this.#readings =
      automaton.longest === 0
        ? []
        : [
            ...[null, urlEscaping, formEscaping, jsonEscaping].map((one) => new EscapedReading(follower(), one)),
            ...[0, 1, 2, 3].map((offset) => new Base64Reading(follower(), offset)),
          ];
  }

  push(chunk: Uint8Array): Uint8Array {
    this.#append(chunk);
    const offset = this.#origin + this.#to - chunk.length;
    let safe = this.#origin + this.#to;
    for (const reading of this.#readings) {
      reading.read(chunk, offset);
      safe = Math.min(safe, reading.heldFrom());
    }
    return this.#release(safe - this.#origin);
  }

  end(): Uint8Array {
    return this.#release(this.#to);
  }

  #append(chunk: Uint8Array): void {
    // One byte more, for what ends with the last one.
    if (this.#to + chunk.length >= this.#buffer.length) this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#to);
    this.#to += chunk.length;
  }

  /** Moves what is held to the front of buffers that are twice as large as they must be, so that it is seldom done. */
  #makeRoom(bytes: number): void {
    const [from, to, buffer, changes] = [this.#from, this.#to, this.#buffer, this.#changes];
    const size = Math.max(buffer.length, 2 * (to - from + bytes + 1));
    this.#buffer = Buffer.alloc(size);
    this.#buffer.set(buffer.subarray(from, to));
    this.#changes = new Int32Array(size);
    this.#changes.set(changes.subarray(from, to + 1));
    this.#origin += from;
    this.#from = 0;
    this.#to = to - from;
  }

  #cover(start: number, end: number): void {
    this.#changes[start] = (this.#changes[start] as number) + 1;
    this.#changes[end] = (this.#changes[end] as number) - 1;
  }

  /** Gives what stands before `until`, with a mark for each stretch that belongs to values. */
  #release(until: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    let clear = this.#from;
    let covering = this.#covering;
    for (let at = clear; at < until; at++) {
      const before = covering;
      covering += this.#changes[at] as number;
      if (covering === 0) continue;
      if (before === 0) pieces.push(this.#buffer.subarray(clear, at), MARK);
      clear = at + 1;
    }
    pieces.push(this.#buffer.subarray(clear, until));
    this.#from = until;
    this.#covering = covering;
    return Buffer.concat(pieces);
  }
}
