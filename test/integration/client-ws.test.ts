import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { afterAll, describe } from "vitest";
import type { ClientOptions, ConnectTarget } from "../../src/client/options.ts";
import { certificate } from "../support/certificate.ts";
import { runServerScenarios } from "./servers/run-server-scenarios.ts";
import { type WsServerOptions, wsServer } from "./servers/server.ts";

describe("the server of the ws package", () => {
  runServerScenarios(() => wsServer());
});

describe("the server of the ws package, over TLS", () => {
  runServerScenarios(() => wsServer({ isSecure: true }), { options: { tls: { ca: certificate.cert } } });
});

describe("the server of the ws package, over a Unix socket", () => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-ws-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  runServerScenarios(() => wsServer({ path: join(folder, "socket") }));
});

/** A socket as a stream of another kind, which has nothing of `net.Socket`. */
function wrapped({ host, port }: ConnectTarget): Duplex {
  const socket = connect({ host, port, noDelay: true });
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (chunk, _encoding, done) => void socket.write(chunk as Buffer, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk: Buffer) => {
    if (!stream.push(chunk)) socket.pause();
  });
  socket.on("end", () => void stream.push(null));
  socket.on("error", (error) => void stream.destroy(error));
  return stream;
}

describe.each([false, true])("the server of the ws package, over a stream of the application, TLS: %s", (isSecure) => {
  const options = { createConnection: wrapped, tls: { ca: certificate.cert } };
  runServerScenarios(() => wsServer({ isSecure }), { options });
});

const deflate = /^permessage-deflate/;

describe.each<[string, WsServerOptions["deflate"], ClientOptions["compression"]]>([
  ["its defaults, ours", true, true],
  ["its defaults, all messages", true, { threshold: 0 }],
  ["all messages, ours", { threshold: 0 }, true],
  ["all messages, all messages", { threshold: 0 }, { threshold: 0 }],
  ["no context of the client", { threshold: 0, clientNoContextTakeover: true }, { threshold: 0 }],
  ["no context of the server", { threshold: 0, serverNoContextTakeover: true }, { threshold: 0 }],
  ["small windows of the server", { threshold: 0, serverMaxWindowBits: 9 }, { threshold: 0 }],
  ["small windows of the client", { threshold: 0, clientMaxWindowBits: 9 }, { threshold: 0 }],
  ["the smallest windows of both", { threshold: 0, clientMaxWindowBits: 9, serverMaxWindowBits: 9 }, { threshold: 0 }],
])("the ws package with permessage-deflate: %s", (_what, server, compression) => {
  runServerScenarios(() => wsServer({ deflate: server }), { options: { compression }, extensions: deflate });
});

describe("the ws package with permessage-deflate, and a client without", () => {
  runServerScenarios(() => wsServer({ deflate: true }));
});

describe("the ws package without permessage-deflate, and a client with it", () => {
  runServerScenarios(() => wsServer(), { options: { compression: true } });
});
