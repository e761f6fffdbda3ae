import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { sendBudget } from "../../src/connection/sending/send-budget.ts";
import { hex, toHex, utf8 } from "../support/bytes.ts";
import { asClient, encode } from "../support/frames.ts";
import { cases, seed } from "../support/fuzz.ts";
import { RandomConnection, type Reaction } from "../support/random-connection.ts";
import { type Item, bytesOf, errorOf, meaningOf } from "../support/random-peer.ts";
import { type End, type Step, script } from "../support/random-script.ts";
import { trafficIn } from "../support/sent-traffic.ts";
import { turns } from "../support/wire.ts";

/** A random connection and its peer. */
class Play {
  readonly random: RandomConnection;
  /** All that the peer has sent. */
  readonly said: Item[] = [];
  /** The part of it that has not arrived. */
  #line: Uint8Array = hex("");
  /** The peer sends nothing more. */
  #silent = false;

  constructor({ reactions, mark, settings: own }: { reactions: Reaction[]; mark: number; settings: object }) {
    this.random = new RandomConnection(reactions, mark, own);
  }

  say(one: Item): void {
    this.said.push(one);
    this.#line = Buffer.concat([this.#line, bytesOf(one)]);
  }

  arrive(bytes = Infinity): void {
    const { stream } = this.random;
    const part = this.#line.subarray(0, bytes);
    this.#line = this.#line.subarray(part.length);
    if (part.length > 0 && !this.#silent && !stream.destroyed) stream.arrive(part);
  }

  hangUp(): void {
    if (!this.#silent && !this.random.stream.destroyed) this.random.stream.arriveEnd();
    this.#silent = true;
  }

  /** It answers the newest of our pings. */
  pong(): void {
    const pings = trafficIn(this.random.sent, true).controls.filter(([kind]) => kind === "ping");
    const latest = pings.at(-1);
    if (latest !== undefined)
      this.#line = Buffer.concat([this.#line, asClient(encode({ opcode: 10, payload: hex(latest[1]) }))]);
  }

  async take(step: Step): Promise<void> {
    const { random } = this;
    if (step.does === "turn") await turns(1);
    else if (step.does === "say") this.say(step.item);
    else if (step.does === "arrive") this.arrive(step.bytes);
    else if (step.does === "send") random.send(step.kind, step.size);
    else if (step.does === "tick") random.tick(step.much);
    else if (step.does === "time") vi.advanceTimersByTime(step.much);
    else if (step.does === "settle" || step.does === "read") random[step.does](step.well);
    else if (step.does === "stick" || step.does === "flow") random.stream[step.does]();
    else if (step.does === "take") random.stream.takeOne();
    else if (step.does === "terminate") random.terminate(1000);
    else if (step.does === "ask" || step.does === "destroy") random[step.does]();
    else this[step.does]();
  }

  reset(): void {
    this.random.interrupted = true;
    this.random.stream.reset();
  }

  /** Everything that waits goes on until nothing happens any more. */
  async goOn(): Promise<void> {
    const { connection, stream } = this.random;
    this.arrive();
    await this.random.goOn();
    // A peer that has sent too fast is read again after a while.
    const waits = (): boolean => stream.isPaused() || vi.getTimerCount() > 0;
    for (let i = 0; i < 300 && connection.status === "Connected" && waits(); i++) {
      vi.advanceTimersByTime(200);
      await this.random.goOn();
    }
  }

  async end(end: End): Promise<void> {
    const { random } = this;
    const { connection } = random;
    if (end === "gone") this.reset();
    else if (end === "destroyed") random.destroy();
    await this.goOn();
    if (connection.status === "Connected") this.#checkAlive();
    if (end === "peer closes") this.say({ is: "close", code: 4000, reason: "bye" });
    else if (end === "reset") this.reset();
    else if (end === "destroy") random.destroy();
    else if (end === "we close" || end === "peer is silent") random.terminate(1000);
    if (end === "we close") this.say({ is: "close", code: 1000, reason: "" });
    await this.goOn();
    if (end !== "peer is silent") this.hangUp();
    await this.goOn();
    if (connection.status === "Closed") expect(vi.getTimerCount()).toBe(0);
    // The limit for a peer that does not close its side. It starts again when what was sent before has been taken.
    for (let i = 0; i < 2; i++) {
      vi.advanceTimersByTime(1000);
      await random.goOn();
    }
  }

  /** The invariants of an open connection, when nothing waits. */
  #checkAlive(): void {
    const { random } = this;
    const { connection, stream, calls } = random;
    const { messages, pings } = meaningOf(this.said);
    expect(random.heard).toEqual(messages);
    // Every ping was answered, except those replaced by a later one.
    const pongs = trafficIn(random.sent).controls.filter(([kind]) => kind === "pong");
    expect(pongs.length).toBeLessThanOrEqual(pings.length);
    // RFC 6455 5.5.3: the latest ping is answered. Its pong may overtake an older one that waited with the data.
    if (pings.length > 0) expect(pongs.map(([, payload]) => payload)).toContain(toHex(utf8(pings.at(-1)!)));
    expect(stream.isPaused()).toBe(false);
    expect(connection.counters.pending).toBe(0);
    expect(connection.bufferedAmount).toBe(0);
    expect(random.drains.filter(({ value }) => value !== true)).toEqual([]);
    // Each sender that had to wait was told when to go on.
    if (random.toldToWait > 0) expect(calls.slice(random.toldToWait)).toContain("drain");
    expect(calls.join(" ")).toMatch(/^open( message| drain)*$/);
  }
}

/** The invariants at the end. */
function checkOver({ random, said }: Play): void {
  const { connection, stream, calls, heard, errors, told, limitCounters } = random;
  expect(random.faults).toEqual([]);
  expect(calls.join(" ")).toMatch(/^open( message| drain)*( error)? terminate$/);
  expect(told).toEqual(["left", "finished"]);
  expect(connection.status).toBe("Closed");
  expect(stream.destroyed).toBe(true);
  expect(connection.counters.pending).toBe(0);
  expect([...random.drains, ...random.trips].filter(({ settled }) => !settled)).toEqual([]);
  expect(calls.filter((name) => name === "drain").length).toBeLessThanOrEqual(random.waits);

  const { messages, pings, last } = meaningOf(said);
  expect(heard).toEqual(messages.slice(0, heard.length));
  const [{ code, status }] = random.ends as [(typeof random.ends)[0]];
  expect(status).toBe("Closed");
  const closeCode = last?.is === "close" ? (last.code ?? 1005) : 1006;
  expect([1006, closeCode]).toContain(code);
  if (code !== 1006 && !random.interrupted && limitCounters.idleTimeout + limitCounters.maxLifetime === 0)
    expect(heard).toEqual(messages);
  for (const errCode of errors) {
    const allowed = last?.is === "broken" ? [errorOf(last.how)] : [];
    expect([...allowed, 202, 203, 204, 208, 209, 301]).toContain(errCode);
  }
  checkSent(random, pings);
}

/** What the peer has received. */
function checkSent({ connection, stream, sent }: RandomConnection, pings: readonly string[]): void {
  const lost = stream.errored !== null || !stream.ended;
  const traffic = trafficIn(sent, lost);
  expect(traffic.behindClose).toBe(0);
  expect(traffic.controls.filter(([kind]) => kind === "close").length).toBeLessThanOrEqual(1);
  // A stream that is destroyed may still take what waits in it.
  if (lost) expect(traffic.messages.length).toBeLessThanOrEqual(connection.counters.accepted);
  else expect(traffic.messages).toHaveLength(connection.counters.written);
  const numbers = traffic.messages.map((message) => Number.parseInt(message, 10));
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  const unanswered = [...pings];
  for (const [kind, payload] of traffic.controls) {
    if (kind !== "pong") continue;
    const at = unanswered.indexOf(Buffer.from(payload, "hex").toString());
    expect(at, "an unsolicited pong").toBeGreaterThanOrEqual(0);
    unanswered.splice(at, 1);
  }
}

beforeAll(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterAll(() => {
  vi.useRealTimers();
});

describe("a connection", () => {
  test("keeps its promises for any input, output and failure, cut anywhere, and leaves nothing", async () => {
    await fc.assert(
      fc.asyncProperty(script, async ({ steps, end, ...given }) => {
        const play = new Play(given);
        try {
          for (const step of steps) {
            await play.take(step);
            play.random.check();
          }
          await play.end(end);
          play.random.check();
          checkOver(play);
        } finally {
          play.random.connection.destroy();
          await turns(1);
        }
        expect(vi.getTimerCount()).toBe(0);
        expect(sendBudget.total).toBe(0);
      }),
      { seed, numRuns: cases(800) },
    );
  });
});
