import { readdirSync } from "node:fs";
import { type TransportSkip, onTransport } from "../../support/transport.ts";

/** A file of which nothing runs over HTTP/2, and why. */
interface LeftOut {
  readonly reason: string;
}

/** How a file of tests runs over HTTP/2: without these tests, or not at all. */
type OverHttp2 = readonly TransportSkip[] | LeftOut;

const HANDSHAKE_OF_HTTP1 = "it writes a handshake of HTTP/1.1, or is about its rules";
const CLIENT =
  "our client meets a server that writes HTTP/1.1; test/client/node/http2-*.test.ts has what is of HTTP/2 only";
const OWN_ANSWER = "over HTTP/2 the status is 400: Upgrade, and so 426, is of HTTP/1.1";
const NO_TLS = "the library's own port has HTTP/2 with TLS only";
const WEB_SERVER = "it is about an Upgrade on a web server of node:http";
const TOO_LARGE =
  "Node resets a stream with more headers than twice maxHeaderSize (http2.test.ts), and its client sends 64 KiB of them at most";
const WINDOW =
  "the window of a stream holds back what a busy handler does not take, so the peer cannot send all of it first";

const LONG = "it takes long, and its subject is the queue before the stream, which is the same";

const ONE_SHOT: TransportSkip = {
  reason: "in which way zlib is called is not the stream's, and its other way runs",
  tests: ["with zlib's handles one-shot", "while another thread works, with zlib's handles one-shot"],
};

/** Headers that a test fills with blanks. */
const BLANKS = [
  "Upgrade",
  "Connection",
  "Sec-WebSocket-Protocol",
  "Sec-WebSocket-Extensions",
  "Origin",
  "X-Forwarded-For",
];

// The files of hostile tests with peers in another process, in groups that run side by side.

/** How connections end, and what their frames are. */
export const ENDINGS: Readonly<Record<string, OverHttp2>> = {
  endings: [
    {
      reason: HANDSHAKE_OF_HTTP1,
      tests: ["within its handshake gets 400", "while onConnection is pending is never accepted"],
    },
  ],
  frames: [],
  resets: [
    {
      reason: "Node's session does not always notice a reset while it waits for the client to read: then pings do",
      tests: ["a connection that is reset 'while messages wait for it' leaves nothing"],
    },
    {
      reason: HANDSHAKE_OF_HTTP1,
      tests: [
        "a connection that is reset 'before it has sent anything' leaves nothing",
        "a connection that is reset 'within its handshake' leaves nothing",
        "a connection that is reset 'while onConnection is pending' leaves nothing",
      ],
    },
  ],
  handshakes: { reason: HANDSHAKE_OF_HTTP1 },
  secure: { reason: "it is about TLS before anything is asked" },
  topics: {
    reason: "they are messages of open connections; test/integration/topic-protocol.test.ts has them over HTTP/2",
  },
};

/** Peers that send too much, or read too little. */
export const FLOODS: Readonly<Record<string, OverHttp2>> = {
  floods: [
    {
      reason: WINDOW,
      tests: [
        "while a handler is pending two reads of short messages are kept, and none is lost",
        "while a handler is pending two reads of long messages are kept, and none is lost",
      ],
    },
  ],
  "slow-handlers": [
    {
      reason: WINDOW,
      tests: [
        "short messages that wait for a pending handler hold a few times their bytes",
        "beyond maxTotalReceiveQueue at most two reads of each peer wait for pending handlers, and that is counted: more than each may have",
      ],
    },
    {
      reason: HANDSHAKE_OF_HTTP1,
      tests: [
        "a client whose headers are too large is not reset while it still sends them",
        "a client that was refused at handshakeTimeout is released though onConnection never settles",
      ],
    },
  ],
  "slow-readers": [
    {
      reason:
        "Node's client does not notice the reset of a stream that it does not read; http2.test.ts shows that it is sent",
      tests: [
        "for a peer that never reads maxSendQueue and one message wait, then it is closed with 1013 and nothing waits any more",
        "a peer that asks for echoes and never reads them is closed at maxSendQueue",
      ],
    },
  ],
};

