import { describe, expect, onTestFinished, test } from "vitest";
import { Liveness } from "../../../src/connection/keepalive/liveness.ts";
import { ReadFlow } from "../../../src/connection/receiving/read-flow.ts";
import { receiveBudget } from "../../../src/connection/receiving/receive-budget.ts";
import { connectionSettings } from "../../support/settings.ts";
import { Wire, turns } from "../../support/wire.ts";

const KIB = 1024;

/** A read flow on a stream that is being read. The test is its host. */
function rig(own: Partial<ReturnType<typeof connectionSettings>> = {}) {
  const stream = new Wire();
  stream.resume();
  const told: string[] = [];
  const messages = { isBusy: true, queuedCount: 0, queuedBytes: 0, decodingBytes: 0 };
  const settings = connectionSettings(own);
  const liveness = new Liveness(settings.keepalive, { currentTick: 0 });
  liveness.noteActivity = () => told.push(`resumed, ${stream.isPaused() ? "not yet" : "already"} read`);
  liveness.abandonRoundTrip = () => told.push("round trip abandoned");
  const flow = new ReadFlow({ stream, messages, liveness }, settings);
  const settle = (): void => {
    Object.assign(messages, { isBusy: false, queuedCount: 0, queuedBytes: 0, decodingBytes: 0 });
    flow.onHandlerIdle();
  };
  onTestFinished(settle);
  return { stream, messages, flow, told, settings, settle, read: () => [flow.paused, stream.isPaused()] };
}

const READ = [false, false];
const PAUSED = [true, true];

describe("a busy handler", () => {
  test("does not stop reading while little waits for it, however long it takes", async () => {
    const { flow, messages, read } = rig();
    messages.queuedCount = 1024;
    messages.queuedBytes = 64 * KIB;
    for (let i = 0; i < 10; i++) {
      flow.noteReadAhead(0);
      await turns(1);
    }
    expect(read()).toEqual(READ);
    expect(flow.isFull).toBe(false);
  });

  test.each([
    ["more than 64 KiB wait for it", { queuedBytes: 64 * KIB + 1 }, 0],
    ["more than 1,024 messages wait for it", { queuedCount: 1025 }, 0],
    ["a message is unfinished, and more than 64 KiB wait with it", { queuedBytes: 32 * KIB }, 32 * KIB + 1],
  ])("stops reading within the turn when %s", (_when, waiting, unfinished) => {
    const { flow, messages, told, read } = rig();
    flow.noteReadAhead(0);
    expect(read()).toEqual(READ);
    Object.assign(messages, waiting);
    flow.noteReadAhead(unfinished);
    expect(read()).toEqual(PAUSED);
    expect(flow.isFull).toBe(true);
    expect(told).toEqual(["round trip abandoned"]);
  });

  test("that has settled lets reading go on, and reports it first", () => {
    const { flow, messages, told, settle, read } = rig();
    messages.queuedCount = 1025;
    flow.noteReadAhead(0);
    told.length = 0;
    settle();
    expect(read()).toEqual(READ);
    expect(told).toEqual(["resumed, not yet read"]);
    settle();
    expect(told).toHaveLength(1);
  });

  test.each([
    ["messages", { queuedCount: 513 }, { queuedCount: 512 }],
    ["bytes", { queuedBytes: 32 * KIB + 1 }, { queuedBytes: 32 * KIB }],
  ])("that has come so far that half of the %s wait lets reading go on, though it is busy", (_what, more, half) => {
    const { flow, messages, told, read } = rig();
    Object.assign(messages, { queuedCount: 1025, queuedBytes: 64 * KIB + 1 });
    flow.noteReadAhead(0);
    told.length = 0;
    Object.assign(messages, { queuedCount: 0, queuedBytes: 0 }, more);
    flow.noteDelivered();
    expect([read(), flow.isFull, told]).toEqual([PAUSED, true, []]);
    Object.assign(messages, half);
    flow.noteDelivered();
    expect([read(), flow.isFull, told]).toEqual([READ, false, ["resumed, not yet read"]]);
  });

  test("that is busy and has an unfinished message is read again when half of the bytes wait with it", () => {
    const { flow, messages, read } = rig();
    messages.queuedBytes = 50 * KIB;
    flow.noteReadAhead(20 * KIB);
    messages.queuedBytes = 12 * KIB + 1;
    flow.noteDelivered();
    expect(read()).toEqual(PAUSED);
    messages.queuedBytes = 12 * KIB;
    flow.noteDelivered();
    expect(read()).toEqual(READ);
  });

  test("stops and starts reading once for each half of what may wait, not for each message", () => {
    const { flow, messages, stream } = rig();
    let changes = 0;
    stream.on("pause", () => changes++).on("resume", () => changes++);
    const isPaused = (): boolean => flow.paused;
    for (let read = 0; read < 10; read++) {
      while (!isPaused()) {
        messages.queuedCount++;
        flow.noteReadAhead(0);
      }
      while (isPaused()) {
        messages.queuedCount--;
        flow.noteDelivered();
      }
      expect(messages.queuedCount).toBe(512);
    }
    expect(changes).toBe(10);
  });

  test("that has come far does not let a peer be read that has sent enough for one turn", async () => {
    const { flow, messages, read } = rig();
    messages.queuedCount = 1025;
    flow.noteReadAhead(0);
    flow.pauseForTurn();
    messages.queuedCount = 1;
    flow.noteDelivered();
    expect([read(), flow.isFull]).toEqual([PAUSED, false]);
    await turns(2);
    expect(read()).toEqual(READ);
  });

  test("does not stop reading after a close frame, so that the stream's end is seen", async () => {
    const { flow, messages, read } = rig();
    flow.release();
    messages.queuedCount = 1025;
    flow.noteReadAhead(0);
    await turns(1);
    expect(read()).toEqual(READ);
  });

  test("does not stop reading when only the end of the stream is needed", () => {
    const { flow, messages, read } = rig();
    messages.queuedCount = 1025;
    flow.noteReadAhead(0);
    flow.release();
    expect(read()).toEqual(READ);
  });
});

