import {
  type WSDrainEvent,
  type WSErrorEvent,
  type MessageCounters,
  type WebSocketConnection,
  WebSocketServer,
  type WebSocketServerOptions,
} from "hawser";
import { expect, onTestFinished } from "vitest";
import { Peer, portOf, turn } from "./peer.ts";
import { ownPort } from "./transport.ts";

/** A connection's handler that records each onDrain of a slow peer. */
export class Listener {
  readonly drains: (readonly [ws: WebSocketConnection, event: WSDrainEvent, thisIsHandler: boolean])[] = [];
  /** The bufferedAmount at each onDrain. */
  readonly waited: number[] = [];
  readonly errors: number[] = [];

  onMessage(): void {}

  onDrain(ws: WebSocketConnection, event: WSDrainEvent): void {
    this.drains.push([ws, event, this instanceof Listener]);
    this.waited.push(ws.bufferedAmount);
  }

  onError(_ws: unknown, { errors }: WSErrorEvent): void {
    this.errors.push(errors[0].errCode);
  }
}

/** A server and its only client. */
export interface Pair {
  readonly wss: WebSocketServer;
  readonly ws: WebSocketConnection;
  readonly handler: Listener;
  readonly peer: Peer;
}

/** A server with one client on it, which reads nothing until the test resumes it. */
export async function pausedPeer(options: WebSocketServerOptions<"text"> = {}): Promise<Pair> {
  const handler = new Listener();
  const wss = new WebSocketServer({ onConnection: () => handler }, { ...(await ownPort()), ...options });
  onTestFinished(() => wss.terminate(0));
  const peer = await Peer.open(await portOf(wss));
  const ws = wss.connections[0]!;
  peer.socket.pause();
  return { wss: wss as unknown as WebSocketServer, ws, handler, peer };
}

/** A message. The system of a slow peer takes a few of them. */
export const BIG: string = "x".repeat(64 * 1024);

/** Sends `BIG` until the system takes no more and the high-water mark is passed. Returns the number of messages. */
export async function fill(ws: WebSocketConnection): Promise<number> {
  for (let sent = 1; ; sent++) {
    if (ws.send(BIG)) continue;
    const waiting = ws.bufferedAmount;
    for (let i = 0; i < 5; i++) await turn();
    if (ws.bufferedAmount === waiting) return sent;
  }
}

/** Checks the invariant of the counters, and returns them. */
export function adds(counters: MessageCounters): MessageCounters {
  expect(counters.written + counters.dropped + counters.pending).toBe(counters.accepted);
  return counters;
}

/** The counters of a connection over which nothing was sent. */
export const NOTHING: MessageCounters = { accepted: 0, written: 0, dropped: 0, pending: 0 };
