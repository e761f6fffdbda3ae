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

test("a connection that was lost while its onOpen was busy does not hold up what the next one sends first", async () => {
  const slow = deferred();
  const client = noted(QUEUE, {
    onOpen: () => slow.promise,
    onReconnected: async () => {
      client.session.sender.send("sign in", undefined);
      expect(await client.session.sender.drained()).toBe(true);
    },
  });
  (await client.accept()).lose(1006);
  client.session.sender.send("waited", undefined);
  slow.resolve();
  await vi.advanceTimersByTimeAsync(2_000);
  const link = await client.accept();
  await turn();
  expect(link.sent).toEqual(["sign in", "waited"]);
});

test("a callback that waits for space while a connection is held does not take all turns", async () => {
  let isOver = false;
  let tries = 0;
  const client = noted(
    { reconnect: { whileAway: "queue", queuePolicy: "drop-newest", maxQueue: 64 } },
    {
      onReconnecting: async () => {
        while (!isOver && !client.session.sender.send("more", undefined) && (await client.session.sender.drained()))
          tries++;
      },
    },
  );
  (await client.accept()).lose(1006);
  client.session.sender.send("fills it", undefined);
  await vi.advanceTimersByTimeAsync(2_000);
  const link = await client.accept();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(tries).toBeLessThan(100);
  isOver = true;
  await vi.advanceTimersByTimeAsync(100);
  expect(link.sent[0]).toBe("fills it");
});

test("what onReconnected of a connection sends that is gone is not sent on the next one", async () => {
  const slow = deferred();
  let signIns = 0;
  const client = noted(REFUSE, {
    onReconnecting: () => slow.promise,
    onReconnected: () => client.session.sender.send(`sign in ${++signIns}`, undefined),
  });
  for (let losses = 0; losses < 2; losses++) {
    (await client.accept()).lose(1006);
    await vi.advanceTimersByTimeAsync(5_000);
  }
  const link = await client.accept();
  slow.resolve();
  await turn();
  expect([signIns, link.sent]).toEqual([2, ["sign in 2"]]);
});

test("onTerminate waits for the onError of a callback that rejects after terminate", async () => {
  const slow = deferred();
  const told = deferred();
  const fails = () => Promise.reject(new Error("too late"));
  const client = noted(REFUSE, { onReconnecting: () => slow.promise.then(fails), onError: () => told.promise });
  (await client.accept()).lose(1006);
  await turn();
  client.session.terminate(1000, undefined);
  slow.resolve();
  await turn();
  expect(client.names()).toBe("Open Reconnecting Error");
  told.resolve();
  await client.session.ended;
  expect(client.names()).toBe("Open Reconnecting Error Terminate");
});