test("a peer that has sent enough for one turn is read again in the next one, unless its handler is full", async () => {
  const { flow, messages, settle, read } = rig();
  flow.pauseForTurn();
  flow.pauseForTurn();
  expect(read()).toEqual(PAUSED);
  expect(flow.isFull).toBe(false);
  await turns(2);
  expect(read()).toEqual(READ);
  messages.queuedCount = 2000;
  flow.noteReadAhead(0);
  flow.pauseForTurn();
  await turns(2);
  expect(read()).toEqual(PAUSED);
  settle();
  expect(read()).toEqual(READ);
});

describe("a stream that throws", () => {
  test.each(["pause", "resume"] as const)("from %s is destroyed, and nobody else is told", (method) => {
    const { stream, flow, messages, settle } = rig();
    stream[method] = () => {
      throw new Error("no");
    };
    stream.on("error", () => {});
    messages.queuedCount = 2000;
    flow.noteReadAhead(0);
    settle();
    expect(stream.destroyed).toBe(true);
    expect(stream.errored).toEqual(new Error("no"));
  });
});

describe("the receive budget of the process", () => {
  test("has what waits for a handler that is busy at the end of a turn, until it has settled", async () => {
    const { flow, messages, settle } = rig();
    messages.queuedBytes = 1000;
    flow.noteReadAhead(234);
    expect(receiveBudget.total).toBe(0);
    await turns(1);
    expect(receiveBudget.total).toBe(1234);
    messages.queuedBytes = 2000;
    flow.noteReadAhead(0);
    await turns(1);
    expect(receiveBudget.total).toBe(2000);
    settle();
    expect(receiveBudget.total).toBe(0);
  });

  test("has a message that another thread decompresses, which does not stop reading before", async () => {
    const { flow, messages, settings, settle, read } = rig({ maxTotalReceiveQueue: 100 * KIB });
    messages.decodingBytes = 90 * KIB;
    flow.noteReadAhead(0);
    await turns(1);
    expect([receiveBudget.total, read()]).toEqual([90 * KIB, READ]);
    messages.decodingBytes = 110 * KIB;
    flow.noteReadAhead(0);
    await turns(1);
    expect([settings.limitCounters.maxTotalReceiveQueue, read()]).toEqual([1, PAUSED]);
    settle();
  });

  test("is not touched by a handler that settles within the turn", async () => {
    const { flow, messages, settle } = rig();
    messages.queuedBytes = 1000;
    flow.noteReadAhead(0);
    settle();
    await turns(1);
    expect(receiveBudget.total).toBe(0);
  });

  test("beyond its limit stops reading where more than an equal share waits, and counts it", async () => {
    const [small, large] = [rig({ maxTotalReceiveQueue: 2000 }), rig({ maxTotalReceiveQueue: 2000 })];
    small.messages.queuedBytes = 500;
    large.messages.queuedBytes = 1600;
    small.flow.noteReadAhead(0);
    large.flow.noteReadAhead(0);
    await turns(1);
    expect([small.read(), large.read()]).toEqual([READ, PAUSED]);
    expect(small.settings.limitCounters.maxTotalReceiveQueue).toBe(0);
    expect(large.settings.limitCounters.maxTotalReceiveQueue).toBe(1);
    large.settle();
    expect(large.read()).toEqual(READ);
  });

  test("beyond its limit lets reading go on where half of an equal share waits", async () => {
    const other = rig({ maxTotalReceiveQueue: 2000 });
    const { flow, messages, read } = rig({ maxTotalReceiveQueue: 2000 });
    messages.queuedBytes = other.messages.queuedBytes = 1600;
    other.flow.noteReadAhead(0);
    flow.noteReadAhead(0);
    await turns(1);
    expect([read(), receiveBudget.total]).toEqual([PAUSED, 3200]);
    messages.queuedBytes = 501;
    flow.noteDelivered();
    // 501 is more than half of the share while the limit is exceeded.
    expect([read(), receiveBudget.total]).toEqual([PAUSED, 2101]);
    messages.queuedBytes = 500;
    messages.decodingBytes = 1;
    flow.noteDelivered();
    expect([read(), receiveBudget.total]).toEqual([PAUSED, 2101]);
    messages.decodingBytes = 0;
    flow.noteDelivered();
    expect([read(), receiveBudget.total]).toEqual([READ, 2100]);
  });

  test("just within its limit again does not let reading go on: each message would stop and start it", async () => {
    const { flow, messages, read } = rig({ maxTotalReceiveQueue: 2000 });
    messages.queuedBytes = 2001;
    flow.noteReadAhead(0);
    await turns(1);
    for (const [waiting, expected] of [
      [2000, PAUSED],
      [1001, PAUSED],
      [1000, READ],
    ] as const) {
      messages.queuedBytes = waiting;
      flow.noteDelivered();
      expect([waiting, read()]).toEqual([waiting, expected]);
    }
  });

  test("counts what is more than an equal share also where so much waits that reading has stopped before", async () => {
    const { flow, messages, settings, told, read } = rig({ maxTotalReceiveQueue: 2000 });
    messages.queuedBytes = 64 * KIB + 1;
    flow.noteReadAhead(0);
    expect(read()).toEqual(PAUSED);
    await turns(1);
    expect(settings.limitCounters.maxTotalReceiveQueue).toBe(1);
    expect(told).toEqual(["round trip abandoned"]);
  });

  test("keeps a peer from being read that has sent enough for one turn, too", async () => {
    const { flow, messages, settings, read } = rig({ maxTotalReceiveQueue: 2000 });
    messages.queuedBytes = 3000;
    flow.noteReadAhead(0);
    flow.pauseForTurn();
    await turns(3);
    expect(settings.limitCounters.maxTotalReceiveQueue).toBe(1);
    expect([read(), flow.isFull]).toEqual([PAUSED, true]);
  });
});

