import {
  type WSServerErrorEvent,
  type WebSocketConnection,
  WebSocketServer,
  type WebSocketServerOptions,
} from "hawser";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { startServer } from "../support/live-server.ts";
import { Peer, deferred, portOf, turn, until } from "../support/peer.ts";

/** A server whose connections do `open`, and the names of their later callbacks. */
async function serverOf(
  handler: object,
  options: WebSocketServerOptions<"text"> = {},
): Promise<{ wss: WebSocketServer; port: number; errors: unknown[] }> {
  const errors: unknown[] = [];
  const wss = new WebSocketServer(
    {
      onConnection: () => ({ onMessage: () => {}, ...handler }),
      onError: (_wss, event: WSServerErrorEvent) => void errors.push(event.errors[0].cause),
    },
    { port: 0, host: "127.0.0.1", ...options },
  );
  onTestFinished(() => wss.terminate(0));
  return { wss, port: await portOf(wss), errors };
}

describe("ws.waitUntil", () => {
  test("runs a feed that begins in onOpen beside the messages, and ends it when the client goes", async () => {
    const calls: unknown[] = [];
    const { port } = await serverOf({
      onOpen: (ws: WebSocketConnection) => {
        const isWaitedFor = ws.waitUntil(async (signal) => {
          while (!signal.aborted) {
            ws.send("tick");
            await turn();
          }
          calls.push("feed over");
        });
        calls.push(isWaitedFor);
      },
      onMessage: (ws: WebSocketConnection, { data }: { data: string }) => void ws.send(`re: ${data}`),
      onTerminate: () => void calls.push("terminate"),
    });
    const peer = await Peer.open(port);
    await peer.received(2);
    peer.socket.send("a");
    await until(() => peer.messages.includes("re: a"));
    peer.socket.terminate();
    await until(() => calls.length === 3);
    expect(calls).toEqual([true, "feed over", "terminate"]);
  });

  test("a failure is onError, and close 1011", async () => {
    const failure = new Error("mine");
    const errors: unknown[] = [];
    const { port } = await serverOf({
      onOpen: (ws: WebSocketConnection) => void ws.waitUntil(Promise.reject(failure)),
      onError: (_ws: unknown, event: WSServerErrorEvent) => void errors.push(event.errors[0].cause),
    });
    expect(await (await Peer.open(port)).closed).toEqual([1011, ""]);
    expect(errors).toEqual([failure]);
  });

  test("a failure that only the signal has caused is none", async () => {
    const calls: string[] = [];
    const { port, errors } = await serverOf({
      onOpen: (ws: WebSocketConnection) =>
        void ws.waitUntil(
          (signal) =>
            new Promise((_resolve, reject) => {
              signal.addEventListener("abort", () => reject(signal.reason as Error));
            }),
        ),
      onError: () => void calls.push("error"),
      onTerminate: () => void calls.push("terminate"),
    });
    (await Peer.open(port)).socket.close(1000);
    await until(() => calls.length > 0);
    expect([calls, errors]).toEqual([["terminate"], []]);
  });

  test("a task that does not settle holds its connection until closeTimeout: it is leaving, and then counted", async () => {
    const calls: string[] = [];
    const { wss, port } = await serverOf(
      {
        onOpen: (ws: WebSocketConnection) => void ws.waitUntil(new Promise(() => {})),
        onTerminate: () => void calls.push("terminate"),
      },
      { closeTimeout: 200, maxConnections: 1 },
    );
    (await Peer.open(port)).socket.terminate();
    await until(() => wss.connections.length === 0);
    expect(wss.counters).toMatchObject({ connections: { leaving: 1 }, tasks: { unfinished: 0 } });
    await until(() => calls.length > 0);
    expect(wss.counters).toMatchObject({ connections: { leaving: 0 }, tasks: { unfinished: 1 } });
    await Peer.open(port);
  });

  test("the end of the server waits for tasks, and no longer than it is told to", async () => {
    for (const seconds of [60, 0]) {
      const task = deferred();
      const { wss, port } = await serverOf({ onOpen: (ws: WebSocketConnection) => void ws.waitUntil(task.promise) });
      await Peer.open(port);
      const ended = wss.terminate(seconds);
      await until(() => wss.connections.length === 0);
      for (let i = 0; i < 5; i++) await turn();
      expect(wss.terminated).toBe(seconds === 0);
      task.resolve();
      await ended;
      expect(wss.counters.tasks.unfinished).toBe(seconds === 0 ? 1 : 0);
    }
  });

  test("a function is not called after closing has begun", async () => {
    const { wss, port } = await startServer();
    await Peer.open(port);
    const ws = wss.connections[0]!;
    ws.terminate(1000);
    expect(
      ws.waitUntil(() => {
        throw new Error("called");
      }),
    ).toBe(false);
    expect(ws.waitUntil(Promise.resolve())).toBe(true);
  });

  test.each([[undefined], [null], [5], ["text"], [{}]])("%j is refused", async (task) => {
    const { wss, port } = await startServer();
    await Peer.open(port);
    expect(() => wss.connections[0]!.waitUntil(task as never)).toThrow(
      /^waitUntil: task: expected a promise, or a function/,
    );
  });
});

