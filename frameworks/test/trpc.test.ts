// runs on: tRPC | @trpc/server | `WsServer` for `applyWSSHandler`
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type TRPCClient, createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { WebSocket } from "ws";
import type { Router } from "../src/trpc.js";
import { type Running, start } from "./support.js";

interface Caller {
  readonly trpc: TRPCClient<Router>;
  /** The codes of the connections that were closed. */
  readonly closes: (number | undefined)[];
  readonly close: () => Promise<void>;
}

function callerOf(t: TestContext, port: number): Caller {
  const closes: (number | undefined)[] = [];
  const client = createWSClient({
    url: `ws://127.0.0.1:${port}`,
    WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
    retryDelayMs: () => 20,
    onClose: (cause) => closes.push(cause?.code),
  });
  const close = async (): Promise<void> => void (await client.close());
  t.after(close);
  return { trpc: createTRPCClient<Router>({ links: [wsLink({ client })] }), closes, close };
}

/** Subscribes, and returns what comes; it waits until the server listens. */
async function subscribe({ trpc }: Caller, expected: number): Promise<{ lines: string[]; next: () => Promise<void> }> {
  const lines: string[] = [];
  let onLine = (): void => {};
  let fail = (_error: unknown): void => {};
  trpc.lines.subscribe(undefined, {
    onData: (line) => {
      lines.push(line);
      onLine();
    },
    onError: (error) => fail(error),
  });
  while ((await trpc.listeners.query()) < expected);
  const next = (): Promise<void> =>
    new Promise((resolve, reject) => {
      onLine = resolve;
      fail = reject;
    });
  return { lines, next };
}

async function serve(t: TestContext, env: Record<string, string> = {}): Promise<Running> {
  const program = await start("trpc.js", env);
  t.after(() => program.stop());
  return program;
}

test("a mutation reaches the subscription of another client", async (t) => {
  const { port } = await serve(t);
  const [ann, bob] = [callerOf(t, port), callerOf(t, port)];
  const { lines, next } = await subscribe(ann, 1);
  const came = next();
  assert.equal(await bob.trpc.say.mutate("hello"), 5);
  await came;
  assert.deepEqual(lines, ["hello"]);
  // The subscription ends with its client.
  await ann.close();
  while ((await bob.trpc.listeners.query()) > 0);
  assert.equal(await bob.trpc.listeners.query(), 0);
});

test("a restart: the client is told, comes to the new server, and subscribes again", async (t) => {
  const program = await serve(t);
  const ann = callerOf(t, program.port);
  const { lines, next } = await subscribe(ann, 1);
  // It ends by itself: no timer is left.
  assert.equal(await program.stop(), 0);
  assert.equal(program.output(), "");
  const again = await serve(t, { PORT: String(program.port) });
  const bob = callerOf(t, again.port);
  while ((await bob.trpc.listeners.query()) < 1);
  const came = next();
  await bob.trpc.say.mutate("again");
  await came;
  assert.deepEqual(lines, ["again"]);
});
