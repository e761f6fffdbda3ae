import { expect, test } from "vitest";
import { type LinkEvents, Links } from "../../src/redis/links.ts";
import { Names } from "../../src/redis/names.ts";
import { until } from "../support/backplane/until.ts";
import { FakeLibrary } from "../support/redis/fake-connection.ts";
import { within } from "../support/within.ts";

interface Rig {
  readonly library: FakeLibrary;
  readonly links: Links;
  readonly told: string[];
  readonly close: (ms?: number) => Promise<void>;
}

function rig(events: Partial<LinkEvents> = {}): Rig {
  const library = new FakeLibrary();
  const told: string[] = [];
  const options = {
    library,
    names: new Names("p"),
    node: "nodename",
    backlog: { bytes: 0 },
    onMessage: () => undefined,
  };
  const links = new Links(options, {
    onConnected: () => Promise.resolve(),
    onReady: (isFirst) => told.push(isFirst ? "first" : "again"),
    onAway: (reason) => told.push(`away ${String(reason)}`),
    onFailed: (error) => told.push(`failed ${(error as Error).message}`),
    onTick: () => undefined,
    ...events,
  });
  return { library, links, told, close: (ms = 0) => links.close(within(ms), Promise.resolve()) };
}

test("when a link ends, the next one is made", async () => {
  const { library, links, told, close } = rig();
  expect(() => links.ready).toThrow(/cannot be reached/);
  links.start();
  await until("the first", () => told.length === 1);
  const first = links.ready;
  library.cut("cut");
  expect(links.current).toBe(undefined);
  await until("the next", () => told.length === 3);
  expect(told).toEqual(["first", "away cut", "again"]);
  expect(links.ready).not.toBe(first);
  await close();
  expect([links.current, told.length]).toEqual([undefined, 3]);
});

test("what fails is tried again, and its reason is told", async () => {
  const { library, links, told, close } = rig();
  library.found = Promise.reject(new Error("no server"));
  library.found.catch(() => undefined);
  links.start();
  await until("two tries", () => library.searches >= 2);
  library.found = Promise.resolve();
  library.answer = () => new Error("NOAUTH no");
  await until("a refusal", () => told.some((text) => text.includes("NOAUTH")));
  expect(told[0]).toBe("failed no server");
  expect(links.current).toBe(undefined);
  await close();
});

test("it ends while it waits for the next try", async () => {
  const { library, links, told, close } = rig();
  library.found = Promise.reject(new Error("no server"));
  library.found.catch(() => undefined);
  links.start();
  await until("a try", () => told.length > 0);
  await close();
  const { searches } = library;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(library.searches).toBeLessThanOrEqual(searches + 1);
});

test("nothing is told of what ends because it is closed", async () => {
  const { library, links, told, close } = rig({ onConnected: () => new Promise(() => undefined) });
  links.start();
  await until("a link", () => library.connections.length === 2);
  await close();
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toEqual([]);
  expect(library.connections.every(({ isDestroyed }) => isDestroyed)).toBe(true);
});

test("closing waits for answers, but not for ever", async () => {
  const { library, links, told, close } = rig();
  links.start();
  await until("the first", () => told.length === 1);
  library.answer = () => undefined;
  const link = links.ready;
  const command = link.commands(0).command(["get"]);
  const closing = close(60_000);
  library.connections[0]!.sent.at(-1)!.resolve(7);
  expect(await command).toBe(7);
  await closing;

  const other = rig();
  other.links.start();
  await until("the first", () => other.told.length === 1);
  other.library.answer = () => undefined;
  const lost = other.links.ready.commands(0).command(["get"]);
  const failed = lost.catch((error: unknown) => (error as { code: unknown }).code);
  await other.close(10);
  expect(await failed).toBe("HWS_BACKPLANE_AWAY");
});
