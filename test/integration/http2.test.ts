import { type ClientHttp2Session, connect } from "node:http2";
import { WebSocket } from "hawser/client";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { certificate } from "../support/certificate.ts";
import { Http2Client } from "./clients/http2.ts";
import { OurClient } from "./clients/ours.ts";
import { WsClient } from "./clients/ws.ts";
import { runScenarios, type Skip } from "./scenarios/run-scenarios.ts";
import { echo, serve } from "./scenarios/serve.ts";

describe("the client of the ws package over TLS", () => {
  runScenarios({ create: async () => new WsClient({ ca: certificate.cert }), transport: "tls" });
});

describe("HTTP/1.1 on a server of http2", () => {
  runScenarios({ create: async () => new WsClient({ ca: certificate.cert }), transport: "h2" });
});

describe("Node's HTTP/2 with the frames of the ws package, over TLS", () => {
  runScenarios({ create: async () => new Http2Client(), transport: "h2" });
});

describe("Node's HTTP/2 with the frames of the ws package, without TLS", () => {
  runScenarios({ create: async () => new Http2Client(), transport: "h2c" });
});

const OURS: readonly Skip[] = [
  {
    reason: "our client closes with 1000 if no code is given, and with 1000 and 3000 to 4999 only",
    tests: ["the client closes without a code", "the client closes with 1001"],
  },
  {
    reason: "our client sends no fragments, pongs and payloads of pings of the application's choice",
    tests: [
      "a message that the client sends in fragments arrives as one",
      "pings between the fragments of a message are answered at once",
      "a client's pings are answered with their payload",
      "unsolicited pongs are ignored",
    ],
  },
];

describe("our client over HTTP/2", () => {
  const create = async (): Promise<OurClient> => new OurClient({ http2: true, tls: { ca: certificate.cert } });
  runScenarios({ create, transport: "h2", skip: OURS });

  test("both sides can tell whether it is HTTP/2", async () => {
    const versions: string[] = [];
    const { url } = await serve({ ...echo, connection: ({ request }) => void versions.push(request.httpVersion) });
    for (const http2 of [true, false]) {
      const ws = await WebSocket.connect(url, {}, { http2, tls: { ca: certificate.cert } });
      onTestFinished(() => ws.destroy());
      versions.push(String(ws.httpVersion));
    }
    expect(versions).toEqual(["2.0", "2.0", "1.1", "1.1"]);
  });
});

describe("our client on a session of the application's", () => {
  const sessions = new Map<string, ClientHttp2Session>();
  afterAll(() => {
    for (const session of sessions.values()) session.destroy();
  });
  const http2 = ({ url }: { url: URL }): ClientHttp2Session => {
    const origin = url.origin.replace(/^ws/, "http");
    const known = sessions.get(origin);
    if (known?.destroyed === false) return known;
    const session = connect(origin);
    session.on("error", () => {}); // its dials fail
    sessions.set(origin, session);
    return session;
  };
  runScenarios({ create: async () => new OurClient({ http2 }), transport: "h2c", skip: OURS });

  test("its connections share one session", async () => {
    const { url, sockets } = await serve();
    const client = new OurClient({ http2 });
    const peers = [await client.open(url), await client.open(url)];
    onTestFinished(async () => {
      await Promise.all(peers.map((peer) => peer.dispose()));
    });
    expect(sockets).toHaveLength(1);
  });
});

describe("our client with http2: true and a server without HTTP/2", () => {
  runScenarios({
    create: async () => new OurClient({ http2: true, tls: { ca: certificate.cert } }),
    transport: "tls",
    skip: OURS,
  });
});
