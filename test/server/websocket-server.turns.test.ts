import { once } from "node:events";
import { Socket, connect } from "node:net";
import { WebSocketServer, type WebSocketServerOptions } from "hawser";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { MAX_MESSAGES_PER_TURN } from "../../src/connection/dispatch/turn-budget.ts";
import { join, utf8 } from "../support/bytes.ts";
import { KEY, encode } from "../support/frames.ts";
import { portOf } from "../support/peer.ts";
import { handshake } from "../support/raw-client.ts";

/** What each connection was called with in one turn of the event loop: its number of calls. */
type Turn = Map<string, number>;

/** Records the calls of handlers, in order, by turn. */
class TurnRecorder {
  readonly turns: Turn[] = [];
  readonly calls = new Map<string, unknown[]>();
  #turn: Turn | undefined;

  note(path: string, data: unknown): void {
    if (this.#turn === undefined) {
      this.turns.push((this.#turn = new Map<string, number>()));
      setImmediate(() => {
        this.#turn = undefined;
      });
    }
    this.#turn.set(path, (this.#turn.get(path) ?? 0) + 1);
    const calls = this.calls.get(path) ?? [];
    calls.push(data);
    this.calls.set(path, calls);
  }

  /** The most calls of one connection in one turn. */
  get most(): number {
    return Math.max(...this.turns.flatMap((turn) => [...turn.values()]));
  }

  countOf(path: string): number {
    return this.calls.get(path)?.length ?? 0;
  }
}

/** A server that records what it gets, until a connection has got `end`. */
function serverOf(options: WebSocketServerOptions): { recorder: TurnRecorder; port: () => Promise<number> } {
  const recorder = new TurnRecorder();
  const wss = new WebSocketServer(
    {
      onConnection: (_wss, { request }) => ({
        onMessage(_ws, { data }: { data: unknown }) {
          recorder.note(request.url, Buffer.isBuffer(data) ? Buffer.from(data).toString() : data);
        },
        onTerminate: (_ws, { code }) => recorder.note(request.url, `terminate ${code}`),
      }),
      onError: (_wss, { errors: [{ errCode }] }) => recorder.note("/flood", errCode),
    },
    { port: 0, host: "127.0.0.1", ...options },
  );
  onTestFinished(() => wss.terminate(0));
  return { recorder, port: () => portOf(wss) };
}

/** A raw client after its handshake. */
async function client(port: number, path: string) {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {});
  socket.write(handshake(path));
  await once(socket, "data");
  return socket;
}

/** Waits until `done()`, for at most some seconds. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function flood(opcode: number, payloads: readonly string[]): Uint8Array {
  return join(payloads.map((payload) => encode({ opcode, payload: utf8(payload) }, KEY)));
}

const COUNT = 9000;

describe("the messages of one connection in a turn are limited", () => {
  test.each([
    ["text", "text", 1],
    ["blob", "bytes", 2],
    ["object", "JSON", 1],
  ] as const)(
    "with dataType %s: 9,000 short %s messages come in order, in several turns",
    async (dataType, _name, opcode) => {
      const { recorder, port } = serverOf({ dataType });
      const socket = await client(await port(), "/flood");
      const payloads = Array.from({ length: COUNT }, (_, i) => `${i % 10}`);
      socket.write(flood(opcode, payloads));
      await until(() => recorder.countOf("/flood") === COUNT);
      expect(recorder.calls.get("/flood")!.map(String)).toEqual(payloads);
      expect(recorder.most).toBeLessThanOrEqual(MAX_MESSAGES_PER_TURN);
      expect(recorder.turns.length).toBeGreaterThanOrEqual(COUNT / MAX_MESSAGES_PER_TURN);
    },
  );

  test('with invalidJson "ignore": invalid messages count, and are reported in the order of the others', async () => {
    const { recorder, port } = serverOf({ dataType: "object", invalidJson: "ignore" });
    const socket = await client(await port(), "/flood");
    socket.write(
      flood(
        1,
        Array.from({ length: COUNT }, (_, i) => (i % 3 === 0 ? "1" : "{")),
      ),
    );
    await until(() => recorder.countOf("/flood") === COUNT);
    expect(recorder.calls.get("/flood")).toEqual(Array.from({ length: COUNT }, (_, i) => (i % 3 === 0 ? 1 : 201)));
    expect(recorder.most).toBeLessThanOrEqual(MAX_MESSAGES_PER_TURN);
  });

  test("and each connection gets its share: a second one waits for no more than a turn of the first", async () => {
    const { recorder, port } = serverOf({ dataType: "text" });
    const sockets = [
      await client(await port(), "/a"),
      await client(await port(), "/b"),
      await client(await port(), "/c"),
    ];
    for (const socket of sockets)
      socket.write(
        flood(
          1,
          Array.from({ length: COUNT }, () => "x"),
        ),
      );
    await until(() => ["/a", "/b", "/c"].every((path) => recorder.countOf(path) === COUNT));
    expect(recorder.most).toBeLessThanOrEqual(MAX_MESSAGES_PER_TURN);
    // While all three have messages, none is called three times as often as another.
    const counts = { "/a": 0, "/b": 0, "/c": 0 };
    for (const turn of recorder.turns) {
      for (const [path, calls] of turn) counts[path as keyof typeof counts] += calls;
      const numbers = Object.values(counts);
      if (Math.max(...numbers) < COUNT / 2 && Math.min(...numbers) > 0)
        expect(Math.max(...numbers)).toBeLessThan(3 * Math.min(...numbers) + 3 * MAX_MESSAGES_PER_TURN);
    }
  });

  test.each([
    ["pings", 9],
    ["pongs", 10],
  ])(
    "%s count too: after them the connection is not read in that turn, and other clients are",
    async (_name, opcode) => {
      const { recorder, port } = serverOf({ dataType: "text" });
      const socket = await client(await port(), "/flood");
      socket.resume();
      const pauses = vi.spyOn(Socket.prototype, "pause");
      const frames = flood(
        opcode,
        Array.from({ length: 9000 }, () => ""),
      );
      for (let i = 0; i < 4; i++) socket.write(frames);
      socket.write(flood(1, ["end"]));
      await until(() => recorder.countOf("/flood") === 1);
      const count = pauses.mock.contexts.filter((paused) => paused !== socket).length;
      pauses.mockRestore();
      // A read has 64 KiB at most: 9,000 frames of 6 bytes.
      expect(count).toBeGreaterThanOrEqual(3);
    },
  );

  test("and what follows keeps its order: a close frame is answered after the messages before it", async () => {
    const { recorder, port } = serverOf({ dataType: "text" });
    const socket = await client(await port(), "/flood");
    const answer = once(socket, "data");
    socket.write(
      join([
        flood(
          1,
          Array.from({ length: COUNT }, () => "x"),
        ),
        encode({ opcode: 8, payload: Uint8Array.from([3, 232]) }, KEY),
      ]),
    );
    const [bytes] = (await answer) as [Buffer];
    expect(recorder.countOf("/flood")).toBe(COUNT);
    expect([...bytes]).toEqual([0x88, 2, 3, 232]);
  });

  test("and after a reset the messages that were read come before onTerminate, also in several turns", async () => {
    const { recorder, port } = serverOf({ dataType: "text" });
    const socket = await client(await port(), "/flood");
    socket.write(
      flood(
        1,
        Array.from({ length: COUNT }, () => "x"),
      ),
    );
    await until(() => recorder.countOf("/flood") > 0);
    socket.resetAndDestroy();
    await until(() => recorder.calls.get("/flood")!.at(-1) === "terminate 1006");
    const messages = recorder.calls.get("/flood")!.slice(0, -1);
    expect(messages.length).toBeGreaterThanOrEqual(MAX_MESSAGES_PER_TURN);
    // 203: the reset itself, which the server is told.
    expect(new Set(messages.filter((data) => data !== 203))).toEqual(new Set(["x"]));
    expect(recorder.most).toBeLessThanOrEqual(MAX_MESSAGES_PER_TURN + 1);
  });
});
