import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, expect, onTestFinished, test, vi } from "vitest";
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

let io: (url: string, options?: object) => Io;
beforeAll(async () => {
  ({ io } = (await import(pathToFileURL(join(project().folder, "io.js")).href)) as { io: typeof io });
});

/** A client of the page, with the cookie of a user. */
async function open({ port }: RunningProgram, user: string): Promise<Io> {
  const client = io(`ws://127.0.0.1:${String(port)}/`, { headers: { Cookie: `token=token-of-${user}` } });
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
    const left = next(ann, "disconnect");
    await expect(ann.emitWithAck("unknown", 1)).rejects.toThrow("closed with 1008 unknown event");
    expect(await left).toBe(1008);
    const nobody = io(`ws://127.0.0.1:${String(server.port)}/`);
    expect(await next(nobody, "connect_error")).toMatchObject({ cause: { status: 401 } });
    await server.stop();
  },
  SLOW,
);

test(
  "a client connects again, joins again, and sends what was emitted meanwhile",
  async () => {
    const server = await project().start("chat.js");
    const ann = await open(server, "ann");
    const joined: unknown[] = [];
    ann.on("connect", () => void ann.emitWithAck("join", "boats").then((size) => joined.push(size)));
    const failed = next(ann, "connect_error");
    const lost = next(ann, "disconnect");
    await server.stop();
    expect(await lost).toBe(1006);
    await expect(failed).resolves.toMatchObject({ cause: { stage: "tcp" } });
    const answer = ann.emitWithAck("join", "trains");
    const again = await project().start("chat.js", { PORT: String(server.port) });
    expect([await answer, joined]).toEqual([1, [1]]);
    const bob = await open(again, "bob");
    expect(await bob.emitWithAck("join", "boats")).toBe(2);
    await again.stop();
  },
  SLOW,
);
