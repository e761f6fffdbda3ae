import { describe, expect, test } from "vitest";
import { hex } from "../../support/bytes.ts";
import { Patient } from "../../support/patient.ts";

describe("measure", () => {
  test("asks at once, and settles with the milliseconds to the pong", async () => {
    const patient = new Patient();
    const answer = patient.measureRoundTrip();
    expect(patient.log).toEqual(["ping at 100"]);
    patient.onPong(patient.asked[0]!);
    expect(await answer).toBeGreaterThanOrEqual(0);
  });

  test("asks once for all who ask before the pong, and again behind it", async () => {
    const patient = new Patient();
    const answers = [patient.measureRoundTrip(), patient.measureRoundTrip(), patient.measureRoundTrip()];
    expect(patient.asked).toHaveLength(1);
    patient.onPong(patient.asked[0]!);
    const [first, ...others] = await Promise.all(answers);
    expect(first).toBeTypeOf("number");
    expect(others).toEqual([first, first]);
    void patient.measureRoundTrip();
    expect(patient.asked).toHaveLength(2);
  });

  test("shares the ping of a silence", async () => {
    const patient = new Patient();
    patient.live(4);
    const answer = patient.measureRoundTrip();
    expect(patient.asked).toHaveLength(1);
    patient.onPong(patient.asked[0]!);
    expect(await answer).toBeTypeOf("number");
  });

  test("is not settled by the pong to another ping", async () => {
    const [patient, other] = [new Patient(), new Patient()];
    void other.measureRoundTrip();
    let settled = false;
    const answer = patient.measureRoundTrip().then((ms) => {
      settled = true;
      return ms;
    });
    for (const foreign of [other.asked[0]!, hex(""), hex("00 00 00 00 00")]) patient.onPong(foreign);
    await Promise.resolve();
    expect(settled).toBe(false);
    patient.onPong(patient.asked[0]!);
    expect(await answer).toBeTypeOf("number");
  });

  test("settles with undefined when the connection is gone, or was before", async () => {
    const patient = new Patient();
    const answers = [patient.measureRoundTrip(), patient.measureRoundTrip()];
    patient.leave();
    expect(await Promise.all(answers)).toEqual([undefined, undefined]);
    patient.open = false;
    expect(await patient.measureRoundTrip()).toBeUndefined();
    expect(patient.asked).toHaveLength(1);
  });

  test("ignores a pong that nobody asked for", () => {
    const patient = new Patient();
    patient.onPong(hex("01 02 03 04"));
    patient.leave();
    expect(patient.log).toEqual([]);
  });
});