describe("a message that is streamed", () => {
  test("stops reading when 64 KiB of it wait, together with messages, until half is read", () => {
    const { flow, messages, read, settle } = rig();
    messages.queuedBytes = 10 * KIB;
    flow.noteStreamed(54 * KIB);
    flow.noteReadAhead(0);
    expect(read()).toEqual(READ);
    flow.noteStreamed(1);
    flow.noteReadAhead(0);
    expect(read()).toEqual(PAUSED);
    flow.noteTaken(32 * KIB);
    expect(read()).toEqual(PAUSED);
    flow.noteTaken(1);
    expect(read()).toEqual(READ);
    flow.noteTaken(22 * KIB);
    settle();
  });

  test("leaves the budget of the process as it is read, although its handler stays busy", async () => {
    const { flow, messages } = rig();
    const before = receiveBudget.total;
    messages.queuedBytes = KIB;
    flow.noteStreamed(3 * KIB);
    flow.noteReadAhead(0);
    await turns(2);
    expect(receiveBudget.total - before).toBe(4 * KIB);
    flow.noteTaken(2 * KIB);
    expect(receiveBudget.total - before).toBe(2 * KIB);
    messages.queuedBytes = 0;
    flow.noteDelivered();
    expect(receiveBudget.total - before).toBe(KIB);
    flow.noteTaken(KIB);
    expect([receiveBudget.total - before, flow.budgeted]).toEqual([0, undefined]);
  });
});