/** What many peers keep. */
export const MEMORY: Readonly<Record<string, OverHttp2>> = {
  "compression.memory": [
    {
      reason: "what a deflater holds is not the stream's, and this takes long",
      tests: [
        "keep no deflater and no inflater each, and read all messages: without context takeover",
        "keep no deflater and no inflater each, and read all messages: with a pool of 8",
      ],
    },
  ],
  "many-connections": [{ reason: HANDSHAKE_OF_HTTP1, tests: ["that send nothing are closed at handshakeTimeout"] }],
  memory: [{ reason: LONG, tests: ["holds some megabytes at most, with latest"] }],
  streams: [],
};

/** The files of hostile tests whose clients are in the process of the server. */
export const CLIENTS: Readonly<Record<string, OverHttp2>> = {
  bursts: [],
  "client-frames": { reason: CLIENT },
  "client-handshakes": { reason: CLIENT },
  "client-secure": { reason: CLIENT },
  compression: [ONE_SHOT],
  "compression.endings": [ONE_SHOT],
  "compression.handshakes": [
    { reason: TOO_LARGE, tests: ["is refused with 10,000 offers: the headers are too large"] },
  ],
  "compression.order": [ONE_SHOT],
  "compression.policies": [ONE_SHOT],
  "compression.pool": { reason: "it counts calls of node:zlib, of which a transport knows nothing" },
  cves: [],
  "cves.compression": [],
  "cves.handshakes": [
    {
      reason: HANDSHAKE_OF_HTTP1,
      tests: [
        "request smuggling (uWebSockets#1497) on our own web server",
        "GHSA-c4j6-fc7j-m34r: a target that names another server is answered here, and the other server gets no request",
      ],
    },
    {
      reason: TOO_LARGE,
      tests: [
        ...BLANKS.map((name) => `CVE-2021-32640: 120,000 blanks in ${name} are read in one pass`),
        "CVE-2024-37890: a handshake with its headers after 1,100 others",
      ],
    },
    {
      reason: OWN_ANSWER,
      tests: [
        "a plain request gets no header that lets a page of another origin read the response",
        "CVE-2026-54466: a handshake of draft 75 or 76 is told to use version 13, and its frames are not read",
      ],
    },
    {
      reason: WEB_SERVER,
      tests: [
        "request smuggling (uWebSockets#1497) on a web server of the user's",
        "CVE-2022-41940: a client that resets while onConnection is pending does no harm, on a web server of the user's",
      ],
    },
  ],
  drain: { reason: "the file itself has it over HTTP/2" },
  lockouts: [
    {
      reason: WEB_SERVER,
      tests: [
        "an upgrade after an unanswered plain request",
        "twelve servers on one web server cause no warning, and leave it unchanged",
        "requests for a path that no WebSocket server has have maxHandshakes places, beside another upgrade listener",
        "and a server that is terminated leaves them to the other listener",
        "nor a socket of a client that it has refused",
      ],
    },
    { reason: NO_TLS, tests: ["clients that do not finish their handshake, without TLS"] },
    {
      reason: OWN_ANSWER,
      tests: ["a request that is refused because of another version takes no place from a handshake"],
    },
    {
      reason: "a stream that is answered takes nothing more; its session is still open then",
      tests: ["a refused client of another address has the time to read its answer"],
    },
  ],
  reconnect: { reason: CLIENT },
  shutdown: [
    {
      reason:
        "Node's client of HTTP/2 sends in a later turn, which the test blocks; clients.http2.test.ts has it with frames of its own",
      tests: ["a close frame that came while our event loop was blocked counts"],
    },
    { reason: NO_TLS, tests: ["a web server of our own, plain"] },
  ],
  "slow-peers": [{ reason: LONG, tests: ["six hundred thousand short texts after a Blob arrive in order"] }],
  soak: { reason: "it is a short form of a measurement of hours: docs/reliability.md" },
};

/** Makes the tests of the files for HTTP/2. */
export function runOverHttp2(files: Readonly<Record<string, OverHttp2>>): void {
  for (const [name, how] of Object.entries(files))
    if (!("reason" in how)) onTransport("h2", () => import(`../${name}.test.ts`), how, name);
}

/** The names of the files of tests in this folder, without those that run others over HTTP/2. */
export const filesOfTests = (): string[] =>
  readdirSync(new URL("..", import.meta.url))
    .filter((name) => name.endsWith(".test.ts") && !name.includes("http2"))
    .map((name) => name.replace(".test.ts", ""));
