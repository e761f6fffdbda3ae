import fc from "fast-check";
import { once } from "node:events";
import { type Server, createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { sendBudget } from "../../src/connection/sending/send-budget.ts";
import { cases, seed } from "../support/fuzz.ts";
import { RandomClient } from "../support/random-client.ts";
import { RandomServer } from "../support/random-server.ts";
import type { Reaction } from "../support/random-connection.ts";
import { type Step, script } from "../support/random-server-script.ts";
import { meaningOf } from "../support/random-peer.ts";
import { turns } from "../support/wire.ts";

/** A server with its clients, and all that is needed to end it. */
class Scene {
  readonly web: Server | undefined;
  readonly server: RandomServer;
  readonly clients: RandomClient[] = [];

  private constructor(server: RandomServer, web: Server | undefined) {
    this.server = server;
    this.web = web;
  }

  static async open(own: boolean, reactions: Reaction[], options: object): Promise<Scene> {
    if (own) {
      const server = new RandomServer(reactions, { ...options, port: 0, host: "127.0.0.1" });
      while (server.wss.address() === null) await turns(1);
      return new Scene(server, undefined);
    }
    const web = createServer().listen(0, "127.0.0.1");
    await once(web, "listening");
    const before = listeners(web);
    const scene = new Scene(new RandomServer(reactions, { ...options, server: web }), web);
    expect(listeners(web)).not.toEqual(before);
    return scene;
  }

  async take(step: Step): Promise<void> {
    const { wss } = this.server;
    if (step.does === "connect") {
      if (this.clients.length < 8 && wss.address() !== null) {
        const { answer, polite, bytes } = step;
        const client = new RandomClient(this.server.port, `/${answer}-${String(this.clients.length)}`, polite);
        this.clients.push(client);
        client.arrive(bytes);
      }
    } else if ("who" in step) this.#take(step);
    else if (step.does === "broadcast") wss.broadcast("x".repeat(step.size));
    else if (step.does === "settle") this.server.settle(step.well);
    else if (step.does === "time") vi.advanceTimersByTime(step.ms);
    else if (step.does === "answer") this.server.answer();
    await turns(1);
  }

  #take(step: Extract<Step, { who: number }>): void {
    const client = this.clients[step.who % (this.clients.length || 1)];
    if (step.does === "ping") void this.server.wss.connections.at(step.who)?.ping();
    else if (step.does === "close") this.server.wss.connections.at(step.who)?.terminate(4000);
    else if (client === undefined) return;
    else if (step.does === "say") client.say(step.item);
    else if (step.does === "arrive") client.arrive(step.bytes);
    else client[step.does]();
  }

  /** The clients that must get a close frame from `terminate`: connected, reading, and with nothing waiting. */
  expectingCloseFrame(): RandomClient[] {
    return this.clients.filter((client, i) => {
      const ws = [...this.server.members].find(([path]) => path.endsWith(`-${String(i)}`))?.[1].ws;
      return client.wellBehaved && ws?.status === "Connected" && ws.bufferedAmount === 0;
    });
  }

  /** Lets time pass until the server is closed. */
  async terminated(promise: Promise<void>): Promise<void> {
    const closed = { over: false };
    void promise.then(() => (closed.over = true));
    for (let ms = 0; !closed.over && ms < 1200; ms += 5) {
      await turns(4);
      vi.advanceTimersByTime(5);
    }
    expect(closed.over).toBe(true);
    // A refused client has a second to read the reason.
    vi.advanceTimersByTime(1000);
    await turns(10);
  }

  /** Closes the clients and the user's web server. */
  async leave(): Promise<void> {
    void this.server.wss.terminate(0);
    for (const { socket } of this.clients) socket.destroy();
    this.web?.closeAllConnections();
    this.web?.close();
    // This waits only for the system. The test's timeout is the limit.
    for (let i = 0; i < 1000 && handles().length > idle.length; i++) await turns(1);
  }
}

/** The number of listeners for each event. */
function listeners(web: Server): Record<string, number> {
  return Object.fromEntries(web.eventNames().map((name) => [String(name), web.listenerCount(name as string)]));
}

/** What keeps the process alive, without its timers, which are counted separately. */
function handles(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => name !== "Timeout" && name !== "Immediate")
    .sort();
}

let idle: string[] = [];

function checkOver({ server, clients, web }: Scene): void {
  const { wss, members, log, faults } = server;
  expect(faults).toEqual([]);
  expect(wss.terminated).toBe(true);
  expect(wss.connections.length).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
  expect(sendBudget.total).toBe(0);
  // A handler that came too late for its client has only an end.
  const ended = [...members.values()].filter(({ calls }) => calls.length > 0);
  const opened = ended.filter(({ calls }) => calls[0] === "open");
  expect(log.filter((call) => call === "terminate")).toHaveLength(ended.length);
  // The server's own end comes after those of all connections. The time of `terminate` may be over before `onConnection` settles.
  expect(log.indexOf("over")).toBeGreaterThanOrEqual(opened.length);
  expect(log.indexOf("over")).toBe(log.lastIndexOf("over"));
  const { connections, messages } = wss.counters;
  expect(connections).toEqual({ opened: opened.length, closed: opened.length, leaving: 0 });
  const sum = (of: "accepted" | "written" | "dropped"): number =>
    opened.reduce((all, { ws }) => all + (ws?.counters[of] ?? 0), 0);
  expect(messages).toEqual({ accepted: sum("accepted"), written: sum("written"), dropped: sum("dropped"), pending: 0 });
  expect(messages.accepted).toBe(messages.written + messages.dropped);
  if (web !== undefined) expect(web.listenerCount("upgrade")).toBe(0);

  for (const [i, client] of clients.entries()) {
    const { messages: got, controls, behindClose } = client.traffic;
    const member = [...members].find(([path]) => path.endsWith(`-${String(i)}`))?.[1];
    expect(behindClose).toBe(0);
    expect(controls.filter(([kind]) => kind === "close").length).toBeLessThanOrEqual(1);
    if (member === undefined) continue;
    expect(client.socket.isPaused() || client.gone, "its socket is left").toBe(true);
    expect(member.calls.join(" ")).toMatch(/^(open( message| drain)*( error)? terminate|terminate)?$/);
    expect(member.heard).toEqual(meaningOf(client.said).messages.slice(0, member.heard.length));
    expect(got.length).toBeLessThanOrEqual(member.ws?.counters.written ?? 0);
  }
}

beforeAll(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  idle = handles();
});

afterAll(() => {
  vi.useRealTimers();
});

describe("a server", () => {
  test("that is terminated at any moment closes everything and leaves nothing", async () => {
    await fc.assert(
      fc.asyncProperty(script, async ({ own, options, reactions, before, seconds, after }) => {
        const scene = await Scene.open(own, reactions, options);
        const untouched = scene.web === undefined ? {} : listeners(createServer());
        try {
          for (const step of before) await scene.take(step);
          const promise = scene.server.wss.terminate(seconds);
          const listening = seconds === 0 ? [] : scene.expectingCloseFrame();
          for (const step of after) await scene.take(step);
          await scene.terminated(promise);
          checkOver(scene);
          if (scene.web !== undefined) expect(listeners(scene.web)).toEqual(untouched);
          for (const { wellBehaved, traffic } of listening)
            if (wellBehaved) expect(traffic.controls.filter(([kind]) => kind === "close")).toHaveLength(1);
        } finally {
          await scene.leave();
        }
        expect(handles()).toEqual(idle);
      }),
      { seed, numRuns: cases(50) },
    );
  });
});
