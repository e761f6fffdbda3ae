import { describe, expect, test } from "vitest";
import { hex } from "../../support/bytes.ts";
import { Patient } from "../../support/patient.ts";
import { Wire } from "../../support/wire.ts";

describe("a silent peer", () => {
  test("is pinged when its time is over, and dead when that for the answer is", () => {
    const patient = new Patient();
    patient.live(10);
    expect(patient.log).toEqual(["ping at 104", "dead at 107"]);
  });

  test("is alive with any byte, and its silence is counted from there", () => {
    const patient = new Patient();
    patient.live(6);
    patient.hear();
    patient.live(3);
    expect(patient.log).toEqual(["ping at 104"]);
    patient.live(4);
    expect(patient.log).toEqual(["ping at 104", "ping at 110", "dead at 113"]);
  });

  test("is asked again with the same ping: any of its pongs answers", async () => {
    const patient = new Patient();
    patient.live(6);
    patient.hear();
    patient.live(4);
    expect(patient.asked).toHaveLength(2);
    expect(patient.asked[0]).toEqual(patient.asked[1]);
    const answer = patient.measure();
    patient.pong(patient.asked[0]!);
    expect(await answer).toBeGreaterThanOrEqual(0);
  });

  test("is asked with a new ping when it has answered the last", () => {
    const patient = new Patient();
    for (let i = 0; i < 3; i++) {
      patient.live(4);
      patient.hear();
      patient.pong(patient.asked.at(-1)!);
    }
    expect(patient.log).toEqual(["ping at 104", "ping at 108", "ping at 112"]);
    expect(new Set(patient.asked.map((payload) => payload.latin1Slice(0, 4))).size).toBe(3);
  });

  test("is not asked when it is not open any more", () => {
    const patient = new Patient();
    patient.open = false;
    patient.live(10);
    expect(patient.log).toEqual([]);
  });

  test("is never asked where no interval is kept, nor is it dead without an answer to the user's own ping", () => {
    const patient = new Patient({ pingInterval: Infinity, pingTimeout: Infinity });
    void patient.measure();
    patient.live(1000);
    expect(patient.log).toEqual(["ping at 100"]);
  });
});

describe("a peer that we do not listen to", () => {
  test("is pinged, so that the system finds out, and lives", () => {
    const patient = new Patient();
    patient.deaf = true;
    patient.live(12);
    expect(patient.log).toEqual(["ping at 104", "ping at 108", "ping at 112"]);
  });

  test("has all its time anew when we listen again", () => {
    const patient = new Patient();
    patient.deaf = true;
    patient.live(7);
    patient.deaf = false;
    patient.hear();
    patient.live(6);
    expect(patient.log).toEqual(["ping at 104", "ping at 111"]);
    patient.live(1);
    expect(patient.log.at(-1)).toBe("dead at 114");
  });
});

describe("a peer that takes slowly what was written to it", () => {
  /** One to whom four writes wait. */
  function slow(): Patient {
    const stream = new Wire();
    stream.stick();
    for (let i = 0; i < 4; i++) stream.write(hex("00"));
    return new Patient({}, stream);
  }

  test("lives as long as it takes some of it between two looks", () => {
    const patient = slow();
    patient.live(5);
    patient.take();
    patient.live(3);
    expect(patient.log).toEqual(["ping at 104"]);
    // It was seen taking something at 106: one interval, one answer.
    patient.live(10);
    expect(patient.log).toEqual(["ping at 104", "ping at 110", "dead at 113"]);
  });

  test("is dead when it takes nothing any more", () => {
    const patient = slow();
    patient.live(10);
    expect(patient.log).toEqual(["ping at 104", "dead at 107"]);
  });

  test("is not alive for what is written to it meanwhile", () => {
    const patient = slow();
    patient.live(5);
    patient.write();
    patient.live(5);
    expect(patient.log).toEqual(["ping at 104", "dead at 107"]);
  });
});

describe("a connection that is limited in time", () => {
  test("is retired when it was idle for too long: bytes are no messages", () => {
    const patient = new Patient({ idleTimeout: 6 });
    for (let i = 0; i < 10; i++) {
      patient.hear();
      patient.live(1);
    }
    expect(patient.log).toEqual(["idleTimeout at 107"]);
  });

  test("is not idle when a message came or was sent", () => {
    const patient = new Patient({ idleTimeout: 6, pingInterval: Infinity });
    patient.live(6);
    patient.message();
    patient.live(6);
    expect(patient.log).toEqual([]);
    patient.live(1);
    expect(patient.log).toEqual(["idleTimeout at 113"]);
  });

  test("is not idle while its handler is at work, and has all its time behind that", () => {
    const patient = new Patient({ idleTimeout: 6, pingInterval: Infinity });
    patient.busy = true;
    patient.live(20);
    patient.busy = false;
    patient.live(6);
    expect(patient.log).toEqual([]);
    patient.live(1);
    expect(patient.log).toEqual(["idleTimeout at 127"]);
  });

  test("is not idle while we do not listen", () => {
    const patient = new Patient({ idleTimeout: 6, pingInterval: Infinity });
    patient.deaf = true;
    patient.live(20);
    expect(patient.log).toEqual([]);
  });

  test("is retired when it is old enough, whatever it does", () => {
    const patient = new Patient({ maxLifetime: 6 });
    patient.busy = true;
    for (let i = 0; i < 10; i++) {
      patient.hear();
      patient.message();
      patient.live(1);
    }
    expect(patient.log).toEqual(["maxLifetime at 107"]);
  });
});
