import { WebSocketServer, type WSHandler } from "hawser";
import { EventEmitter, once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { PassThrough } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { asBytes } from "../../src/protocol/bytes.ts";
import type { WSConnectionEvent } from "../../src/server/connection-event.ts";
import { HandshakeAcceptor, type HandshakeListener } from "../../src/server/handshake-acceptor.ts";
import { ServerClients } from "../../src/server/server-clients.ts";
import type { ServerDispatcher } from "../../src/server/server-dispatcher.ts";
import { readOptions } from "../../src/server/settings.ts";
import { portOf, until } from "../support/peer.ts";
import { handshake } from "../support/raw-client.ts";

const HANDLER = { onMessage: () => undefined };

interface Rig {
  readonly acceptor: HandshakeAcceptor;
  readonly clients: ServerClients;
  readonly settings: ReturnType<typeof readOptions>;
  /** The handlers of the opened connections. */
  readonly opened: unknown[];
  /** The handlers that came after their client had its answer. */
  readonly tooLate: unknown[];
  readonly errors: unknown[];
  /** Sends a request through `read` and `answer`, and returns what was written to its socket. */
  readonly request: (headers?: Readonly<Record<string, string>>) => string;
}

function rig(
  onConnection: (event: WSConnectionEvent) => unknown,
  options: Parameters<typeof readOptions>[0] = {},
): Rig {
  const settings = readOptions(options);
  const clients = new ServerClients(settings, {
    isTerminated: false,
    dispatchError: () => undefined,
    dispatchBackplane: () => undefined,
    dispatchPresence: () => undefined,
  });
  const opened: unknown[] = [];
  const tooLate: unknown[] = [];
  const errors: unknown[] = [];
  const dispatcher = {
    callOnConnection: onConnection,
    dispatchError: (error: unknown) => void errors.push(error),
    dispatchRefused: () => undefined,
  };
  const listener: HandshakeListener = {
    onAccepted: (_accepted, handler) => void opened.push(handler),
    onTooLate: (handler) => void tooLate.push(handler),
    onCallEnded: () => undefined,
  };
  const acceptor = new HandshakeAcceptor(settings, dispatcher as unknown as ServerDispatcher, clients, listener);
  onTestFinished(() => {
    acceptor.close();
    for (const call of clients.pendingCalls) call.endCall();
  });
  const request = (headers: Readonly<Record<string, string>> = {}): string => {
    const all = {
      Host: "example.com",
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version": "13",
      ...headers,
    };
    const socket = new PassThrough();
    let written = "";
    const message = {
      method: "GET",
      url: "/",
      httpVersion: "1.1",
      rawHeaders: Object.entries(all).flat(),
      headers: {},
      socket: new EventEmitter(),
    };
    socket.end = ((text: string) => void (written += text)) as unknown as PassThrough["end"];
    const offer = acceptor.read(message as unknown as IncomingMessage, socket, asBytes(Buffer.alloc(0)));
    if (offer !== undefined) acceptor.answer(offer);
    socket.destroy();
    return written.split("\r\n")[0]!;
  };
  return { acceptor, clients, settings, opened, tooLate, errors, request };
}

describe("a handshake", () => {
  test("that onConnection accepts opens a connection, and no longer waits", () => {
    const { request, opened, clients } = rig(() => HANDLER);
    expect(request()).toBe("");
    expect(opened).toEqual([HANDLER]);
    expect(clients.pendingCount).toBe(0);
  });

  test("waits until onConnection's promise settles", async () => {
    const { request, opened, clients } = rig(() => Promise.resolve(null));
    request();
    expect(clients.pendingCount).toBe(1);
    await Promise.resolve().then(() => Promise.resolve());
    expect([clients.pendingCount, opened]).toEqual([0, []]);
  });

  test("that breaks the rules is refused, and onConnection is not called", () => {
    const { request, opened, settings } = rig(() => HANDLER, { maxHeaderSize: 1_000 });
    expect(request({ Upgrade: "h2c" })).toBe("HTTP/1.1 426 Upgrade Required");
    expect(request({ X: "a".repeat(1_000) })).toBe("HTTP/1.1 431 Request Header Fields Too Large");
    expect(settings.limitCounters.maxHeaderSize).toBe(1);
    expect(opened).toEqual([]);
  });

  test("above a limit is refused before it is read", () => {
    const { request, settings } = rig(() => new Promise(() => undefined), { maxHandshakes: 1 });
    request();
    expect(request({ Upgrade: "h2c" })).toBe("HTTP/1.1 503 Service Unavailable");
    expect(settings.limitCounters.maxHandshakes).toBe(1);
  });

  test("whose origins function throws gets 500, and the error is reported", () => {
    const error = new Error("mine");
    const { request, errors } = rig(() => HANDLER, {
      origins: () => {
        throw error;
      },
    });
    expect(request({ Origin: "https://example.com" })).toBe("HTTP/1.1 500 Internal Server Error");
    expect(errors).toEqual([error]);
  });
});

test("after close, those that wait and those that come get 503", () => {
  const { acceptor, request, clients, opened } = rig(() => new Promise(() => undefined));
  request();
  acceptor.close();
  expect([clients.pendingCount, clients.pendingCalls.size]).toEqual([0, 1]);
  for (const call of clients.pendingCalls) call.endCall();
  expect(clients.pendingCalls.size).toBe(0);
  expect(request()).toBe("HTTP/1.1 503 Service Unavailable");
  expect(opened).toEqual([]);
});

test("a handler that comes after that is passed on as too late", async () => {
  let answer: (handler: unknown) => void = () => undefined;
  const { acceptor, request, clients, opened, tooLate } = rig(() => new Promise((resolve) => (answer = resolve)));
  request();
  acceptor.close();
  answer(HANDLER);
  await expect.poll(() => clients.pendingCalls.size).toBe(0);
  expect([opened, tooLate]).toEqual([[], [HANDLER]]);
});

describe("a client that gets the place of another, whose refusal terminates the server,", () => {
  test.each(["in onRefused", "in a listener to event.signal"])(
    "%s gets 503, and onConnection is not called",
    async (way) => {
      const asked: string[] = [];
      const end = (): void => void wss.terminate(0);
      const handler: WSHandler = {
        onConnection: (_wss, event) => {
          asked.push(event.request.remoteAddress);
          if (way !== "in onRefused") event.signal.addEventListener("abort", end);
          return new Promise(() => undefined);
        },
        ...(way === "in onRefused" ? { onRefused: end } : {}),
      };
      const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", maxHandshakes: 2 });
      onTestFinished(() => wss.terminate(0));
      const port = await portOf(wss);
      const clients = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
      for (const client of clients) client.write(handshake());
      await until(() => asked.length === 2);
      // Its address has fewer handshakes than its share.
      const other = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
      onTestFinished(() => {
        for (const client of [...clients, other]) client.destroy();
      });
      const answer = once(other, "data");
      other.write(handshake());
      expect(String((await answer)[0])).toMatch("HTTP/1.1 503 ");
      await wss.terminate(0);
      expect(asked).toEqual(["127.0.0.1", "127.0.0.1"]);
      expect([wss.terminated, wss.counters.connections.opened, wss.counters.refused.shutdown]).toEqual([true, 0, 2]);
    },
  );
});
