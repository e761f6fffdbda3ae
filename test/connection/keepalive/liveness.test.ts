import { describe, expect, test } from "vitest";
import { hex } from "../../support/bytes.ts";
import { LivenessRig } from "../../support/liveness-rig.ts";
import { Wire } from "../../support/wire.ts";

describe("a silent peer", () => {
  test("is pinged after pingInterval, and dead after pingTimeout", () => {
    const liveness = new LivenessRig();
    liveness.live(10);
    expect(liveness.log).toEqual(["ping at 104", "dead at 107"]);
  });

  test("is alive with any byte, and its silence counts from that byte", () => {
    const liveness = new LivenessRig();
    liveness.live(6);
    liveness.receive();
    liveness.live(3);
    expect(liveness.log).toEqual(["ping at 104"]);
    liveness.live(4);
    expect(liveness.log).toEqual(["ping at 104", "ping at 110", "dead at 113"]);
  });

  test("is pinged again with the same payload: any of the pongs answers", async () => {
    const liveness = new LivenessRig();
    liveness.live(6);
    liveness.receive();
    liveness.live(4);
    expect(liveness.asked).toHaveLength(2);
    expect(liveness.asked[0]).toEqual(liveness.asked[1]);
    const answer = liveness.measureRoundTrip();
    liveness.onPong(liveness.asked[0]!);
    expect(await answer).toBeGreaterThanOrEqual(0);
  });

  test("gets a new ping when it has answered the last one", () => {
    const liveness = new LivenessRig();
    for (let i = 0; i < 3; i++) {
      liveness.live(4);
      liveness.receive();
      liveness.onPong(liveness.asked.at(-1)!);
    }
    expect(liveness.log).toEqual(["ping at 104", "ping at 108", "ping at 112"]);
    expect(new Set(liveness.asked.map((payload) => payload.latin1Slice(0, 4))).size).toBe(3);
  });

  test("has pingTimeout for the application's ping, also if something was received just before it", () => {
    const liveness = new LivenessRig({ pingInterval: 30 });
    liveness.live(2);
    liveness.receive();
    void liveness.measureRoundTrip();
    liveness.live(10);
    expect(liveness.log).toEqual(["ping at 102", "dead at 105"]);
  });

  test("is alive with any byte after the application's ping, also in the same tick", () => {
    const liveness = new LivenessRig({ pingInterval: 5 });
    liveness.live(2);
    void liveness.measureRoundTrip();
    liveness.receive();
    liveness.live(5);
    expect(liveness.log).toEqual(["ping at 102"]);
    liveness.live(6);
    expect(liveness.log).toEqual(["ping at 102", "ping at 108", "dead at 111"]);
  });

  test("is not pinged when it is not open any more", () => {
    const liveness = new LivenessRig();
    liveness.open = false;
    liveness.live(10);
    expect(liveness.log).toEqual([]);
  });

  test("is never pinged without an interval, and not dead without an answer to the user's own ping", () => {
    const liveness = new LivenessRig({ pingInterval: Infinity, pingTimeout: Infinity });
    void liveness.measureRoundTrip();
    liveness.live(1000);
    expect(liveness.log).toEqual(["ping at 100"]);
  });
});

describe("a peer that is not read", () => {
  test("is pinged, so that the system finds a lost connection, and lives", () => {
    const liveness = new LivenessRig();
    liveness.readingStopped = true;
    liveness.live(12);
    expect(liveness.log).toEqual(["ping at 104", "ping at 108", "ping at 112"]);
  });

  test("has its whole time again when it is read again", () => {
    const liveness = new LivenessRig();
    liveness.readingStopped = true;
    liveness.live(7);
    liveness.readingStopped = false;
    liveness.receive();
    liveness.live(6);
    expect(liveness.log).toEqual(["ping at 104", "ping at 111"]);
    liveness.live(1);
    expect(liveness.log.at(-1)).toBe("dead at 114");
  });
});

