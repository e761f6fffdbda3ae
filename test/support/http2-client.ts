import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  connect,
  createServer,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { certificate } from "./certificate.ts";

/** The headers of an answer. */
export type Answer = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** Opens a session of Node's own client. It is destroyed at the end of the test. */
export async function openSession(origin: string): Promise<ClientHttp2Session> {
  const session = connect(origin, { ca: certificate.cert });
  session.on("error", () => {}); // its streams close
  onTestFinished(() => session.destroy());
  await once(session, "remoteSettings");
  return session;
}

/** Sends an extended CONNECT for a WebSocket (RFC 8441 5). A header can be replaced, or left out with `undefined`. */
export function requestWebSocket(
  session: ClientHttp2Session,
  path = "/",
  headers: OutgoingHttpHeaders = {},
): ClientHttp2Stream {
  const { origin } = new URL(
    `${session.encrypted === true ? "https" : "http"}://${session.socket.remoteAddress}:${session.socket.remotePort}`,
  );
  const all: OutgoingHttpHeaders = {
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": session.encrypted === true ? "https" : "http",
    ":authority": new URL(origin).host,
    ":path": path,
    "sec-websocket-version": "13",
    ...headers,
  };
  const stream = session.request(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));
  stream.on("error", () => {}); // the close follows
  return stream;
}

/** The headers of the answer to a request. */
export async function answerTo(stream: ClientHttp2Stream): Promise<Answer> {
  const [headers] = (await once(stream, "response")) as [Answer];
  return headers;
}

/** Everything that a stream still brings, when it has closed. */
export async function restOf(stream: ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (!stream.closed) await once(stream, "close");
  return Buffer.concat(chunks);
}

/** Both ends of a stream whose answer is not given yet, and what the server was asked for. For the length of a test. */
export async function streamPair(
  headers: OutgoingHttpHeaders = {},
  path?: string,
): Promise<{ client: ClientHttp2Stream; server: ServerHttp2Stream; received: IncomingHttpHeaders; raw: string[] }> {
  const server = createServer({ settings: { enableConnectProtocol: true } });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const session = await openSession(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const arrived = once(server, "stream");
  const client = requestWebSocket(session, path, headers);
  const [stream, received, , raw] = (await arrived) as [ServerHttp2Stream, IncomingHttpHeaders, number, string[]];
  stream.on("error", () => {}); // the close follows
  return { client, server: stream, received, raw };
}
