import { afterAll, describe, expect, test, vi } from "vitest";
import { type Role, states, transitions } from "../../src/protocol/state.ts";
import { hex } from "../support/bytes.ts";
import { LateBlob } from "../support/late-blob.ts";
import { Session, broken, close, deferred, text } from "../support/session.ts";
import { turns } from "../support/wire.ts";
import { outgoing } from "../support/outgoing.ts";

/** Every edge that the connections of this file have taken: role, state, event, next state. */
const taken = vi.hoisted(() => new Set<string>());

vi.mock(import("../../src/protocol/state.ts"), async (original) => {
  const real = await original();
  return {
    ...real,
    nextState: (state, event, role) => {
      const next = real.nextState(state, event, role);
      if (next !== state) taken.add(`${role} ${state} ${event} ${next}`);
      return next;
    },
  };
});

/** A close frame as the other end of this role sends it: a server's is not masked. */
const closeTo = (role: Role): Uint8Array => (role === "server" ? close(1000) : hex("88 02 03 e8"));
const textTo = (role: Role): Uint8Array => (role === "server" ? text("a") : hex("81 01 61"));

type Drive = (session: Session, role: Role) => Promise<void> | void;

/** Brings a connection into a state. `deferred`: its handler waits for it. `blob`: it sends this. */
function driven(role: Role): { session: Session; handler: ReturnType<typeof deferred>; blob: LateBlob } {
  const handler = deferred();
  const blob = new LateBlob("late");
  const session = new Session({ message: () => handler.promise }, { role });
  return { session, handler, blob };
}

const roles: readonly Role[] = ["server", "client"];

/** The events that close a connection in every state. */
const EXITS: Readonly<Record<string, Drive>> = {
  "the stream is gone": ({ stream }) => {
    stream.destroy();
  },
  "it is destroyed": ({ connection }) => {
    connection.destroy();
  },
};

/** How to reach each state. The returned function continues from there in the usual way. */
const STATES: Readonly<Record<string, (role: Role) => Promise<{ session: Session; on: () => void }>>> = {
  open: async (role) => {
    const { session } = driven(role);
    await turns();
    return { session, on: session.stream.arriveEnd.bind(session.stream) };
  },
  peerClosing: async (role) => {
    const { session, handler } = driven(role);
    session.receive(textTo(role), closeTo(role));
    await turns();
    return { session, on: handler.resolve };
  },
  closeQueued: async (role) => {
    const { session, blob } = driven(role);
    session.connection.send(outgoing(blob));
    session.connection.close(1000);
    await turns();
    return { session, on: blob.read.bind(blob) };
  },
  answerQueued: async (role) => {
    const { session, blob } = driven(role);
    session.connection.send(outgoing(blob));
    session.receive(closeTo(role));
    await turns();
    return { session, on: blob.read.bind(blob) };
  },
  closeSent: async (role) => {
    const { session } = driven(role);
    session.connection.close(1000);
    await turns();
    return { session, on: session.receive.bind(session, closeTo(role)) };
  },
};

describe.each(roles)("a %s's connection", (role) => {
  describe.each(Object.keys(STATES))("in %s", (state) => {
    test.each(Object.keys(EXITS))("closes when %s", async (exit) => {
      const { session } = await STATES[state]!(role);
      await EXITS[exit]!(session, role);
      await turns(8);
      expect(session.connection.status).toBe("Closed");
      expect(session.calls.filter(([callback]) => callback === "terminate").length).toBeLessThanOrEqual(1);
    });

    test("goes on, and closes when the peer ends the stream", async () => {
      const { session, on } = await STATES[state]!(role);
      on();
      await turns(8);
      session.stream.arriveEnd();
      await turns(8);
      session.stream.destroy();
      await turns(8);
      expect(session.connection.status).toBe("Closed");
    });

    test("closes when the peer ends the stream at once", async () => {
      const { session, on } = await STATES[state]!(role);
      session.stream.arriveEnd();
      await turns(8);
      on();
      await turns(8);
      session.stream.destroy();
      await turns(8);
      expect(session.connection.status).toBe("Closed");
    });
  });

  test("that waits for a Blob before its close frame answers the peer's with that one", async () => {
    const { session, blob } = driven(role);
    session.connection.send(outgoing(blob));
    session.connection.close(4000, "bye");
    session.receive(closeTo(role));
    await turns();
    expect(session.connection.status).toBe("Closing");
    blob.read();
    await turns(8);
    expect(session.stream.ended).toBe(role === "server");
    session.stream.arriveEnd();
    await turns(8);
    expect(session.stream.ended).toBe(true);
  });
});

test("a client waits for the server to end TCP, and a server does not wait (RFC 6455 7.1.1)", async () => {
  for (const role of roles) {
    const { session } = driven(role);
    session.receive(closeTo(role));
    await turns(8);
    expect([role, session.stream.ended]).toEqual([role, role === "server"]);
    session.stream.arriveEnd();
    await turns(8);
    expect([role, session.stream.ended]).toEqual([role, true]);
  }
});

test.each(["the stream is gone", "it is destroyed"])("a client that waits for that closes when %s", async (exit) => {
  const { session } = driven("client");
  session.receive(closeTo("client"));
  await turns(8);
  expect(session.connection.status).toBe("Closing");
  await EXITS[exit]!(session, "client");
  await turns(8);
  expect(session.connection.status).toBe("Closed");
});

test("a frame that breaks a rule ends the connection", async () => {
  const { session } = driven("server");
  session.receive(broken);
  await turns(8);
  expect(session.connection.status).toBe("Closing");
});

afterAll(() => {
  const table = new Set<string>();
  for (const role of roles)
    for (const state of states)
      for (const [event, next] of Object.entries(transitions[state]))
        table.add(`${role} ${state} ${event} ${typeof next === "string" ? next : next[role]}`);
  // A server never awaits the end, so it has no edges from there.
  for (const edge of table) if (edge.startsWith("server awaitingEnd ")) table.delete(edge);
  expect([...taken].sort()).toEqual([...table].sort());
});
