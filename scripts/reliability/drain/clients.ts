// The clients of the drain, in a process of their own: they send all the time, and count what comes back.
import { setTimeout as pause } from "node:timers/promises";
import { answerParent } from "../child.ts";
import { Client, type Route, handshake } from "../client.ts";
import { FIN, Op, closeCode, closeFrame, masked } from "../frames.ts";
import { addressOf } from "../ports.ts";

/** Clients to open. */
export interface ClientGroup {
  readonly port: number;
  readonly clients: number;
  /** Messages that each has under way. */
  readonly depth: number;
}

/** What one client has seen. */
export interface ClientReport {
  /** Messages that came before the close frame. */
  readonly received: number;
  /** Of these, answers; the others are the server's own. */
  readonly answers: number;
  /** Answers that came out of order. */
  readonly misplaced: number;
  /** The code of the close frame; 1006 when there was none. */
  readonly code: number;
}

/** The answer to a request during the drain or after it. */
export interface Told {
  readonly status: number;
  /** The seconds of `Retry-After`; undefined where there is none. */
  readonly retryAfter?: number;
}

/** What can be asked of this process. */
export interface DrainClients {
  /** Opens the clients, and has all of them send from now on. */
  readonly open: (group: ClientGroup) => Promise<void>;
  /** Tries to connect this number of times, one after the other. */
  readonly knock: (times: number) => Promise<Told[]>;
  /** Asks for a page by plain HTTP. */
  readonly page: () => Promise<Told>;
  /** Lets those go that have kept the drain from its end. */
  readonly release: () => void;
  /** Waits until all clients are through. */
  readonly report: () => Promise<ClientReport[]>;
}

/** One client in `SLOW` reads slowly: one frame, then a pause of `SLOW_PAUSE` milliseconds. */
const SLOW = 10;
const SLOW_PAUSE = 5;
/** How many clients answer the close frame only when they are released: the drain lasts until then. */
const STRAGGLERS = 2;
/** What each message is made longer by. */
const PADDING = ".".repeat(40);

let port = 0;
let release: () => void = () => undefined;
const released = new Promise<void>((resolve) => {
  release = resolve;
});
let reports: Promise<ClientReport>[] = [];

function route(n: number): Route {
  return { port, from: addressOf(n) };
}

/** Sends and counts until the close frame comes. */
async function talk(client: Client, n: number, depth: number): Promise<ClientReport> {
  const say = (i: number): boolean => client.write(masked(FIN | Op.text, `${String(i)} ${PADDING}`));
  let [sent, received, answers, misplaced] = [0, 0, 0, 0];
  while (sent < depth) say(sent++);
  for (;;) {
    const frame = await client.frame();
    if (frame === undefined) return { received, answers, misplaced, code: 1006 };
    if (frame.opcode === Op.close) {
      if (n < STRAGGLERS) await released;
      client.write(closeFrame(closeCode(frame)));
      await client.ended();
      client.end();
      return { received, answers, misplaced, code: closeCode(frame) };
    }
    received++;
    if (frame.opcode !== Op.text) continue;
    if (Number.parseInt(frame.payload.toString("latin1", 0, 12), 10) !== answers) misplaced++;
    answers++;
    if (n % SLOW === SLOW - 1) await readSlowly(client);
    say(sent++);
  }
}

async function readSlowly(client: Client): Promise<void> {
  client.pause();
  await pause(SLOW_PAUSE);
  client.resume();
}

/** What a request is told. */
async function ask(request: string, n: number): Promise<Told> {
  const client = await Client.connect(route(n));
  client.write(request);
  const head = await client.head();
  client.reset();
  const retryAfter = /\r\nretry-after: (\d+)\r\n/i.exec(head?.text ?? "")?.[1];
  const status = head?.status ?? 0;
  return retryAfter === undefined ? { status } : { status, retryAfter: Number(retryAfter) };
}

const methods: DrainClients = {
  async open({ port: of, clients, depth }) {
    port = of;
    const numbers = Array.from({ length: clients }, (_, n) => n);
    const all = await Promise.all(numbers.map((n) => Client.open(route(n), `/?client=${String(n)}`)));
    reports = all.map((client, n) => talk(client, n, depth));
  },
  async knock(times) {
    const told: Told[] = [];
    for (let n = 0; n < times; n++) told.push(await ask(handshake(`/?client=${String(n)}`), n));
    return told;
  },
  page: () => ask("GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 0),
  release: () => release(),
  report: () => Promise.all(reports),
};

answerParent(methods);
