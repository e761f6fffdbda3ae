import { expect, test } from "vitest";
import { utf8 } from "../support/bytes.ts";
import { ANSWERS, CONNECTION, HANDSHAKE, KIB, PIECES } from "./support/bounds.ts";
import { begin, close, half, handshake, text } from "./support/frames.ts";
import type { Peers } from "./support/peers.ts";
import type { Path, CodeCounts } from "./support/server.ts";
import { type Attack, attackProcesses } from "./support/attack.ts";

const startAttack = attackProcesses();

const COUNT = 50;

/** Bytes that wait for each peer that never reads. */
const QUEUE = 128 * KIB;

/** Where a connection is reset. */
interface Place {
  readonly when: string;
  /** Brings the peers to that state. */
  reach(attack: Attack): Promise<Peers>;
  /** Bytes that the server may hold for each in that state. */
  readonly bound: number;
  /** Calls of `onTerminate`, by code. */
  readonly ended: CodeCounts;
  /** Calls of `onError`, by `errCode`. */
  readonly errors: CodeCounts;
}

/** The stream failed, and the handler gets HWS_STREAM_FAILED. */
const lost = { bound: CONNECTION, ended: { 1006: COUNT }, errors: { 203: COUNT } };

/** No client was accepted. */
const unheard = { bound: HANDSHAKE, ended: {}, errors: {} };

async function asking(attack: Attack, bytes: Uint8Array): Promise<Peers> {
  const peers = await attack.peers(COUNT);
  await peers.send(bytes);
  return peers;
}

async function sending(attack: Attack, bytes: Uint8Array, path: Path = "/sink"): Promise<Peers> {
  const peers = await attack.peers(COUNT, { path });
  await peers.send(bytes);
  return peers;
}

/** Waits until each has a close frame. */
async function told(peers: Peers): Promise<Peers> {
  await peers.see(8, 1);
  return peers;
}

const places: readonly Place[] = [
  { when: "before it has sent anything", reach: (attack) => attack.peers(COUNT), ...unheard },
  { when: "within its handshake", reach: (attack) => asking(attack, handshake("/sink").subarray(0, 60)), ...unheard },
  {
    when: "while onConnection is pending",
    async reach(attack) {
      const peers = await asking(attack, handshake("/late"));
      await attack.until(({ asked }) => asked >= COUNT);
      return peers;
    },
    ...unheard,
  },
  { when: "while it is open", reach: (attack) => attack.peers(COUNT, { path: "/sink" }), ...lost },
  { when: "within a frame", reach: (attack) => sending(attack, half(100)), ...lost },
  {
    when: "within a long frame",
    reach: (attack) => sending(attack, half(20_000)),
    ...lost,
    bound: CONNECTION + PIECES,
  },
  {
    when: "within a fragmented message",
    reach: (attack) => sending(attack, begin(10)),
    ...lost,
    bound: CONNECTION + PIECES,
  },
  {
    when: "after our close frame",
    async reach(attack) {
      const peers = await attack.peers(COUNT, { path: "/sink" });
      await attack.server.call("terminate", "/sink", 4001);
      return told(peers);
    },
    ...lost,
    errors: {},
  },
  {
    when: "after its own close frame",
    reach: async (attack) => told(await sending(attack, close(4002))),
    ...lost,
    ended: { 4002: COUNT },
    errors: {},
  },
  {
    when: "after a frame that broke the protocol",
    reach: async (attack) => told(await sending(attack, utf8("GET / HTTP/1.1\r\n\r\n"))),
    ...lost,
    // HWS_RESERVED_BITS.
    errors: { 101: COUNT },
  },
  {
    when: "while its handler is pending",
    async reach(attack) {
      const before = await attack.state();
      const peers = await sending(attack, text("busy"), "/busy");
      await attack.until(({ messages }) => messages >= before.messages + COUNT);
      return peers;
    },
    ...lost,
  },
  {
    when: "while messages wait for it",
    async reach(attack) {
      const peers = await attack.peers(COUNT, { path: "/sink", reads: false });
      await attack.server.call("fill", "/sink", 16 * KIB, QUEUE);
      return peers;
    },
    ...lost,
    bound: CONNECTION + QUEUE + ANSWERS,
  },
];

test.each(places)("a connection that is reset $when leaves nothing", async (place) => {
  // A minute, so that no timer closes it.
  const attack = await startAttack({ handshakeTimeout: 60_000, closeTimeout: 60_000 });

  const peers = await place.reach(attack);
  const held = await attack.held();
  await peers.reset();
  await attack.held();
  // Where reading was stopped, the reset is seen when it goes on.
  await attack.server.call("release");

  expect(held).toBeLessThan(attack.bound(peers, place.bound));
  const state = await attack.isOver();
  expect(state.ended).toEqual(place.ended);
  expect(state.errors).toEqual(place.errors);
});
