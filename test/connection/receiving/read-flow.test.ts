import { describe, expect, test } from "vitest";
import { Liveness } from "../../../src/connection/keepalive/liveness.ts";
import { ReadFlow } from "../../../src/connection/receiving/read-flow.ts";
import { connectionSettings } from "../../support/settings.ts";
import { Wire, turns } from "../../support/wire.ts";

const KIB = 1024;

/** A read flow on a stream that is being read. The test is its host. */
function rig() {
  const stream = new Wire();
  stream.resume();
  const told: string[] = [];
  const messages = { isBusy: true, queuedCount: 0 };
  const liveness = new Liveness(connectionSettings().keepalive, { currentTick: 0 });
  liveness.noteActivity = () => told.push(`resumed, ${stream.isPaused() ? "not yet" : "already"} read`);
  const flow = new ReadFlow(stream, messages, liveness);
  return { stream, messages, flow, told, read: () => [flow.paused, stream.isPaused()] };
}

const READ = [false, false];
const PAUSED = [true, true];

describe("a busy handler", () => {
  test("stops reading at the turn's end, if it is still pending then", async () => {
    const { flow, read } = rig();
    flow.noteReadAhead(1);
    expect(read()).toEqual(READ);
    await turns(1);
    expect(read()).toEqual(PAUSED);
  });

  test("that settles within the turn does not stop reading", async () => {
    const { flow, messages, told, read } = rig();
    flow.noteReadAhead(1);
    messages.isBusy = false;
    flow.onHandlerIdle();
    await turns(1);
    expect(read()).toEqual(READ);
    expect(told).toEqual([]);
  });

  test("is checked again at the end of each turn in which bytes came", async () => {
    const { flow, messages, read } = rig();
    for (let i = 0; i < 3; i++) {
      messages.isBusy = true;
      flow.noteReadAhead(1);
      messages.isBusy = false;
      await turns(1);
      expect(read()).toEqual(READ);
    }
    messages.isBusy = true;
    flow.noteReadAhead(1);
    await turns(1);
    expect(read()).toEqual(PAUSED);
  });

  test("stops reading within the turn when more than 64 KiB came meanwhile", () => {
    const { flow, read } = rig();
    flow.noteReadAhead(60 * KIB);
    flow.noteReadAhead(4 * KIB);
    expect(read()).toEqual(READ);
    flow.noteReadAhead(1);
    expect(read()).toEqual(PAUSED);
  });

  test("stops reading within the turn when more than 1,024 messages wait for it", () => {
    const { flow, messages, read } = rig();
    messages.queuedCount = 1024;
    flow.noteReadAhead(1);
    expect(read()).toEqual(READ);
    messages.queuedCount = 1025;
    flow.noteReadAhead(1);
    expect(read()).toEqual(PAUSED);
  });

  test("that has settled lets reading go on, and reports it first; earlier bytes do not count any more", async () => {
    const { flow, messages, told, read } = rig();
    flow.noteReadAhead(64 * KIB);
    await turns(1);
    messages.isBusy = false;
    flow.onHandlerIdle();
    expect(read()).toEqual(READ);
    expect(told).toEqual(["resumed, not yet read"]);
    messages.isBusy = true;
    flow.noteReadAhead(64 * KIB);
    expect(read()).toEqual(READ);
  });

  test("is awaited again when it is pending again", async () => {
    const { flow, read, told } = rig();
    flow.noteReadAhead(1);
    await turns(1);
    flow.onHandlerIdle();
    expect(read()).toEqual(PAUSED);
    expect(told).toEqual([]);
  });

  test("does not stop reading after a close frame, so that the stream's end is seen", async () => {
    const { flow, read } = rig();
    flow.release();
    flow.noteReadAhead(100 * KIB);
    await turns(1);
    expect(read()).toEqual(READ);
  });

  test("does not stop reading when only the end of the stream is needed", async () => {
    const { flow, read } = rig();
    flow.noteReadAhead(1);
    await turns(1);
    flow.release();
    expect(read()).toEqual(READ);
  });

  test("reports once that reading goes on", async () => {
    const { flow, messages, told } = rig();
    flow.noteReadAhead(1);
    await turns(1);
    messages.isBusy = false;
    flow.onHandlerIdle();
    flow.onHandlerIdle();
    expect(told).toHaveLength(1);
  });
});
