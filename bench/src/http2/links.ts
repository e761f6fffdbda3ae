import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import type { Duplex } from "node:stream";
import { type TLSSocket, connect as connectTls } from "node:tls";
import { upgradeRequest } from "../wire/handshake.ts";

/** How WebSockets arrive. */
export type Transport = "HTTP/1.1" | "HTTP/2";

/** The streams of a session: what our server allows. */
export const STREAMS_EACH = 100;

/** Open WebSockets, as streams of bytes. */
export interface Links {
  readonly streams: readonly Duplex[];
  /** Ends them, and what carries them. */
  close(): void;
}

/** Opens WebSockets, one after the other: each on a TCP connection of its own, or 100 of them on each session of HTTP/2. */
export async function openLinks(transport: Transport, port: number, path: string, count: number): Promise<Links> {
  const streams: Duplex[] = [];
  const sessions: ClientHttp2Session[] = [];
  for (let n = 0; n < count; n++) {
    if (transport === "HTTP/1.1") streams.push(await openSocket(port, path));
    else {
      if (n % STREAMS_EACH === 0) sessions.push(await openSession(port));
      streams.push(await openStream(sessions.at(-1)!, port, path));
    }
  }
  return {
    streams,
    close: () => {
      for (const stream of streams) stream.destroy();
      for (const session of sessions) session.destroy();
    },
  };
}

/** A TLS connection whose handshake is done. */
export async function openSocket(port: number, path: string): Promise<TLSSocket> {
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
  socket.setNoDelay(true);
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  socket.write(upgradeRequest("127.0.0.1", port, path));
  const [answer] = (await once(socket, "data")) as [Buffer];
  if (!answer.toString("latin1").startsWith("HTTP/1.1 101")) throw new Error(answer.toString("latin1"));
  return socket;
}

/** A session that knows the server's settings. */
export async function openSession(port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, {
    rejectUnauthorized: false,
    settings: { initialWindowSize: 1024 * 1024 },
  });
  session.on("error", () => undefined);
  await once(session, "remoteSettings");
  session.setLocalWindowSize(16 * 1024 * 1024);
  return session;
}

/** A stream whose handshake is done. */
export async function openStream(session: ClientHttp2Session, port: number, path: string): Promise<ClientHttp2Stream> {
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "https",
    ":authority": `127.0.0.1:${port}`,
    ":path": path,
    "sec-websocket-version": "13",
  });
  stream.on("error", () => undefined);
  const [headers] = (await once(stream, "response")) as [{ ":status"?: number }];
  if (headers[":status"] !== 200) throw new Error(`status ${headers[":status"]}`);
  return stream;
}
