import { ConnectError } from "../../src/client/connect-error.ts";
import { dialOnce } from "../../src/client/dialing.ts";
import type { Dial } from "../../src/client/handler.ts";
import { type DialedServer, NodeDialer } from "../../src/client/node/node-dialer.ts";
import { readNodeOptions } from "../../src/client/node/node-options.ts";
import { askProxy } from "../../src/client/node/proxy-tunnel.ts";
import type { ClientOptions } from "../../src/client/options.ts";
import { Wire } from "../../test/support/wire.ts";
import { Random } from "../engine/random.ts";
import { type Mutator, type Target, holds } from "../engine/target.ts";
import { mutateRequest } from "../grammar/mutate-request.ts";
import type { Clock } from "../harness/clock.ts";
import { runIsolated, turns } from "../harness/run.ts";
import { ACCEPT, type Offer, acceptOf, checkAnswer, checkTunnel } from "./client-handshake/oracle.ts";

/** Bytes of an input before the answer: the scenario, and how the answer arrives. In the corpus they are letters. */
const HEAD = 2;

/** What a client offers, and whether a proxy answers in place of the server. */
interface Scenario extends Offer {
  readonly options: ClientOptions;
  readonly isProxy?: boolean;
}

const SCENARIOS: readonly [Scenario, ...Scenario[]] = [
  { options: {}, protocols: [], compresses: false, maxHeaderSize: 16_384 },
  { options: {}, protocols: ["chat", "superchat"], compresses: false, maxHeaderSize: 16_384 },
  { options: { compression: true }, protocols: [], compresses: true, maxHeaderSize: 16_384 },
  { options: { maxHeaderSize: 256 }, protocols: [], compresses: false, maxHeaderSize: 256 },
  { options: {}, protocols: [], compresses: false, maxHeaderSize: 1_024, isProxy: true },
];

/** The answer to a client's handshake: whatever arrives, the dial settles, and only a right answer is accepted. */
export const clientHandshake: Target = {
  name: "client-handshake",
  notation: "text",
  maxLength: 4096,
  batch: 8,
  mutators: [answer, answer, answer, answer, head],
  run: (input) =>
    runIsolated(async (clock) => {
      const [which = 0, how = 0] = input;
      const scenario = SCENARIOS[which % SCENARIOS.length] ?? SCENARIOS[0];
      await runDial(clock, scenario, how, input.subarray(HEAD));
    }),
};

interface Outcome {
  readonly dialed?: DialedServer;
  readonly tunnel?: true;
  readonly error?: unknown;
}

async function runDial(clock: Clock, scenario: Scenario, how: number, given: Buffer): Promise<void> {
  const wire = new Wire();
  const outcomes: Outcome[] = [];
  const controller = new AbortController();
  const opened = scenario.isProxy === true ? tunnel(wire, scenario, controller) : dial(wire, scenario, controller);
  opened.then(
    (outcome) => outcomes.push(outcome),
    (error: unknown) => outcomes.push({ error }),
  );
  await turns(4);
  const accept = acceptOf(Buffer.from(wire.taken).toString("latin1"));
  const arriving = Buffer.from(given.toString("latin1").replaceAll(ACCEPT, accept), "latin1");
  for (const chunk of chunksOf(arriving, how & 0x3f)) {
    if (!wire.destroyed) wire.arrive(chunk);
    if ((how & 0x40) !== 0) await turns(1);
  }
  await turns(3);
  if ((how & 0x80) !== 0 && !wire.destroyed) wire.arriveEnd();
  await turns(3);
  // The body of a refusal, then the handshake.
  for (const ms of [1_000, 20_000]) {
    clock.advance(ms);
    await turns(4);
  }
  const [outcome] = outcomes;
  holds(outcome !== undefined && outcomes.length === 1, "a dial does not settle");
  if (outcome.error !== undefined) checkError(outcome.error, wire);
  else if (outcome.dialed !== undefined) checkAnswer(arriving, { ...scenario, accept }, outcome.dialed);
  else checkTunnel(arriving, scenario);
  wire.destroy();
  await turns(2);
  holds(clock.pending === 0, "a timer is left", clock.pending);
}

function aboutDial({ signal }: AbortController): Dial {
  return { attempt: 0, url: undefined, status: undefined, error: undefined, signal };
}