describe("a peer that takes written bytes slowly", () => {
  /** A peer for which four writes wait. */
  function slow(): LivenessRig {
    const stream = new Wire();
    stream.stick();
    for (let i = 0; i < 4; i++) stream.write(hex("00"));
    return new LivenessRig({}, stream);
  }

  test("lives while it takes some of them between two checks", () => {
    const liveness = slow();
    liveness.live(5);
    liveness.take();
    liveness.live(3);
    expect(liveness.log).toEqual(["ping at 104"]);
    // It took something at 106: one interval, then one timeout.
    liveness.live(10);
    expect(liveness.log).toEqual(["ping at 104", "ping at 110", "dead at 113"]);
  });

  test("is dead when it stops taking bytes", () => {
    const liveness = slow();
    liveness.live(10);
    expect(liveness.log).toEqual(["ping at 104", "dead at 107"]);
  });

  test("is not alive because of bytes that are written meanwhile", () => {
    const liveness = slow();
    liveness.live(5);
    liveness.write();
    liveness.live(5);
    expect(liveness.log).toEqual(["ping at 104", "dead at 107"]);
  });
});

describe("a ping after written bytes", () => {
  const HALF_MIB = 512 * 1024;

  test("has one more timeout for each 512 KiB", () => {
    const liveness = new LivenessRig();
    liveness.written = 3 * HALF_MIB;
    liveness.live(12);
    expect(liveness.log).toEqual(["ping at 104"]);
    liveness.live(1);
    expect(liveness.log).toEqual(["ping at 104", "dead at 113"]);
  });

  test("has the timeouts of 4 MiB for more than 4 MiB", () => {
    const liveness = new LivenessRig();
    liveness.written = 100 * HALF_MIB;
    liveness.live(22);
    expect(liveness.log).toEqual(["ping at 104"]);
    liveness.live(1);
    expect(liveness.log).toEqual(["ping at 104", "dead at 123"]);
  });

  test("has no more timeouts for bytes written after it", () => {
    const liveness = new LivenessRig();
    liveness.live(4);
    liveness.written = 8 * HALF_MIB;
    liveness.live(5);
    expect(liveness.log).toEqual(["ping at 104", "dead at 107"]);
  });

  test("has no more timeouts for bytes written before the peer last sent something: those have arrived", () => {
    const liveness = new LivenessRig();
    liveness.written = 8 * HALF_MIB;
    liveness.live(2);
    liveness.receive();
    liveness.live(8);
    expect(liveness.log).toEqual(["ping at 106", "dead at 109"]);
  });

  test("has more timeouts only for bytes written since then", () => {
    const liveness = new LivenessRig();
    liveness.written = 8 * HALF_MIB;
    liveness.receive();
    liveness.written += HALF_MIB;
    liveness.live(10);
    expect(liveness.log).toEqual(["ping at 104", "dead at 109"]);
  });

  test("has more timeouts for bytes that the system took while the peer sent nothing", () => {
    class Taker extends LivenessRig {
      override take(): void {
        this.noteProgress();
      }
    }
    const liveness = new Taker();
    liveness.written = HALF_MIB;
    liveness.live(2);
    liveness.take();
    liveness.live(8);
    expect(liveness.log).toEqual(["ping at 106"]);
    liveness.live(1);
    expect(liveness.log).toEqual(["ping at 106", "dead at 111"]);
  });

  test("has more timeouts when the count of written bytes has overflowed", () => {
    const liveness = new LivenessRig();
    liveness.written = 2 ** 31 - 1;
    liveness.receive();
    // 32 bits hold no larger count.
    liveness.written = (2 ** 31 - 1 + HALF_MIB) | 0;
    expect(liveness.written).toBeLessThan(0);
    liveness.live(10);
    expect(liveness.log).toEqual(["ping at 104", "dead at 109"]);
  });
});

