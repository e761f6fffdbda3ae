import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { addressRule } from "../../src/handshake/forwarded-address.ts";
import { NodeRequest } from "../../src/handshake/node-request.ts";
import { ownText } from "../../src/util/own-text.ts";
import { WSConnectionEvent } from "../../src/server/connection-event.ts";
import { memory } from "../../src/backplane/memory.ts";
import { entry } from "../support/fake-driver.ts";
import { Topics } from "../../src/topics/topics.ts";
import type { ConnectionRequest } from "../../src/handshake/request.ts";
import { within } from "../support/within.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const HEADER = 15_000;
const COUNT = 1000;

/** Bytes of the heap for each value that is kept. */
function bytesPerValue(make: (index: number) => unknown): number {
  const kept: unknown[] = new Array<unknown>(COUNT).fill(undefined);
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < COUNT; i++) kept[i] = make(i);
  gc();
  const bytes = (process.memoryUsage().heapUsed - before) / COUNT;
  expect(kept).toHaveLength(COUNT);
  return bytes;
}

const nothing = (): void => undefined;
const silent = {
  rules: "{}",
  onPacket: nothing,
  onLost: nothing,
  onStatus: nothing,
  onFailed: nothing,
};

/** A header field of 15 KB that is one flat string, as from Node's HTTP parser. */
function header(end: string): string {
  return Buffer.from(`${"x".repeat(HEADER)}, ${end}`).toString();
}

test("a copy is the same text, whatever it holds", () => {
  for (const text of ["", "a", "192.0.2.1", "é€😀", "x".repeat(100)]) expect(ownText(text)).toBe(text);
});

test("a copy keeps no header in memory", () => {
  const cut = (i: number): string => header(`part-number-${String(i)}`).slice(-14);
  expect(bytesPerValue(cut)).toBeGreaterThan(HEADER / 2);
  expect(bytesPerValue((i) => ownText(cut(i)))).toBeLessThan(1000);
});

test("the address that a proxy reports keeps no header in memory", () => {
  const rule = addressRule(1);
  const addressOf = (i: number): string => {
    const message = {
      socket: { remoteAddress: "127.0.0.1" },
      rawHeaders: ["X-Forwarded-For", header(`2001:db8:aaaa:bbbb:cccc:dddd:eeee:${i.toString(16)}`)],
      url: "/",
    };
    return new NodeRequest(message as never, rule).remoteAddress;
  };
  expect(addressOf(15)).toBe("2001:db8:aaaa:bbbb:cccc:dddd:eeee:f");
  expect(bytesPerValue(addressOf)).toBeLessThan(1000);
});

test("the chosen subprotocol keeps no header in memory", () => {
  const protocolOf = (i: number): string | undefined => {
    const protocols = header(`subprotocol-number-${String(i)}`).split(", ");
    const event = new WSConnectionEvent({
      request: {} as ConnectionRequest as never,
      protocols,
      stream: undefined as never,
    });
    event.protocol = protocols[1];
    return event.protocol;
  };
  expect(protocolOf(7)).toBe("subprotocol-number-7");
  expect(bytesPerValue(protocolOf)).toBeLessThan(1000);
});

test("a topic, and each subscription to it, keep no message from which its name was cut", () => {
  const topics = new Topics<{ id: number }>(10);
  const subscribe = (i: number): void =>
    void topics.subscribe({ id: i }, header(`topic-number-${String(i)}`).slice(-15));
  expect(bytesPerValue(subscribe)).toBeLessThan(2_000);
  const [store, rule] = [memory().createDriver(), { size: 10, ttl: 10_000 }];
  void store.open(silent, "node----");
  const append = (i: number): void =>
    void store.append(header(`topic-number-${String(i)}`).slice(-15), rule, [entry(1).record]);
  expect(bytesPerValue(append)).toBeLessThan(4_000);
  void store.close(within(0));
  const sameTopic = (i: number): void => void topics.subscribe({ id: i }, header("the-same-topic-for-all").slice(-22));
  expect(bytesPerValue(sameTopic)).toBeLessThan(2_000);
});

test("a copy of a half of a surrogate pair is that half: two keys must not become the same", () => {
  for (const text of ["\ud800", "\udfff and more", "a\ud83d"]) expect(ownText(text)).toBe(text);
});