async function dial(wire: Wire, { options, protocols }: Scenario, controller: AbortController): Promise<Outcome> {
  const dialer = new NodeDialer(readNodeOptions({ ...options, createConnection: () => wire }, {}));
  const box: { dialed?: DialedServer } = {};
  await dialOnce(
    { url: "ws://example.com/", protocols, baseUrl: undefined },
    aboutDial(controller),
    async (request) => {
      const dialed = (box.dialed = await dialer.dial(request));
      const open = (): never => {
        throw new Error("not here");
      };
      const { protocol, extensions, httpVersion, stream } = dialed;
      return { protocol, extensions, httpVersion, open, abandon: () => stream.destroy() };
    },
    { controller, timeout: 10_000, onUrl: () => undefined },
  );
  return box;
}

async function tunnel(wire: Wire, { maxHeaderSize }: Scenario, controller: AbortController): Promise<Outcome> {
  const timer = setTimeout(() => {
    controller.abort(new ConnectError("HWS_CONNECT_TIMEOUT", undefined, { stage: "proxy" }));
  }, 10_000);
  const target = { host: "example.com", port: 80, proxy: new URL("http://user:secret@proxy") };
  try {
    await askProxy(wire, target, maxHeaderSize, controller.signal);
  } finally {
    clearTimeout(timer);
  }
  return { tunnel: true };
}

const CODES: readonly string[] = [
  "HWS_CONNECT_FAILED",
  "HWS_CONNECT_TIMEOUT",
  "HWS_REFUSED",
  "HWS_BAD_HANDSHAKE",
  "HWS_REDIRECT",
  "HWS_PROXY_FAILED",
];

function checkError(error: unknown, wire: Wire): void {
  holds(error instanceof ConnectError && CODES.includes(error.code), "a dial fails with another error", String(error));

  holds(!/[\0-\x1f\x7f-\x9f]/.test(error.message), "an error has control characters", error.message);
  holds(error.message.length < 500 && !error.message.includes("secret"), "an error says too much", error.message);
  holds((error.body?.length ?? 0) <= 1_024, "a body is too long", error.body?.length);
  holds(wire.destroyed, "the connection of a dial that has failed is left open", error.code);
}

/** Cuts the answer into chunks; 0: one chunk. The same number always gives the same chunks. */
function chunksOf(all: Buffer, cuts: number): Buffer[] {
  if (cuts === 0) return [all];
  const random = new Random(cuts);
  const chunks = [];
  for (let at = 0; at < all.length;) {
    const end = at + random.between(1, random.pick([3, 30, 300]));
    chunks.push(all.subarray(at, end));
    at = end;
  }
  return chunks;
}

const LINES: readonly string[] = [
  "HTTP/1.1 101 Switching Protocols",
  "HTTP/1.0 101 Switching Protocols",
  "HTTP/1.1 200 OK",
  "HTTP/1.1 302 Found",
  "HTTP/1.1 407 Proxy Authentication Required",
  "HTTP/1.1 503 Busy",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols",
];

const FIELDS: readonly string[] = [
  `Sec-WebSocket-Accept: ${ACCEPT}`,
  "Sec-WebSocket-Protocol: superchat",
  "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover",
  "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_max_window_bits=9",
  "Retry-After: 5",
  "Location: http://a/",
  "Content-Length: 5",
  "Transfer-Encoding: chunked",
];

/** Mutates the lines of an answer, as those of a request. */
function answer(...[input, random, other]: Parameters<Mutator>): Buffer {
  const text = mutateRequest(input.toString("latin1", HEAD), random, other.toString("latin1", HEAD));
  const [first = "", ...lines] = text.split("\r\n");
  if (random.oneIn(6)) lines.splice(random.below(lines.length), 0, random.pick(FIELDS));
  const line = first.startsWith("HTTP/") && !random.oneIn(8) ? first : random.pick(LINES);
  return Buffer.concat([input.subarray(0, HEAD), Buffer.from([line, ...lines].join("\r\n"), "latin1")]);
}

function head(...[input, random]: Parameters<Mutator>): Buffer {
  const copy = Buffer.from(input);
  if (copy.length >= HEAD)
    copy.writeUInt8(random.oneIn(2) ? 0x40 + random.below(SCENARIOS.length) : random.below(256), random.below(HEAD));
  return copy;
}
