// The peer of the streams, in a process of its own: a client of the package `ws`.
import { once } from "node:events";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { answerParent } from "../child.ts";
import { Digest, chunkOf } from "./load.ts";

/** Milliseconds between two heartbeats. */
const PING_MS = 250;

/** A slow peer reads for a while, and then it does not. */
const READS_MS = 1;
const RESTS_MS = 25;

/** What is transferred. */
export interface Transfer {
  readonly port: number;
  readonly chunks: number;
  readonly isCompressed: boolean;
  /** Of a message to the server: its handler is slow. Of one from it: this peer reads slowly. */
  readonly isSlow: boolean;
}

/** What became of it. */
export interface Outcome {
  readonly seconds: number;
  /** Both sides have had the same bytes. */
  readonly isSame: boolean;
  /** Heartbeats that were sent, and answered. */
  readonly pings: number;
  readonly pongs: number;
  /** The longest time from a heartbeat to its answer, in milliseconds. */
  readonly slowestMs: number;
}

/** Pings all the time. */
class Heartbeat {
  #sent = 0;
  /** When those were sent that were not answered yet. */
  readonly #waiting = new Set<number>();
  #slowest = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(ws: WebSocket) {
    ws.on("pong", (data) => {
      // RFC 6455 5.5.3: the answer to the latest ping answers those before it.
      const upTo = Number(data.toString());
      for (const sentAt of this.#waiting)
        if (sentAt <= upTo && this.#waiting.delete(sentAt))
          this.#slowest = Math.max(this.#slowest, performance.now() - sentAt);
    });
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#sent++;
      this.#waiting.add(now);
      ws.ping(String(now));
    }, PING_MS);
  }

  async end(): Promise<Pick<Outcome, "pings" | "pongs" | "slowestMs">> {
    clearInterval(this.#timer);
    for (let waits = 0; this.#waiting.size > 0 && waits < 200; waits++) await sleep(50);
    return { pings: this.#sent, pongs: this.#sent - this.#waiting.size, slowestMs: this.#slowest };
  }
}

async function open({ port, isCompressed, isSlow }: Transfer): Promise<WebSocket> {
  const perMessageDeflate = isCompressed && { clientNoContextTakeover: true };
  const url = `ws://127.0.0.1:${String(port)}/${isSlow ? "slow" : ""}`;
  // A gibibyte comes in more fragments than `ws` takes by default, and is gathered here.
  const ws = new WebSocket(url, { perMessageDeflate, maxPayload: 2 ** 31 - 1, maxFragments: 0 });
  await once(ws, "open");
  if ((ws.extensions !== "") !== isCompressed) throw new Error(`extensions: ${ws.extensions}`);
  return ws;
}

async function measured(ws: WebSocket, transfer: () => Promise<boolean>): Promise<Outcome> {
  const heartbeat = new Heartbeat(ws);
  const start = performance.now();
  const isSame = await transfer();
  const seconds = (performance.now() - start) / 1000;
  const beats = await heartbeat.end();
  ws.terminate();
  return { seconds, isSame, ...beats };
}

/** The methods of the process. */
export const client = {
  /** Sends one message in fragments, and compares the digest that the server answers. */
  async send(transfer: Transfer): Promise<Outcome> {
    const ws = await open(transfer);
    return measured(ws, async () => {
      const answer = once(ws, "message");
      const digest = new Digest();
      for (let i = 0; i < transfer.chunks; i++) {
        const chunk = chunkOf(i);
        digest.add(chunk);
        await new Promise((sent) => ws.send(chunk, { fin: i === transfer.chunks - 1, binary: true }, sent));
        // Otherwise its own timers would wait while the system takes everything at once.
        await turn();
      }
      const [data] = (await answer) as [Buffer];
      return data.toString() === digest.end();
    });
  },

  /** Receives one message, and compares the digest that the server sends after it. */
  async receive(transfer: Transfer): Promise<Outcome> {
    const ws = await open(transfer);
    let isOver = false;
    const rest = async (): Promise<void> => {
      while (transfer.isSlow && !isOver) {
        await sleep(READS_MS);
        ws.pause();
        await sleep(RESTS_MS);
        ws.resume();
      }
    };
    void rest();
    return measured(ws, async () => {
      const messages: Buffer[] = [];
      const both = new Promise<void>((resolve) => {
        ws.on("message", (data: Buffer) => {
          if (messages.push(data) === 2) resolve();
        });
      });
      ws.send(String(transfer.chunks));
      await both;
      isOver = true;
      const digest = new Digest();
      digest.add(messages[0] ?? Buffer.alloc(0));
      return messages[1]?.toString() === digest.end();
    });
  },
};

answerParent(client);
