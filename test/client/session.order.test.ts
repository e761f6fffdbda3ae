import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { deferred } from "../../src/util/deferred.ts";
import { noted, turn } from "../support/noted-client.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const REFUSE = { reconnect: { whileAway: "refuse" } } as const;
const QUEUE = { reconnect: { whileAway: "queue" } } as const;

test.each([REFUSE, QUEUE])(
  "with $reconnect: what is sent before onReconnected begins goes out after what it sends",
  async (options) => {
    const slow = deferred();
    const client = noted(options, {
      onReconnecting: () => slow.promise,
      onReconnected: () => client.session.sender.send("sign in", undefined),
    });
    (await client.accept()).lose(1006);
    await vi.advanceTimersByTimeAsync(2_000);
    const link = await client.accept();
    expect(client.session.status).toBe("Connecting");
    expect(client.session.sender.send("early", undefined)).toBe(true);
    slow.resolve();
    await turn();
    expect(link.sent).toEqual(["sign in", "early"]);
    expect(client.session.sender.counters).toEqual({ accepted: 2, written: 2, dropped: 0, pending: 0 });
  },
);

test("what was sent before onReconnected is dropped with its connection, unless messages wait while away", async () => {
  const slow = deferred();
  const client = noted(REFUSE, { onReconnecting: () => slow.promise });
  (await client.accept()).lose(1006);
  await vi.advanceTimersByTimeAsync(2_000);
  const link = await client.accept();
  client.session.sender.send("early", undefined);
  link.lose(1006);
  expect(client.session.sender.counters).toEqual({ accepted: 1, written: 0, dropped: 1, pending: 0 });
  slow.resolve();
});

test("no message of an earlier connection comes after onTerminate, when closeTimeout has ended the wait for a callback", async () => {
  const slow = deferred();
  const client = noted(REFUSE, {
    onMessage: ({ data }: { data: string }) => (data === "slow" ? slow.promise : undefined),
  });
  const link = await client.accept();
  for (const data of ["slow", "late"]) link.deliver(data);
  await turn();
  link.lose(1006);
  await vi.advanceTimersByTimeAsync(2_000);
  (await client.accept()).lose(1000);
  await vi.advanceTimersByTimeAsync(5_000);
  await client.session.ended;
  slow.resolve();
  await turn();
  expect(client.names()).toBe("Open Message Reconnecting Reconnected Terminate");
});

test("who waits for the end waits no longer than closeTimeout for onTerminate, and is warned", async () => {
  const client = noted({}, { onTerminate: () => new Promise(() => undefined) });
  (await client.accept()).lose(1000);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await client.session.ended).toMatchObject({ code: 1000 });
  expect(client.platform.warnings).toMatchObject([{ code: "HWS_CLOSE_TIMEOUT" }]);
  expect(vi.getTimerCount()).toBe(0);
});

test("what is sent after the end is counted", async () => {
  const client = noted();
  (await client.accept()).lose(1000);
  await client.session.ended;
  expect(client.session.sender.send("late", undefined)).toBe(false);
  expect(client.session.sender.counters).toMatchObject({ accepted: 1, dropped: 1 });
});
