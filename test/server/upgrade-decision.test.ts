import { WebSocketServer } from "hawser";
import { EventEmitter } from "node:events";
import { createServer, IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { type AskedServer, decideUpgrades } from "../../src/server/upgrade-decision.ts";

/** Whether a request is for our test's protocol. */
const isPlain = (message: IncomingMessage): boolean => message.url === "/plain";

/** Asks as Node before 24.9 does. */
class CountingServer extends EventEmitter {
  /** Node has a symbol of its own with this name. */
  readonly classOf: Record<symbol, new (socket: Socket) => IncomingMessage>;
  static readonly key = Symbol("IncomingMessage");

  constructor() {
    super();
    this.classOf = this as unknown as typeof this.classOf;
    this.classOf[CountingServer.key] = IncomingMessage;
    this.on("upgrade", () => {});
  }

  /** Reads the head of a request, and decides whether it becomes an event. */
  read(url: string, method = "GET", upgrade = true): { readonly message: IncomingMessage; readonly isEvent: boolean } {
    const message = new this.classOf[CountingServer.key]!(new Socket());
    const decided = Object.assign(message, { url, method, upgrade });
    const isEvent = upgrade && (method === "CONNECT" || this.listenerCount("upgrade") > 0);
    decided.upgrade = isEvent;
    return { message, isEvent };
  }
}

describe("where Node counts the listeners", () => {
  test("a plain request is none of theirs, and all others are", () => {
    const server = new CountingServer();
    decideUpgrades(server, isPlain);
    expect(server.read("/plain").isEvent).toBe(false);
    expect(server.read("/ours").isEvent).toBe(true);
    expect(server.read("/plain").message).toBeInstanceOf(IncomingMessage);
  });

  test.each([
    ["before a request", undefined],
    ["after a plain request", ["/plain"]],
    ["after one without Upgrade", ["/plain", "GET", false]],
    ["after CONNECT", ["/plain", "CONNECT"]],
    ["after an upgrade", ["/ours"]],
  ] as const)("%s, whoever else asks gets the true number", (_when, request) => {
    const server = new CountingServer();
    decideUpgrades(server, isPlain);
    if (request !== undefined) server.read(...(request as unknown as [string]));
    expect(server.listenerCount("upgrade")).toBe(1);
    expect(server.listenerCount("other")).toBe(0);
    expect(Object.keys(server)).not.toContain("listenerCount");
  });

  test("its end restores what was there, in any order", () => {
    const server = new CountingServer();
    const ends = [decideUpgrades(server, isPlain), decideUpgrades(server, () => false)];
    expect(server.read("/plain").isEvent).toBe(false);
    for (const end of ends.reverse()) end();
    expect(server.read("/plain").isEvent).toBe(true);
    expect(Object.hasOwn(server, "listenerCount")).toBe(false);
    expect(server.classOf[CountingServer.key]).toBe(IncomingMessage);
    server.listenerCount = () => 7;
    decideUpgrades(server, isPlain)();
    expect(server.listenerCount("upgrade")).toBe(7);
  });

  test("without the class of its messages, nothing changes", () => {
    const server = new EventEmitter();
    decideUpgrades(server, isPlain);
    expect(Object.hasOwn(server, "listenerCount")).toBe(false);
  });
});

test("where Node calls shouldUpgradeCallback, that is asked about all else, and is there again in the end", () => {
  const server = Object.assign(createServer(), { shouldUpgradeCallback: () => "asked" });
  const mine = server.shouldUpgradeCallback;
  const end = decideUpgrades(server, isPlain);
  const decide = server.shouldUpgradeCallback as (message: unknown) => unknown;
  expect([decide({ url: "/plain" }), decide({ url: "/ours" })]).toEqual([false, "asked"]);
  end();
  expect(server.shouldUpgradeCallback).toBe(mine);
});

test("Node's own web server is as it was after the last WebSocketServer on it has ended", async () => {
  const server = createServer((_request, response) => response.end());
  onTestFinished(() => void server.close());
  const state = (): unknown[] => [
    Object.getOwnPropertySymbols(server).map((key) => (server as unknown as Record<symbol, unknown>)[key]),
    (server as AskedServer).shouldUpgradeCallback,
    Object.hasOwn(server, "listenerCount"),
  ];
  const before = state();
  const both = ["/a", "/b"].map((path) => new WebSocketServer({ onConnection: () => null }, { server, path }));
  expect(state()).not.toEqual(before);
  for (const wss of both) await wss.terminate(0);
  expect(state()).toEqual(before);
});
