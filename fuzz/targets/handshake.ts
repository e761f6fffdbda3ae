import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { Duplex } from "node:stream";

import { sendRefusal } from "../../src/handshake/response.ts";
import { WebSocketServer } from "../../src/hawser.ts";
import { readOptions } from "../../src/server/settings.ts";
import { HeldSockets } from "../../src/server/held-sockets.ts";
import { createOwnServer } from "../../src/server/own-web-server.ts";
import { Wire } from "../../test/support/wire.ts";
import { Random } from "../engine/random.ts";
import { type Mutator, type Target, holds } from "../engine/target.ts";
import { mutateRequest, simplerRequests } from "../grammar/mutate-request.ts";
import type { Clock } from "../harness/clock.ts";
import { FuzzHandler } from "../harness/handler.ts";
import { runIsolated, turns } from "../harness/run.ts";
import { checkAccepted, checkRefused } from "./handshake/oracle.ts";
import { UNEXPECTED, readResponses } from "./handshake/responses.ts";
import { SCENARIOS, STATUSES, type Scenario, APPLICATION_STATUSES } from "./handshake/scenarios.ts";

/** Bytes of an input before the request: the scenario, and how the request arrives. In the corpus they are letters. */
const HEAD = 2;

/** The opening handshake: whatever arrives, the answer is one HTTP response, and nothing stays open. */
export const handshake: Target = {
  name: "handshake",
  notation: "text",
  maxLength: 8192,
  batch: 16,
  mutators: [request, request, request, request, request, request, head],
  *simpler(input) {
    for (const text of simplerRequests(input.toString("latin1", HEAD))) yield withRequest(input, text);
  },
  run: (input) =>
    runIsolated(async (clock) => {
      const [which = 0, how = 0] = input;
      const scenario = SCENARIOS[which % SCENARIOS.length] ?? SCENARIOS[0];
      if (scenario !== undefined) await runHandshake(clock, scenario, how, input.subarray(HEAD));
    }),
};

/** A web server, and the requests that it got. */
interface TestServer {
  readonly web: Server;
  readonly wss: WebSocketServer;
  readonly handler: FuzzHandler;
  /** Every request that Node parsed from the bytes. */
  readonly messages: IncomingMessage[];
}

/** A stream that Node's web server can close after an answer, as it does with a socket. */
class SocketLike extends Wire {
  /** The method of `net.Socket`. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }
}

async function runHandshake(clock: Clock, scenario: Scenario, how: number, bytes: Buffer): Promise<void> {
  const server = startServer(scenario);
  const wire = new SocketLike();
  // Node's type requires a socket, but its documentation allows any stream.
  server.web.emit("connection", wire as unknown as never);
  for (const chunk of chunksOf(bytes, how & 0x3f)) {
    if (!wire.destroyed) wire.arrive(chunk);
    if ((how & 0x40) !== 0) await turns(1);
  }
  const early = (how & 0x80) !== 0;
  if (!early) await waitForAll(clock);
  if (!wire.destroyed) wire.arriveEnd();
  await waitForAll(clock);
  checkAnswer(server, scenario, wire, bytes, early);
  await checkClosed(server, wire, clock);
}

/** Waits for everything to happen, also after deadlines. */
async function waitForAll(clock: Clock): Promise<void> {
  await turns(4);
  clock.advance(20_000);
  await turns(3);
}

function ownServer(settings: ReturnType<typeof readOptions>): ReturnType<typeof createOwnServer> {
  const held = new HeldSockets(settings, new Set());
  return createOwnServer(settings, {
    refuse: (socket, refusal) => {
      sendRefusal(socket, refusal, undefined, () => {
        held.linger(socket, "");
      });
    },
    onRefused: () => undefined,
  });
}

function startServer({ server, options, answer }: Scenario): TestServer {
  const web = server === "own" ? ownServer(readOptions(options)) : createServer(plain);
  const handler = new FuzzHandler();
  const callbacks = {
    onConnection: (_wss: unknown, event: Parameters<Scenario["answer"]>[0]) => answer(event, handler) as FuzzHandler,
    onError: () => undefined,
  };
  const wss = new WebSocketServer(callbacks, server === "handleUpgrade" ? options : { ...options, server: web });
  if (server === "handleUpgrade") {
    web.on("upgrade", (message: IncomingMessage, socket: Duplex, head: Buffer) => {
      wss.handleUpgrade(message, socket, head);
    });
  }
  return { web, wss, handler, messages: listen(web) };
}

/** The events of a web server that have a request. */
const REQUESTS: ReadonlySet<string> = new Set(["request", "upgrade", "checkExpectation"]);

/** Records the requests that Node parses. A listener would change what the server does, so `emit` is replaced. */
function listen(web: Server): IncomingMessage[] {
  const messages: IncomingMessage[] = [];
  const emit = web.emit.bind(web) as (event: string, ...args: unknown[]) => boolean;
  web.emit = (event: string, ...args: unknown[]) => {
    if (REQUESTS.has(event)) messages.push(args[0] as IncomingMessage);
    return emit(event, ...args);
  };
  return messages;
}

/** A page of the application's web server. */
function plain(_message: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { Connection: "close" }).end("a page");
}