/** README's handler: slow answers that can be cancelled. */
class Caller {
  readonly running = new Map<string, AbortController>();

  onMessage(ws: WebSocketConnection, { data }: { data: string }): void {
    const [verb, id = ""] = data.split(" ");
    if (verb === "cancel") this.running.get(id)?.abort();
    else ws.waitUntil((signal) => this.call(ws, id, signal));
  }

  async call(ws: WebSocketConnection, id: string, closing: AbortSignal): Promise<void> {
    const cancel = new AbortController();
    this.running.set(id, cancel);
    try {
      const signal = AbortSignal.any([closing, cancel.signal]);
      if (id !== "quick")
        await new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        });
      ws.send(`done ${id}`);
    } catch (error) {
      if (!cancel.signal.aborted) throw error;
      ws.send(`cancelled ${id}`);
    } finally {
      this.running.delete(id);
    }
  }
}

test("README's slow calls overlap, are cancelled, and end with the connection, which is no failure", async () => {
  const caller = new Caller();
  let terminated = false;
  const { wss, port, errors } = await serverOf({
    onMessage: caller.onMessage.bind(caller),
    onTerminate: () => void (terminated = true),
  });
  const peer = await Peer.open(port);
  for (const message of ["call slow", "call other", "call quick", "cancel slow"]) peer.socket.send(message);
  expect(await peer.received(2)).toEqual(["done quick", "cancelled slow"]);
  expect([...caller.running.keys()]).toEqual(["other"]);
  peer.socket.close(1000);
  await until(() => terminated);
  expect([caller.running.size, errors, wss.counters.tasks.unfinished]).toEqual([0, [], 0]);
});

test.each([
  ["onMessage of an open connection with messages that wait", false],
  ["onMessage of a closed connection whose onTerminate waits", true],
])("%s is a warning after 30 s, also without any time limit", async (_what, closes) => {
  const warnings: string[] = [];
  const warn = vi.spyOn(process, "emitWarning").mockImplementation((text) => void warnings.push(String(text)));
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => {
    vi.useRealTimers();
    warn.mockRestore();
  });
  let messages = 0;
  const onMessage = (): Promise<void> => {
    messages++;
    return new Promise(() => {});
  };
  const { wss, port } = await serverOf({ onMessage }, { pingInterval: Infinity });
  const peer = await Peer.open(port);
  const { id } = wss.connections[0]!;
  peer.socket.send("a");
  await until(() => messages === 1);
  if (closes) peer.socket.terminate();
  else peer.socket.send("b");
  if (closes) await until(() => wss.connections.length === 0);
  else await until(() => peer.socket.bufferedAmount === 0);
  for (let second = 0; second < 40; second++) {
    vi.advanceTimersByTime(1_000);
    await turn();
    await turn();
  }
  expect(warnings).toEqual([
    expect.stringMatching(
      new RegExp(`^onMessage of connection ${String(id)} has not settled for 30 s, and 1 call waits`),
    ),
  ]);
  expect(wss.counters.connections.leaving).toBe(closes ? 1 : 0);
});
