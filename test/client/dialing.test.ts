import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type DialSources, ask, dialOnce, readProtocols, untilAborted } from "../../src/client/dialing.ts";
import { ConnectError } from "../../src/client/connect-error.ts";
import type { Dial } from "../../src/client/handler.ts";
import type { AcceptedDial, DialRequest } from "../../src/client/link.ts";
import { FakeDial } from "../support/fake-client-platform.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

function rig(changed: Partial<DialSources> = {}) {
  const controller = new AbortController();
  const dial: Dial = { attempt: 0, url: undefined, status: undefined, error: undefined, signal: controller.signal };
  const dials: FakeDial[] = [];
  const urls: string[] = [];
  const connect = (request: DialRequest): Promise<AcceptedDial> => {
    const one = new FakeDial(request);
    dials.push(one);
    return one.promise;
  };
  const sources: DialSources = { url: "ws://server/", protocols: undefined, baseUrl: undefined, ...changed };
  const result = dialOnce(sources, dial, connect, { controller, timeout: 1_000, onUrl: ({ href }) => urls.push(href) });
  const outcome = result.then(
    () => "accepted",
    (error: unknown) => error,
  );
  return { controller, dials, urls, outcome };
}

test("it asks for the URL and the subprotocols with the dial, and connects", async () => {
  const asked: unknown[] = [];
  const { dials, urls, outcome } = rig({
    url: (dial) => {
      asked.push(dial.attempt);
      return Promise.resolve("http://server/x");
    },
    protocols: () => ["a", "b"],
  });
  await turn();
  dials[0]?.accept();
  expect(await outcome).toBe("accepted");
  expect([asked, urls, dials[0]?.request.protocols]).toEqual([[0], ["ws://server/x"], ["a", "b"]]);
  expect(vi.getTimerCount()).toBe(0);
});

const failing = (): never => {
  throw new Error("no token");
};

test.each([
  ["throws", failing],
  ["rejects", () => Promise.reject(new Error("no token"))],
  ["answers with no URL", () => "::"],
])("a function that %s fails the dial at the stage provider", async (_name, url) => {
  const { outcome, dials } = rig({ url });
  expect(await outcome).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "provider" });
  expect(dials).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a function that never settles is given up after the timeout", async () => {
  const { outcome } = rig({ url: () => new Promise(() => undefined) });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await outcome).toMatchObject({ code: "HWS_CONNECT_TIMEOUT", stage: "provider" });
});

test("a function that answers after the timeout dials nothing", async () => {
  const { outcome, dials } = rig({
    url: () => new Promise((resolve) => setTimeout(() => resolve("ws://late/"), 2_000)),
  });
  await vi.advanceTimersByTimeAsync(3_000);
  expect(await outcome).toMatchObject({ code: "HWS_CONNECT_TIMEOUT" });
  expect(dials).toEqual([]);
});

test("a connection that comes after the timeout is abandoned", async () => {
  const { outcome, dials } = rig();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await outcome).toMatchObject({ code: "HWS_CONNECT_TIMEOUT", stage: "tcp" });
  dials[0]?.accept();
  await turn();
  expect(dials[0]?.isAbandoned).toBe(true);
});

test("a dial that is given up before the functions have answered connects nowhere", async () => {
  const { controller, outcome, dials } = rig();
  controller.abort();
  expect(await outcome).toBeInstanceOf(Error);
  await turn();
  expect(dials).toEqual([]);
});

test("ask returns a value as it is, and asks a function", async () => {
  const { signal } = new AbortController();
  const dial: Dial = { attempt: 3, url: undefined, status: undefined, error: undefined, signal };
  expect(await ask("value", dial, "url")).toBe("value");
  expect(await ask(({ attempt }) => attempt, dial, "url")).toBe(3);
});

test("untilAborted leaves no listener on the signal", async () => {
  const { signal } = new AbortController();
  const removed = vi.spyOn(signal, "removeEventListener");
  expect(await untilAborted(Promise.resolve(1), signal)).toBe(1);
  await expect(untilAborted(Promise.reject(new Error("x")), signal)).rejects.toThrow("x");
  expect(removed).toHaveBeenCalledTimes(2);
});

test("subprotocols are tokens, and different", () => {
  expect([readProtocols(undefined), readProtocols("a"), readProtocols(["a", "b"])]).toEqual([[], ["a"], ["a", "b"]]);
  for (const wrong of [["a", "a"], ["a b"], "", null, 1, [["a"]]])
    expect(() => readProtocols(wrong)).toThrow("protocols: expected different subprotocols");
});

test("a promise that rejects after its dial was given up is handled", async () => {
  vi.useRealTimers();
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  const failed = Promise.reject(new Error("late"));
  await expect(untilAborted(failed, AbortSignal.abort(new Error("given up")))).rejects.toThrow("given up");
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

test.each([
  ["url", { url: failing }],
  ["url", { url: () => Promise.reject(new Error("no token")) }],
  ["protocols", { protocols: failing }],
])("the error of a function says that %s has failed", async (name, changed) => {
  const { outcome } = rig(changed);
  expect(await outcome).toMatchObject({
    stage: "provider",
    message: `The client could not connect: ${name}: no token`,
    cause: { message: "no token" },
  });
});

test("the error of a value that cannot be used names it once", async () => {
  const { outcome } = rig({ protocols: () => ["a", "a"] });
  expect(((await outcome) as Error).message).toMatch(/^The client could not connect: protocols: expected/);
});

test.each([
  ["a text", "down"],
  ["null", null],
  ["an object without a prototype", Object.create(null) as unknown],
  ["a ConnectError of another client", new ConnectError("HWS_REFUSED", "401", { stage: "http", status: 401 })],
])("a function may reject with %s", async (_what, cause) => {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- that is what is tested
  const { outcome } = rig({ url: () => Promise.reject(cause) });
  expect(await outcome).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "provider", cause });
});

test.each(["provider", "dns", "tcp", "proxy", "tls", "handshake"] as const)(
  "the error of the timeout has the stage that the platform has told: %s, and the URL",
  async (stage) => {
    const { outcome, dials } = rig({ url: "ws://user:secret@server/" });
    await turn();
    dials[0]?.request.onStage(stage);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await outcome).toMatchObject({
      code: "HWS_CONNECT_TIMEOUT",
      stage,
      message: "The client was not connected within handshakeTimeout: ws://server/: 1000 ms",
    });
  },
);
