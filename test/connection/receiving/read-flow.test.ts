import { describe, expect, test } from "vitest";
import { Liveness } from "../../../src/connection/keepalive/liveness.ts";
import { ReadFlow } from "../../../src/connection/receiving/read-flow.ts";
import { connectionSettings } from "../../support/settings.ts";
import { Wire, turns } from "../../support/wire.ts";

const KIB = 1024;

/** A pace on a stream that is being read, with a host that the test plays. */
function rig() {
  const stream = new Wire();
  stream.resume();
  const told: string[] = [];
  const host = { isBusy: true, queuedCount: 0 };
  const liveness = new Liveness(connectionSettings().life, { now: 0 });
  liveness.noteProgress = () => told.push(`resumed, ${stream.isPaused() ? "not yet" : "already"} read`);
  const pace = new ReadFlow(stream, host, liveness);
  return { stream, host, pace, told, read: () => [pace.paused, stream.isPaused()] };
}

const READ = [false, false];
const PAUSED = [true, true];

describe("a busy handler", () => {
  test("stops the reading at the turn's end, if it is still busy then", async () => {
    const { pace, read } = rig();
    pace.noteReadAhead(1);
    expect(read()).toEqual(READ);
    await turns(1);
    expect(read()).toEqual(PAUSED);
  });

  test("that settles within the turn stops nothing", async () => {
    const { pace, host, told, read } = rig();
    pace.noteReadAhead(1);
    host.isBusy = false;
    pace.onHandlerIdle();
    await turns(1);
    expect(read()).toEqual(READ);
    expect(told).toEqual([]);
  });

  test("is looked at again at the end of each turn in which something came", async () => {
    const { pace, host, read } = rig();
    for (let i = 0; i < 3; i++) {
      host.isBusy = true;
      pace.noteReadAhead(1);
      host.isBusy = false;
      await turns(1);
      expect(read()).toEqual(READ);
    }
    host.isBusy = true;
    pace.noteReadAhead(1);
    await turns(1);
    expect(read()).toEqual(PAUSED);
  });

  test("stops the reading within the turn when more than 64 KiB came meanwhile", () => {
    const { pace, read } = rig();
    pace.noteReadAhead(60 * KIB);
    pace.noteReadAhead(4 * KIB);
    expect(read()).toEqual(READ);
    pace.noteReadAhead(1);
    expect(read()).toEqual(PAUSED);
  });

  test("stops the reading within the turn when more than 1,024 messages wait for it", () => {
    const { pace, host, read } = rig();
    host.queuedCount = 1024;
    pace.noteReadAhead(1);
    expect(read()).toEqual(READ);
    host.queuedCount = 1025;
    pace.noteReadAhead(1);
    expect(read()).toEqual(PAUSED);
  });

  test("that has settled has the reading go on, and says so first; what came before counts no more", async () => {
    const { pace, host, told, read } = rig();
    pace.noteReadAhead(64 * KIB);
    await turns(1);
    host.isBusy = false;
    pace.onHandlerIdle();
    expect(read()).toEqual(READ);
    expect(told).toEqual(["resumed, not yet read"]);
    host.isBusy = true;
    pace.noteReadAhead(64 * KIB);
    expect(read()).toEqual(READ);
  });

  test("goes on being waited for when it is busy again", async () => {
    const { pace, read, told } = rig();
    pace.noteReadAhead(1);
    await turns(1);
    pace.onHandlerIdle();
    expect(read()).toEqual(PAUSED);
    expect(told).toEqual([]);
  });

  test("does not stop the reading behind a close frame: the stream's end is not to be missed", async () => {
    const { pace, read } = rig();
    pace.release();
    pace.noteReadAhead(100 * KIB);
    await turns(1);
    expect(read()).toEqual(READ);
  });

  test("has the reading go on, busy as it is, when only the end is wanted any more", async () => {
    const { pace, read } = rig();
    pace.noteReadAhead(1);
    await turns(1);
    pace.release();
    expect(read()).toEqual(READ);
  });

  test("says once that the reading goes on", async () => {
    const { pace, host, told } = rig();
    pace.noteReadAhead(1);
    await turns(1);
    host.isBusy = false;
    pace.onHandlerIdle();
    pace.onHandlerIdle();
    expect(told).toHaveLength(1);
  });
});
