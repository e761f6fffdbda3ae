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
    const answer = patient.measureRoundTrip();
    patient.onPong(patient.asked[0]!);
    expect(await answer).toBeGreaterThanOrEqual(0);
  });

  test("is asked with a new ping when it has answered the last", () => {
    const patient = new Patient();
    for (let i = 0; i < 3; i++) {
      patient.live(4);
      patient.hear();
      patient.onPong(patient.asked.at(-1)!);
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
    void patient.measureRoundTrip();
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

describe("a ping behind what was written", () => {
  const HALF_MIB = 512 * 1024;

  test("has one timeout more for each 512 KiB", () => {
    const patient = new Patient();
    patient.written = 3 * HALF_MIB;
    patient.live(12);
    expect(patient.log).toEqual(["ping at 104"]);
    patient.live(1);
    expect(patient.log).toEqual(["ping at 104", "dead at 113"]);
  });

  test("has that of 4 MiB for more than those", () => {
    const patient = new Patient();
    patient.written = 100 * HALF_MIB;
    patient.live(22);
    expect(patient.log).toEqual(["ping at 104"]);
    patient.live(1);
    expect(patient.log).toEqual(["ping at 104", "dead at 123"]);
  });

  test("has none for what is written behind it", () => {
    const patient = new Patient();
    patient.live(4);
    patient.written = 8 * HALF_MIB;
    patient.live(5);
    expect(patient.log).toEqual(["ping at 104", "dead at 107"]);
  });

  test("has none for what was written before the peer was last heard: that has come", () => {
    const patient = new Patient();
    patient.written = 8 * HALF_MIB;
    patient.live(2);
    patient.hear();
    patient.live(8);
    expect(patient.log).toEqual(["ping at 106", "dead at 109"]);
  });

  test("has some for what was written since then alone", () => {
    const patient = new Patient();
    patient.written = 8 * HALF_MIB;
    patient.hear();
    patient.written += HALF_MIB;
    patient.live(10);
    expect(patient.log).toEqual(["ping at 104", "dead at 109"]);
  });

  test("has some for what was taken without a word: the system took that, not the peer", () => {
    class Taker extends Patient {
      override take(): void {
        this.noteProgress();
      }
    }
    const patient = new Taker();
    patient.written = HALF_MIB;
    patient.live(2);
    patient.take();
    patient.live(8);
    expect(patient.log).toEqual(["ping at 106"]);
    patient.live(1);
    expect(patient.log).toEqual(["ping at 106", "dead at 111"]);
  });

  test("has some where the count of what was written has begun again at nothing", () => {
    const patient = new Patient();
    patient.written = 2 ** 31 - 1;
    patient.hear();
    // 32 bits hold no more.
    patient.written = (2 ** 31 - 1 + HALF_MIB) | 0;
    expect(patient.written).toBeLessThan(0);
    patient.live(10);
    expect(patient.log).toEqual(["ping at 104", "dead at 109"]);
  });
});

describe("a peer that has said goodbye, and whose handler is still at work", () => {
  /** One to whom `waiting` writes wait. */
  function leaving(life: ConstructorParameters<typeof Patient>[0] = {}, waiting = 0): Patient {
    const stream = new Wire();
    stream.stick();
    for (let i = 0; i < waiting; i++) stream.write(hex("00"));
    const patient = new Patient(life, stream);
    patient.left = true;
    return patient;
  }

  test("is not asked anything: it would not answer", async () => {
    const patient = leaving();
    expect(await patient.measureRoundTrip()).toBeUndefined();
    patient.live(4);
    expect(patient.asked).toEqual([]);
    expect(await patient.measureRoundTrip()).toBeUndefined();
    expect(patient.asked).toEqual([]);
  });

  test("is dead when it takes nothing in the time in which it would have to answer", () => {
    const patient = leaving({}, 2);
    patient.live(6);
    expect(patient.log).toEqual([]);
    patient.live(1);
    expect(patient.log).toEqual(["dead at 107"]);
  });

  test("lives as long as it takes something", () => {
    const patient = leaving({}, 2);
    for (let i = 0; i < 2; i++) {
      patient.live(5);
      patient.take();
    }
    // It was seen taking something at 106 and 111: an interval, and the time to answer.
    patient.live(7);
    expect(patient.log).toEqual([]);
    patient.live(1);
    expect(patient.log).toEqual(["dead at 118"]);
  });

  test("is not dead where nobody listens to it", () => {
    const patient = leaving({}, 2);
    patient.deaf = true;
    patient.live(1000);
    expect([patient.log, patient.asked]).toEqual([[], []]);
  });

  test("is retired when it is old enough, deaf or not", () => {
    for (const deaf of [false, true]) {
      const patient = leaving({ maxLifetime: 6, pingInterval: 100 });
      patient.deaf = deaf;
      patient.live(10);
      expect(patient.log).toEqual(["maxLifetime at 107"]);
    }
  });

  test("that was asked before it left settles who waits for the pong when it is gone", async () => {
    const patient = new Patient();
    const answer = patient.measureRoundTrip();
    patient.left = true;
    expect(await patient.measureRoundTrip()).toBeUndefined();
    expect(patient.asked).toHaveLength(1);
    patient.leave();
    expect(await answer).toBeUndefined();
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
