import { describe, expect, test } from "vitest";
import { hex } from "../../support/bytes.ts";
import { LivenessRig } from "../../support/liveness-rig.ts";

describe("measure", () => {
  test("pings at once, and settles with the milliseconds to the pong", async () => {
    const liveness = new LivenessRig();
    const answer = liveness.measureRoundTrip();
    expect(liveness.log).toEqual(["ping at 100"]);
    liveness.onPong(liveness.asked[0]!);
    expect(await answer).toBeGreaterThanOrEqual(0);
  });

  test("pings once for all calls before the pong, and again after it", async () => {
    const liveness = new LivenessRig();
    const answers = [liveness.measureRoundTrip(), liveness.measureRoundTrip(), liveness.measureRoundTrip()];
    expect(liveness.asked).toHaveLength(1);
    liveness.onPong(liveness.asked[0]!);
    const [first, ...others] = await Promise.all(answers);
    expect(first).toBeTypeOf("number");
    expect(others).toEqual([first, first]);
    void liveness.measureRoundTrip();
    expect(liveness.asked).toHaveLength(2);
  });

  test("shares the ping of the keepalive", async () => {
    const liveness = new LivenessRig();
    liveness.live(4);
    const answer = liveness.measureRoundTrip();
    expect(liveness.asked).toHaveLength(1);
    liveness.onPong(liveness.asked[0]!);
    expect(await answer).toBeTypeOf("number");
  });

  test("is not settled by the pong to another ping", async () => {
    const [liveness, other] = [new LivenessRig(), new LivenessRig()];
    void other.measureRoundTrip();
    let settled = false;
    const answer = liveness.measureRoundTrip().then((ms) => {
      settled = true;
      return ms;
    });
    for (const foreign of [other.asked[0]!, hex(""), hex("00 00 00 00 00")]) liveness.onPong(foreign);
    await Promise.resolve();
    expect(settled).toBe(false);
    liveness.onPong(liveness.asked[0]!);
    expect(await answer).toBeTypeOf("number");
  });

  test("settles with undefined when the connection is closed, or was before", async () => {
    const liveness = new LivenessRig();
    const answers = [liveness.measureRoundTrip(), liveness.measureRoundTrip()];
    liveness.stop();
    expect(await Promise.all(answers)).toEqual([undefined, undefined]);
    liveness.open = false;
    expect(await liveness.measureRoundTrip()).toBeUndefined();
    expect(liveness.asked).toHaveLength(1);
  });

  test("ignores an unsolicited pong", () => {
    const liveness = new LivenessRig();
    liveness.onPong(hex("01 02 03 04"));
    liveness.stop();
    expect(liveness.log).toEqual([]);
  });
});
