// The clients of the drain, in a process of their own: they send without a pause, and count what they receive.
import { setTimeout as pause } from "node:timers/promises";
import { answerParent } from "../child.ts";
import { Client, type Route, handshake } from "../client.ts";
import { FIN, Op, closeCode, closeFrame, clientFrame } from "../frames.ts";
import { addressOf } from "../ports.ts";

/** Clients to open. */
export interface ClientGroup {
  readonly port: number;
  readonly clients: number;
  /** Messages that each client has in flight. */
  readonly depth: number;
  /** Whether each is a stream of HTTP/2. */
  readonly isHttp2: boolean;
}

/** What one client has received. */
export interface ClientReport {
  /** Messages that were received before the close frame. */
  readonly received: number;
  /** How many of these were answers. The server sent the others by itself. */
  readonly answers: number;
  /** Answers that were out of order. */
  readonly outOfOrder: number;
  /** The code of the close frame; 1006 if there was none. */
  readonly code: number;
}

/** The answer to an HTTP request, during the drain or after it. */
export interface HttpAnswer {
  readonly status: number;
  /** The seconds of `Retry-After`; undefined if it is missing. */
  readonly retryAfter?: number;
}

/** The methods of this process. */
export interface DrainClients {
  /** Connects the clients. From then on all of them send. */
  readonly open: (group: ClientGroup) => Promise<void>;
  /** Tries to connect this many times, one after the other. */
  readonly tryToConnect: (times: number) => Promise<HttpAnswer[]>;
  /** Requests a page by plain HTTP. */
  readonly page: () => Promise<HttpAnswer>;
  /** Lets the last clients answer the close frame, so that the drain can end. */
  readonly release: () => void;
  /** Waits until all connections have ended. */
  readonly report: () => Promise<ClientReport[]>;
}

/** One client in `SLOW` reads slowly: one frame, then a pause of `SLOW_PAUSE` milliseconds. */
const SLOW = 10;
const SLOW_PAUSE = 5;
/** This many clients answer the close frame only after `release`: the drain lasts until then. */
const LAST_CLIENTS = 2;
/** Text that makes each message longer. */
const PADDING = ".".repeat(40);

let port = 0;
let isHttp2 = false;
let release: () => void = () => undefined;
const released = new Promise<void>((resolve) => {
  release = resolve;
});
let reports: Promise<ClientReport>[] = [];

function route(n: number): Route {
  return { port, from: addressOf(n), isHttp2 };
}

/** Sends and counts until a close frame arrives. */
async function sendAndCount(client: Client, n: number, depth: number): Promise<ClientReport> {
  const send = (i: number): boolean => client.write(clientFrame(FIN | Op.text, `${String(i)} ${PADDING}`));
  let [sent, received, answers, outOfOrder] = [0, 0, 0, 0];
  while (sent < depth) send(sent++);
  for (;;) {
    const frame = await client.frame();
    if (frame === undefined) return { received, answers, outOfOrder, code: 1006 };
    if (frame.opcode === Op.close) {
      if (n < LAST_CLIENTS) await released;
      client.write(closeFrame(closeCode(frame)));
      await client.ended();
      client.end();
      return { received, answers, outOfOrder, code: closeCode(frame) };
    }
    received++;
    if (frame.opcode !== Op.text) continue;
    if (Number.parseInt(frame.payload.toString("latin1", 0, 12), 10) !== answers) outOfOrder++;
    answers++;
    if (n % SLOW === SLOW - 1) await readSlowly(client);
    send(sent++);
  }
}

async function readSlowly(client: Client): Promise<void> {
  client.pause();
  await pause(SLOW_PAUSE);
  client.resume();
}

/** Sends a request, and returns its answer. */
async function requestOnce(request: string, n: number): Promise<HttpAnswer> {
  const client = await Client.connect(route(n));
  client.write(request);
  const head = await client.head();
  client.reset();
  const retryAfter = /\r\nretry-after: (\d+)\r\n/i.exec(head?.text ?? "")?.[1];
  const status = head?.status ?? 0;
  return retryAfter === undefined ? { status } : { status, retryAfter: Number(retryAfter) };
}

const methods: DrainClients = {
  async open({ clients, depth, ...server }) {
    ({ port, isHttp2 } = server);
    const numbers = Array.from({ length: clients }, (_, n) => n);
    const all = await Promise.all(numbers.map((n) => Client.open(route(n), `/?client=${String(n)}`)));
    reports = all.map((client, n) => sendAndCount(client, n, depth));
  },
  async tryToConnect(times) {
    const answers: HttpAnswer[] = [];
    for (let n = 0; n < times; n++) answers.push(await requestOnce(handshake(`/?client=${String(n)}`), n));
    return answers;
  },
  page: () => requestOnce("GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 0),
  release: () => release(),
  report: () => Promise.all(reports),
};

answerParent(methods);
