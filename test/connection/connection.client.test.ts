import { afterEach, describe, expect, test, vi } from "vitest";
import { asBytes } from "../../src/protocol/bytes.ts";
import { fill, hex, toHex } from "../support/bytes.ts";
import { read } from "../support/read-frames.ts";
import { type React, Session } from "../support/session.ts";
import { Wire, turns } from "../support/wire.ts";
import { outgoing } from "../support/outgoing.ts";

/** A placeholder for the request, before the first frame. */
const PREAMBLE = 4;

/** A connection in a client's role, and what a server reads from it. */
function client(react: React = {}, closeTimeout = 60_000) {
  const stream = new Wire();
  const session = new Session(react, { stream, role: "client", closeTimeout });
  const sent = () => {
    const bytes = stream.taken;
    return read([asBytes(Uint8Array.from(bytes.subarray(PREAMBLE)))], { role: "server" });
  };
  return { session, sent };
}

afterEach(() => {
  vi.useRealTimers();
});

describe("a connection in a client's role", () => {
  test("sends masked frames of every kind, which a server reads, and leaves the caller's bytes as they are", async () => {
    const { session, sent } = client();
    const large = fill(7, 100_000);
    const small = hex("01 02 03");
    const before = [toHex(large), toHex(small)];
    for (const message of ["text", "é", small, large, "text", "text"]) session.connection.send(outgoing(message));
    await turns();
    session.receive(hex("89 01 61"));
    await turns();
    session.connection.close(4000, "bye");
    await turns();
    expect(sent()).toEqual([
      ["text", "text"],
      ["text", "é"],
      ["binary", "010203"],
      ["binary", before[0]],
      ["text", "text"],
      ["text", "text"],
      ["pong", "61"],
      ["close", 4000, "bye"],
    ]);
    expect([toHex(large), toHex(small)]).toEqual(before);
  });

  test("masks each frame with a key of its own", async () => {
    const { session } = client();
    for (let i = 0; i < 20; i++) {
      session.connection.send(outgoing("same"));
      await turns(1);
    }
    const frames = session.stream.taken.subarray(PREAMBLE);
    const keys = Array.from({ length: 20 }, (_, i) => toHex(frames.subarray(i * 10 + 2, i * 10 + 6)));
    expect(new Set(keys).size).toBeGreaterThan(15);
  });

  test("reads frames that are not masked, and fails the connection at one that is (RFC 6455 5.1)", async () => {
    const { session, sent } = client();
    session.receive(hex("81 02 68 69"));
    await turns();
    expect(session.calls).toEqual([["open"], ["message", "hi"]]);
    session.receive(hex("81 82 00 00 00 00 68 69"));
    await turns();
    expect(sent()).toEqual([["close", 1002, "frame masked"]]);
  });

  test("answers the server's close frame after closeTimeout though its handler is busy, and waits for the end as long again", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const { session, sent } = client({ message: () => new Promise(() => undefined) }, 5000);
    session.receive(hex("81 01 61 81 01 62 88 02 03 e8"));
    await turns();
    vi.advanceTimersByTime(4999);
    await turns();
    expect(sent()).toEqual([]);
    vi.advanceTimersByTime(1);
    await turns();
    expect(sent()).toEqual([["close", 1000, undefined]]);
    expect(session.told).toEqual([]);
    vi.advanceTimersByTime(5000);
    await turns();
    expect(session.told).toEqual(["left"]);
    expect(vi.getTimerCount()).toBe(0);
    session.connection.dispatcher.stopWaiting();
    expect(session.calls.at(-1)).toEqual(["terminate", 1000, undefined, "Closed"]);
  });
});
