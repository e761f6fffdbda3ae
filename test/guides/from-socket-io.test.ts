import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { type RunningProgram, SLOW, usePage } from "../support/page-project.ts";
import { PageClient, refusal } from "./page-client.ts";

const project = usePage("docs/guides/from-socket-io.md");

/** What the page's `io` returns. */
interface Io {
  on(event: string, listener: (data: unknown) => void): void;
  emit(event: string, data: unknown): void;
  emitWithAck(event: string, data: unknown): Promise<unknown>;
  disconnect(): void;
}

let io: (url: string) => Io;
beforeAll(async () => {
  ({ io } = (await import(pathToFileURL(join(project().folder, "io.js")).href)) as { io: typeof io });
});
afterEach(() => vi.unstubAllGlobals());

/** A client of the page, with the cookie of a user. */
async function open({ port }: RunningProgram, user: string): Promise<Io> {
  class SignedIn extends WebSocket {
    constructor(url: string) {
      super(url, { headers: { cookie: `token=token-of-${user}` } });
    }
  }
  vi.stubGlobal("WebSocket", SignedIn);
  const client = io(`ws://127.0.0.1:${String(port)}/`);
  onTestFinished(() => client.disconnect());
  await new Promise<unknown>((resolve) => {
    client.on("connect", resolve);
  });
  return client;
}

const next = (client: Io, event: string): Promise<unknown> =>
  new Promise((resolve) => {
    client.on(event, resolve);
  });

test(
  "events, answers and rooms work as with Socket.IO",
  async () => {
    const server = await project().start("chat.js");
    const [ann, bob, other] = [await open(server, "ann"), await open(server, "bob"), await open(server, "bob")];
    expect(await ann.emitWithAck("join", "boats")).toBe(1);
    expect(await bob.emitWithAck("join", "boats")).toBe(2);
    expect(await other.emitWithAck("join", "trains")).toBe(1);
    const strayed = vi.fn();
    ann.on("chat", strayed);
    other.on("chat", strayed);

    const heard = next(bob, "chat");
    ann.emit("chat", { room: "boats", text: "ahoy" });
    expect(await heard).toEqual({ from: "ann", text: "ahoy" });
    // The answers come after what was sent before: neither the sender nor another room has got it.
    await Promise.all([ann.emitWithAck("join", "boats"), other.emitWithAck("join", "trains")]);
    expect(strayed).not.toHaveBeenCalled();

    const left = next(bob, "disconnect");
    bob.disconnect();
    expect(await left).toBe(1000);
    await expect.poll(() => ann.emitWithAck("join", "boats"), { timeout: 60_000 }).toBe(1);
    await server.stop();
  },
  SLOW,
);

test(
  "a client without a session gets 401, an unknown event closes with 1008, and an answer that cannot come is a rejection",
  async () => {
    const server = await project().start("chat.js");
    expect(await refusal(server)).toEqual([401, "Sign in first."]);
    const client = await PageClient.open(server, "/", { headers: { cookie: "token=token-of-ann" } });
    client.send({ event: "constructor" });
    expect(await client.closed).toEqual([1008, "unknown event"]);
    const ann = await open(server, "ann");
    await expect(ann.emitWithAck("unknown", 1)).rejects.toThrow("closed with 1008 unknown event");
    await server.stop();
  },
  SLOW,
);