describe("a peer that has closed, while its handler is pending", () => {
  /** A peer for which `waiting` writes wait. */
  function leaving(life: ConstructorParameters<typeof LivenessRig>[0] = {}, waiting = 0): LivenessRig {
    const stream = new Wire();
    stream.stick();
    for (let i = 0; i < waiting; i++) stream.write(hex("00"));
    const liveness = new LivenessRig(life, stream);
    liveness.left = true;
    return liveness;
  }

  test("is not pinged: it would not answer", async () => {
    const liveness = leaving();
    expect(await liveness.measureRoundTrip()).toBeUndefined();
    liveness.live(4);
    expect(liveness.asked).toEqual([]);
    expect(await liveness.measureRoundTrip()).toBeUndefined();
    expect(liveness.asked).toEqual([]);
  });

  test("is dead when it takes nothing during the time to answer", () => {
    const liveness = leaving({}, 2);
    liveness.live(6);
    expect(liveness.log).toEqual([]);
    liveness.live(1);
    expect(liveness.log).toEqual(["dead at 107"]);
  });

  test("lives while it takes bytes", () => {
    const liveness = leaving({}, 2);
    for (let i = 0; i < 2; i++) {
      liveness.live(5);
      liveness.take();
    }
    // It took something at 106 and 111: one interval, then the time to answer.
    liveness.live(7);
    expect(liveness.log).toEqual([]);
    liveness.live(1);
    expect(liveness.log).toEqual(["dead at 118"]);
  });

  test("is not dead when it is not read", () => {
    const liveness = leaving({}, 2);
    liveness.readingStopped = true;
    liveness.live(1000);
    expect([liveness.log, liveness.asked]).toEqual([[], []]);
  });

  test("is closed after maxLifetime, read or not", () => {
    for (const readingStopped of [false, true]) {
      const liveness = leaving({ maxLifetime: 6, pingInterval: 100 });
      liveness.readingStopped = readingStopped;
      liveness.live(10);
      expect(liveness.log).toEqual(["maxLifetime at 107"]);
    }
  });

  test("that was pinged before it closed settles the measurement when the connection ends", async () => {
    const liveness = new LivenessRig();
    const answer = liveness.measureRoundTrip();
    liveness.left = true;
    expect(await liveness.measureRoundTrip()).toBeUndefined();
    expect(liveness.asked).toHaveLength(1);
    liveness.stop();
    expect(await answer).toBeUndefined();
  });
});

describe("a connection with a time limit", () => {
  test("is closed when it was idle for too long: bytes are not messages", () => {
    const liveness = new LivenessRig({ idleTimeout: 6 });
    for (let i = 0; i < 10; i++) {
      liveness.receive();
      liveness.live(1);
    }
    expect(liveness.log).toEqual(["idleTimeout at 107"]);
  });

  test("is not idle when a message came or was sent", () => {
    const liveness = new LivenessRig({ idleTimeout: 6, pingInterval: Infinity });
    liveness.live(6);
    liveness.message();
    liveness.live(6);
    expect(liveness.log).toEqual([]);
    liveness.live(1);
    expect(liveness.log).toEqual(["idleTimeout at 113"]);
  });

  test("is not idle while its handler is pending, and has its whole time after that", () => {
    const liveness = new LivenessRig({ idleTimeout: 6, pingInterval: Infinity });
    liveness.busy = true;
    liveness.live(20);
    liveness.busy = false;
    liveness.live(6);
    expect(liveness.log).toEqual([]);
    liveness.live(1);
    expect(liveness.log).toEqual(["idleTimeout at 127"]);
  });

  test("is not idle while it is not read", () => {
    const liveness = new LivenessRig({ idleTimeout: 6, pingInterval: Infinity });
    liveness.readingStopped = true;
    liveness.live(20);
    expect(liveness.log).toEqual([]);
  });

  test("is closed after maxLifetime, whatever it does", () => {
    const liveness = new LivenessRig({ maxLifetime: 6 });
    liveness.busy = true;
    for (let i = 0; i < 10; i++) {
      liveness.receive();
      liveness.message();
      liveness.live(1);
    }
    expect(liveness.log).toEqual(["maxLifetime at 107"]);
  });
});
