import { connect, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { startServer } from "../support/live-server.ts";
import { until } from "../support/peer.ts";
import { closeBody, handshake, masked } from "../support/raw-client.ts";

const MB = 1_000_000;

/** Milliseconds between two reads. */
const PAUSE = 10;

/** How fast a peer reads, and whether it sends something all the time. */
interface Manner {
  readonly bytesPerSecond: number;
  readonly pings?: boolean;
}

/** A peer that reads slowly, but all the time. It answers the close frame when it has read that. */
class SlowReader {
  /** Bytes of messages that it has read. */
  received = 0;
  /** The body of the close frame that it has read. */
  closed: Buffer | undefined;
  readonly #socket: Socket;
  /** Bytes of a message that are still to come. */
  #payload = 0;
  #rest: Buffer = Buffer.alloc(0);
  #isOpen = false;

  constructor(port: number, { bytesPerSecond, pings = false }: Manner) {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    this.#socket = socket;
    socket.write(handshake());
    // Without a listener nothing is read.
    socket.on("readable", () => undefined).on("end", () => socket.end());
    const start = performance.now();
    let read = 0;
    const reads = setInterval(() => {
      const due = Math.ceil((bytesPerSecond * (performance.now() - start)) / 1000) - read;
      const chunk = socket.read(Math.min(socket.readableLength, due)) as Buffer | null;
      read += chunk?.length ?? 0;
      if (chunk !== null) this.#take(chunk);
    }, PAUSE);
    const sends = setInterval(() => {
      if (pings && socket.writable) socket.write(masked(0x89));
    }, 5 * PAUSE);
    onTestFinished(() => {
      clearInterval(reads);
      clearInterval(sends);
      socket.destroy();
    });
  }

  #take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#isOpen) this.#skipResponse();
    while (this.#isOpen && this.#takePart());
  }

  #skipResponse(): void {
    const end = this.#rest.indexOf("\r\n\r\n");
    this.#isOpen = end >= 0;
    if (this.#isOpen) this.#rest = this.#rest.subarray(end + 4);
  }

  /** Takes some of a payload, or a header, or a control frame. Returns whether there was enough. */
  #takePart(): boolean {
    const bytes = this.#rest;
    if (this.#payload > 0) {
      const taken = Math.min(this.#payload, bytes.length);
      this.#payload -= taken;
      this.received += taken;
      this.#rest = bytes.subarray(taken);
      return taken > 0;
    }
    const isLong = bytes[1] === 127;
    const size = isLong ? 10 : 2 + (bytes[1] ?? 0);
    if (bytes.length < size) return false;
    this.#rest = bytes.subarray(size);
    if (isLong) this.#payload = Number(bytes.readBigUInt64BE(2));
    else if (bytes[0] === 0x88) {
      this.closed = bytes.subarray(2, size);
      this.#socket.write(masked(0x88, this.closed));
    }
    return true;
  }
}

const size = 8 * MB;

describe("a peer that reads slowly gets everything that was sent before the close frame, and its answer counts,", () => {
  test.each([
    ["that sends nothing", false],
    ["that sends pings", true],
  ])("also after the system has taken the last of it: one %s", async (_which, pings) => {
    const { wss, port, recorders } = await startServer({}, { closeTimeout: 400 });
    const peer = new SlowReader(port, { bytesPerSecond: 4 * MB, pings });
    await until(() => wss.connections.length === 1);
    const ws = wss.connections[0]!;
    ws.send(Buffer.alloc(size));
    ws.close(1000, "bye");
    await recorders[0]!.over;
    expect([peer.received, peer.closed]).toEqual([size, closeBody(1000, "bye")]);
    expect(recorders[0]!.terminated).toMatchObject({ code: 1000, reason: "bye", initiator: "local", cause: undefined });
    expect(wss.counters.messages).toEqual({ accepted: 1, written: 1, dropped: 0, pending: 0 });
    expect(wss.counters.limits.closeTimeout).toBe(0);
  });

  test.each([
    ["when its server shuts down", false],
    ["when its server shuts down after its connection was closed", true],
  ])("in all the time that the server has: %s", async (_when, isClosing) => {
    const { wss, port, recorders } = await startServer({}, { closeTimeout: 100 });
    const peer = new SlowReader(port, { bytesPerSecond: 3 * MB, pings: true });
    await until(() => wss.connections.length === 1);
    const ws = wss.connections[0]!;
    ws.send(Buffer.alloc(size));
    if (isClosing) ws.terminate(1000);
    await wss.terminate(60);
    const code = isClosing ? 1000 : 1001;
    expect(peer.received).toBe(size);
    expect(peer.closed?.readUInt16BE(0)).toBe(code);
    expect(recorders[0]!.terminated).toMatchObject({ code, initiator: "local" });
    expect(wss.counters.messages).toEqual({ accepted: 1, written: 1, dropped: 0, pending: 0 });
    expect(wss.counters.limits.closeTimeout).toBe(0);
  });
});

test("a peer that reads a few bytes now and then is cut, and that is counted", async () => {
  const { wss, port, recorders } = await startServer({}, { closeTimeout: 30, maxSendQueue: 64 * MB });
  const peer = new SlowReader(port, { bytesPerSecond: 1000, pings: true });
  await until(() => wss.connections.length === 1);
  const ws = wss.connections[0]!;
  ws.send(Buffer.alloc(32 * MB));
  ws.close(1000);
  await recorders[0]!.over;
  expect(peer.closed).toBe(undefined);
  expect(recorders[0]!.terminated).toMatchObject({ code: 1006, cause: { code: "HWS_CLOSE_TIMEOUT" } });
  expect(ws.counters).toEqual({ accepted: 1, written: 0, dropped: 1, pending: 0 });
  expect(wss.counters.limits.closeTimeout).toBe(1);
});
