import { describe, expect, test } from "vitest";
import { connectionLimitNames, zeroCounters } from "../../../src/connection/counters/limit-counters.ts";
import { copy } from "../../support/bytes.ts";
import { asClient, encode } from "../../support/frames.ts";
import { Session, type SessionOptions, deferred, ping, text } from "../../support/session.ts";
import { framesIn } from "../../support/sent-frames.ts";
import { Wire, turns } from "../../support/wire.ts";
import { outgoing } from "../../support/outgoing.ts";
import { SharedMessage } from "../../../src/connection/sending/shared-message.ts";

const LIFE = { tickMs: 1000, pingInterval: 3, pingTimeout: 2, idleTimeout: Infinity, maxLifetime: Infinity };

const OPEN = ["open"];
const DEAD = [OPEN, ["error", 208], ["terminate", 1006, undefined, "Closed"]];

/** A session whose clock ticks, and which is checked in each tick. */
function living(options: SessionOptions = {}, react: ConstructorParameters<typeof Session>[0] = {}) {
  const limitCounters = zeroCounters(connectionLimitNames);
  const session = new Session(react, { keepalive: LIFE, limitCounters, ...options });
  const live = async (ticks: number): Promise<void> => {
    for (let i = 0; i < ticks; i++) {
      session.currentTick++;
      session.connection.checkPeer();
      await turns(2);
    }
  };
  return { session, limitCounters, live, pings: () => session.sent.filter(([kind]) => kind === "ping").length };
}

/** The client's answer to the last ping. */
function pong({ stream }: Session): Uint8Array {
  const pings = framesIn(stream.taken.subarray(4)).filter(({ opcode }) => opcode === 9);
  return asClient(encode({ opcode: 10, payload: copy(pings.at(-1)!.payload) }));
}

describe("a silent peer", () => {
  test("is pinged, and its connection fails without a close frame when nothing comes", async () => {
    const { session, limitCounters, live } = living();
    await live(6);
    expect(session.sent).toEqual([["ping", expect.stringMatching(/^[0-9a-f]{8}$/)]]);
    expect(session.calls).toEqual([OPEN]);
    expect(limitCounters.pingTimeout).toBe(0);
    await live(1);
    expect(session.calls).toEqual(DEAD);
    expect(session.sent).toHaveLength(1);
    expect([limitCounters.pingTimeout, session.stream.destroyed]).toEqual([1, true]);
    await live(10);
    expect([limitCounters.pingTimeout, session.calls.length]).toEqual([1, 3]);
  });

  test.each([
    ["a message", text("x")],
    ["a ping of its own", ping("x")],
    ["a foreign pong", asClient(encode({ opcode: 10, payload: Buffer.from("mine") }))],
    ["a byte of a frame", text("x").subarray(0, 1)],
  ])("lives with %s, and is pinged again when nothing more comes", async (_what, bytes) => {
    const { session, live, pings } = living();
    await live(6);
    session.receive(bytes);
    await live(4);
    expect([pings(), session.connection.status]).toEqual([2, "Connected"]);
    await live(3);
    expect(session.connection.status).toBe("Closed");
  });

  test("is not dead after our own close frame: that has its own timeout", async () => {
    const { session, limitCounters, live } = living();
    session.connection.close(1000);
    await live(20);
    expect([limitCounters.pingTimeout, session.connection.status]).toEqual([0, "Closing"]);
  });
});

describe("a peer that answers", () => {
  test("lives, and is pinged again after each silence", async () => {
    const { session, live, pings } = living();
    for (let i = 0; i < 5; i++) {
      await live(4);
      session.receive(pong(session));
      await turns();
    }
    expect([pings(), session.connection.status]).toEqual([5, "Connected"]);
  });

  test("settles measure() with its pong", async () => {
    const { session } = living();
    const answer = session.connection.measureRoundTrip();
    await turns();
    session.receive(pong(session));
    expect(await answer).toBeTypeOf("number");
  });

  test("that disconnects instead settles measure() with undefined", async () => {
    const { session } = living();
    const answer = session.connection.measureRoundTrip();
    session.stream.reset();
    expect(await answer).toBeUndefined();
    expect(await session.connection.measureRoundTrip()).toBeUndefined();
  });
});

describe("a peer that is not read", () => {
  /** A session whose handler is pending until the test resolves it. So much waits for it that reading is paused. */
  async function paused() {
    const work = deferred();
    const rig = living({}, { message: () => work.promise });
    rig.session.receive(text("work"), text("x".repeat(70_000)));
    await turns();
    expect(rig.session.stream.isPaused()).toBe(true);
    return { ...rig, work };
  }

  test("is pinged and lives, however long the handler takes", async () => {
    const { session, live, pings } = await paused();
    await live(40);
    expect([pings(), session.connection.status]).toEqual([10, "Connected"]);
  });

  test("has its whole time again when it is read again", async () => {
    const { session, work, live, pings } = await paused();
    await live(7);
    work.resolve();
    await turns();
    expect(session.stream.isPaused()).toBe(false);
    await live(6);
    expect([pings(), session.connection.status]).toEqual([2, "Connected"]);
    await live(1);
    expect(session.connection.status).toBe("Closed");
  });
});

describe("a peer that takes slowly", () => {
  test("lives while it takes bytes, and is dead when it does not", async () => {
    const stream = new Wire({ highWaterMark: 1 });
    const { session, live } = living({ stream });
    await turns();
    stream.stick();
    session.connection.send(outgoing("first"));
    await turns();
    session.connection.send(outgoing("second"));
    await live(5);
    stream.takeOne();
    await live(5);
    expect(session.connection.status).toBe("Connected");
    await live(5);
    expect(session.connection.status).toBe("Closed");
  });
});

describe("a connection with a time limit", () => {
  test.each([
    ["idleTimeout", "idle timeout"],
    ["maxLifetime", "max lifetime"],
  ] as const)("is closed with 1001 and a reason, and counted: %s", async (limit, reason) => {
    const { session, limitCounters, live } = living({ keepalive: { ...LIFE, pingInterval: Infinity, [limit]: 6 } });
    await live(6);
    expect(session.sent).toEqual([]);
    await live(10);
    expect(session.sent).toEqual([["close", `1001 ${reason}`]]);
    expect(limitCounters[limit]).toBe(1);
  });

  test("is not idle when messages come or are sent, as strings or bytes; pings do not count", async () => {
    const { session, live } = living({ keepalive: { ...LIFE, pingInterval: Infinity, idleTimeout: 6 } });
    await live(6);
    session.receive(text("x"));
    await turns();
    await live(6);
    session.connection.send(outgoing("x"));
    await live(6);
    session.connection.send(new SharedMessage(outgoing("x")));
    await live(6);
    expect(session.connection.status).toBe("Connected");
    session.receive(ping("x"));
    await live(1);
    expect(session.sent.at(-1)).toEqual(["close", "1001 idle timeout"]);
  });

  test("is not idle while its handler is pending", async () => {
    const work = deferred();
    const { session, live } = living(
      { keepalive: { ...LIFE, pingInterval: Infinity, idleTimeout: 6 } },
      { message: () => work.promise },
    );
    session.receive(text("work"));
    await live(20);
    work.resolve();
    await turns();
    await live(6);
    expect(session.connection.status).toBe("Connected");
    await live(1);
    expect(session.sent).toEqual([["close", "1001 idle timeout"]]);
  });
});
