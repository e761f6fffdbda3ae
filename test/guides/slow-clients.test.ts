import { describe, expect, test } from "vitest";
import { type RunningProgram, SLOW, usePage } from "../support/page-project.ts";
import { PageClient, becomes, printed } from "./page-client.ts";

const project = usePage("docs/guides/slow-clients.md");

/** More than the buffers of the two systems hold. */
const MESSAGES = 2000;
const NOTE = "x".repeat(10_000);

async function fetchJson<Value>({ port }: RunningProgram): Promise<Value> {
  return (await (await fetch(`http://127.0.0.1:${String(port)}/`)).json()) as Value;
}

interface Counters {
  readonly connections: { readonly opened: number; readonly closed: number };
  readonly messages: { readonly accepted: number; written: number; dropped: number; pending: number };
  readonly limits: { readonly maxSendQueue: number };
}

/** Reads the rows of an export until its end. */
async function countRows(client: PageClient): Promise<void> {
  for (let n = 0; n < 20_000; n++) expect(await client.json()).toMatchObject({ n });
  expect(await client.closed).toEqual([1000, "all rows"]);
}

describe.each(["/loop", "/drain"])("rows on %s", (path) => {
  test(
    "for a client that does not read no more than highWaterMark waits; it gets all rows, and so does another one meanwhile",
    async () => {
      const server = await project().start("rows.js");
      const slow = await PageClient.open(server, path);
      slow.socket.pause();
      slow.send("go");
      // It waits: the next look finds the same number.
      let waiting = 0;
      await becomes(async () => {
        const before = waiting;
        [waiting = 0] = await fetchJson<number[]>(server);
        return waiting > 1024 * 1024 && waiting === before;
      }, true);
      expect(waiting).toBeLessThan(1024 * 1024 + 128 * 1024);

      const other = await PageClient.open(server, path);
      other.send("go");
      await countRows(other);
      expect((await fetchJson<number[]>(server))[0]).toBe(waiting);

      slow.socket.resume();
      await countRows(slow);
      await server.stop();
    },
    SLOW,
  );
});

test(
  "a client that has stopped reading gets the newest price of each symbol; another one has got every price",
  async () => {
    const server = await project().start("ticker.js");
    const [slow, fast] = [await PageClient.open(server), await PageClient.open(server)];
    const feed = await PageClient.open(server, "/feed");
    slow.socket.pause();
    for (let price = 0; price < MESSAGES; price++) {
      const sent = { symbol: price % 2 === 0 ? "EUR" : "GBP", price, note: NOTE };
      feed.send(sent);
      expect(await fast.json()).toEqual(sent);
    }
    slow.socket.resume();
    const prices: number[] = [];
    const newest: Record<string, number> = {};
    while (newest["EUR"] !== MESSAGES - 2 || newest["GBP"] !== MESSAGES - 1) {
      const { symbol, price } = (await slow.json()) as { symbol: string; price: number };
      expect(price).toBeGreaterThan(newest[symbol] ?? -1);
      newest[symbol] = price;
      prices.push(price);
    }
    expect(prices.length).toBeLessThan(MESSAGES - 2);
    const { connections, messages, limits } = await fetchJson<Counters>(server);
    expect(connections).toMatchObject({ opened: 3, closed: 0 });
    expect(messages).toEqual({
      accepted: 2 * MESSAGES,
      written: MESSAGES + prices.length,
      dropped: MESSAGES - prices.length,
      pending: 0,
    });
    expect(limits.maxSendQueue).toBeGreaterThan(0);
    await server.stop();
  },
  SLOW,
);

test(
  "a client that confirms what it has read gets no old price: while it does not read, the newest of each symbol waits",
  async () => {
    const server = await project().start("fresh.js");
    const [slow, fast] = [await PageClient.open(server), await PageClient.open(server)];
    const feed = await PageClient.open(server, "/feed");
    slow.socket.pause();
    for (let price = 0; price < MESSAGES; price++) feed.send({ symbol: price % 2 === 0 ? "EUR" : "GBP", price });
    const lastOf = async (client: PageClient): Promise<number> => {
      const newest: Record<string, number> = {};
      let received = 0;
      while (newest["EUR"] !== MESSAGES - 2 || newest["GBP"] !== MESSAGES - 1) {
        const { symbol, price } = (await client.json()) as { symbol: string; price: number };
        expect(price).toBeGreaterThan(newest[symbol] ?? -1);
        newest[symbol] = price;
        received++;
      }
      return received;
    };
    await lastOf(fast);
    slow.socket.resume();
    // The first batch, and the newest of both symbols.
    expect(await lastOf(slow)).toBeLessThan(10);
    await server.stop();
  },
  SLOW,
);

test(
  "where every message counts, a client that has stopped reading is closed with 1013; another one has got every message",
  async () => {
    const server = await project().start("changes.js");
    const [slow, fast, sender] = [
      await PageClient.open(server),
      await PageClient.open(server),
      await PageClient.open(server),
    ];
    slow.socket.pause();
    for (let n = 0; n < MESSAGES; n++) {
      sender.send(`${String(n)} ${NOTE}`);
      expect(await fast.text()).toBe(`${String(n)} ${NOTE}`);
    }
    slow.socket.resume();
    expect(await slow.closed).toEqual([1013, "reading too slowly"]);
    await printed(server, "1 was too slow");
    expect(Number(/1 was too slow, (\d+) dropped/.exec(server.output())?.[1])).toBeGreaterThan(0);
    sender.send("after it");
    expect(await fast.text()).toBe("after it");
    await server.stop();
  },
  SLOW,
);
