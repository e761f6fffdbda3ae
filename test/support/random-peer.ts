import fc from "fast-check";
import { fill, hex, join, utf8 } from "./bytes.ts";
import { asClient, encode } from "./frames.ts";
import { close, ping } from "./session.ts";

/** Bytes that a message of these peers may have. */
export const MAX_MESSAGE = 1000;

/** Bytes that its fragments may be charged: enough for five of them. */
export const MAX_FRAGMENTS = 5;

/** Something that a peer sends. `close` and `broken` are final: what it sends after them is not read. */
export type Item =
  | {
      readonly is: "message";
      readonly opcode: number;
      /** Its fragments. */
      readonly parts: readonly string[];
      /** A ping between its fragments. */
      readonly between: string | undefined;
    }
  | { readonly is: "ping"; readonly payload: string }
  | { readonly is: "pong"; readonly payload: string }
  | { readonly is: "close"; readonly code: number | undefined; readonly reason: string }
  | { readonly is: "broken"; readonly how: Broken };

/** Mistakes of a peer: the name, the bytes and the number of the resulting error. */
const brokenItems = {
  "a reserved opcode": [asClient(hex("83 00")), 102],
  "a reserved bit": [asClient(hex("c1 00")), 101],
  "a frame that is not masked": [hex("81 01 41"), 103],
  "a text that is not UTF-8": [asClient(hex("81 01 ff")), 113],
  "a text whose second fragment is not UTF-8": [join([asClient(hex("01 01 c3")), asClient(hex("80 01 41"))]), 113],
  "a close frame of one byte": [asClient(hex("88 01 03")), 111],
  "a close code that is not to be sent": [asClient(hex("88 02 03 ed")), 112],
  "a continuation of nothing": [asClient(hex("80 00")), 109],
  "a message in a message": [join([asClient(hex("01 00")), asClient(hex("82 00"))]), 110],
  "a ping in fragments": [asClient(hex("09 00")), 105],
  "a ping that is too long": [asClient(hex("89 7e 00 7e", fill(1, 126))), 106],
  "a length that is too long": [asClient(hex("82 7e 00 01 01")), 107],
  "a message that is too big": [asClient(encode({ opcode: 2, payload: fill(1, MAX_MESSAGE + 1) })), 114],
  "too many fragments": [
    join([asClient(hex("01 00")), ...Array.from({ length: 6 }, () => asClient(hex("00 00")))]),
    115,
  ],
} as const satisfies Record<string, readonly [bytes: Uint8Array, errCode: number]>;

/** One mistake of a peer. */
export type Broken = keyof typeof brokenItems;

/** The error that results from a mistake. */
export function errorOf(how: Broken): number {
  return brokenItems[how][1];
}

/** An item as the peer sends it. */
export function bytesOf(item: Item): Uint8Array {
  switch (item.is) {
    case "message": {
      const { opcode, parts, between } = item;
      const frames = parts.map((part, i) =>
        asClient(encode({ opcode: i === 0 ? opcode : 0, fin: i === parts.length - 1, payload: utf8(part) })),
      );
      return between === undefined ? join(frames) : join([frames[0]!, ping(between), ...frames.slice(1)]);
    }
    case "ping":
      return ping(item.payload);
    case "pong":
      return asClient(encode({ opcode: 10, payload: utf8(item.payload) }));
    case "close":
      return close(item.code, item.reason);
    case "broken":
      return brokenItems[item.how][0];
  }
}

/** A message as it is recorded: its type, and its content as text. */
export function named(opcode: number, content: string): string {
  return `${String(opcode)} ${content}`;
}

/** What a reader of all these items gets. */
export interface Meaning {
  /** The messages, `named`. */
  readonly messages: readonly string[];
  /** The payloads of the pings. */
  readonly pings: readonly string[];
  /** The final item. */
  readonly last: Extract<Item, { is: "close" | "broken" }> | undefined;
}

/** The results of these items, up to the first final one. */
export function meaningOf(items: readonly Item[]): Meaning {
  const messages: string[] = [];
  const pings: string[] = [];
  for (const item of items) {
    if (item.is === "close" || item.is === "broken") return { messages, pings, last: item };
    if (item.is === "message") {
      messages.push(named(item.opcode, item.parts.join("")));
      if (item.between !== undefined) pings.push(item.between);
    } else if (item.is === "ping") pings.push(item.payload);
  }
  return { messages, pings, last: undefined };
}

const part = fc
  .oneof(
    { weight: 3, arbitrary: fc.string({ maxLength: 20 }) },
    { weight: 2, arbitrary: fc.string({ unit: "grapheme", maxLength: 20 }) },
    { weight: 1, arbitrary: fc.integer({ min: 100, max: 200 }).map((length) => "x".repeat(length)) },
  )
  .filter((text) => utf8(text).length <= 250);

const payload = fc.string({ maxLength: 10 });

const message: fc.Arbitrary<Item> = fc.record({
  is: fc.constant("message" as const),
  opcode: fc.constantFrom(1, 1, 2),
  parts: fc.oneof(
    { weight: 3, arbitrary: fc.tuple(part) },
    { weight: 1, arbitrary: fc.array(part, { minLength: 2, maxLength: 4 }) },
  ),
  between: fc.option(payload, { nil: undefined, freq: 4 }),
});

/** What a peer sends before the end. */
export const item: fc.Arbitrary<Item> = fc.oneof(
  { weight: 8, arbitrary: message },
  { weight: 2, arbitrary: fc.record({ is: fc.constantFrom("ping" as const, "pong" as const), payload }) },
);

/** What it sends last. */
export const lastItem: fc.Arbitrary<Item> = fc.oneof(
  fc.record({
    is: fc.constant("close" as const),
    code: fc.constantFrom(undefined, 1000, 1001, 4000),
    reason: fc.constant(""),
  }),
  fc.record({ is: fc.constant("close" as const), code: fc.constantFrom(1000, 4999), reason: payload }),
  fc.record({ is: fc.constant("broken" as const), how: fc.constantFrom(...(Object.keys(brokenItems) as Broken[])) }),
);