function checkAnswer(
  { messages, handler }: TestServer,
  scenario: Scenario,
  wire: Wire,
  bytes: Buffer,
  early: boolean,
): void {
  const written = readResponses(
    Buffer.from(wire.taken),
    messages.map(({ method = "" }) => method),
  );
  // On the application's web server Node answers an unknown `Expect` itself, and continues.
  const responses = scenario.server === "own" ? written : written.filter(({ status }) => status !== UNEXPECTED);
  holds(
    responses.length < 2,
    "there is more than one response",
    responses.map(({ status }) => status),
  );
  const [response] = responses;
  const [message] = messages;
  if (response === undefined) {
    // There may be no response if there was no request, if the client did not wait, or if Node refused a CONNECT by closing.
    const mayBeSilent =
      early ||
      written.length > 0 ||
      /^[\r\n]*$/.test(bytes.toString("latin1")) ||
      /^[\r\n]*CONNECT /.test(bytes.toString("latin1"));
    holds(mayBeSilent, "there is no response");
    return;
  }
  if (handler.broken.length > 0) throw handler.broken[0];
  if (response.status === 101) {
    holds(scenario.accepts, "a client is accepted that onConnection did not accept");
    checkAccepted(response, message, scenario.options.path as string | undefined);
    holds(handler.ended, "a connection does not end after its peer has ended", handler.calls);
  } else {
    const isFromApplication = scenario.server !== "own" && APPLICATION_STATUSES.includes(response.status);
    if (!isFromApplication) checkRefused(response, new Set([...STATUSES, ...scenario.statuses]));
    holds(handler.calls.length === 0, "the handler of a refused client is called", handler.calls);
  }
}

/** Checks that no socket, no connection and no timer is left. */
async function checkClosed({ web, wss }: TestServer, wire: Wire, clock: Clock): Promise<void> {
  holds(wire.destroyed, "a socket is left open");
  holds(wss.connections.length === 0, "a connection is left");
  const settled: boolean[] = [];
  void wss.terminate().then(() => settled.push(true));
  await turns(2);
  holds(settled.length > 0 && wss.terminated, "the promise of wss.terminate() does not settle");
  web.close();
  clock.advance(60_000);
  holds(clock.pending === 0, "a timer is left", clock.pending);
}

/** Cuts the request into chunks; 0: one chunk. The same number always gives the same chunks. */
function chunksOf(bytes: Buffer, cuts: number): Buffer[] {
  if (cuts === 0) return [bytes];
  const random = new Random(cuts);
  const chunks = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + random.between(1, random.pick([3, 30, 300]));
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

function withRequest(input: Buffer, text: string): Buffer {
  return Buffer.concat([input.subarray(0, HEAD), Buffer.from(text, "latin1")]);
}

function request(...[input, random, other]: Parameters<Mutator>): Buffer {
  return withRequest(input, mutateRequest(input.toString("latin1", HEAD), random, other.toString("latin1", HEAD)));
}

function head(...[input, random]: Parameters<Mutator>): Buffer {
  const copy = Buffer.from(input);
  if (copy.length >= HEAD)
    copy.writeUInt8(random.oneIn(2) ? 0x40 + random.below(SCENARIOS.length) : random.below(256), random.below(HEAD));
  return copy;
}
