import { expect, test } from "vitest";
import { utf8 } from "../support/bytes.ts";
import { ANSWERS, CONNECTION, HANDSHAKE, KIB, PIECES } from "./support/bounds.ts";
import { begin, close, half, handshake, text } from "./support/frames.ts";
import type { Peers } from "./support/peers.ts";
import type { Path, Tally } from "./support/server.ts";
import { type Siege, armies } from "./support/siege.ts";

const besiege = armies();

const COUNT = 50;

/** Bytes that wait for peers that never read. */
const QUEUE = 128 * KIB;

/** Where a connection is reset. */
interface Place {
  readonly when: string;
  /** Brings the peers there. */
  reach(siege: Siege): Promise<Peers>;
  /** Bytes that the server may hold for each when they are there. */
  readonly bound: number;
  /** Calls of `onTerminate`, by code. */
  readonly ended: Tally;
  /** Calls of `onError`, by `errCode`. */
  readonly errors: Tally;
}

/** The stream failed, and the handler is told so: HWS_STREAM_FAILED. */
const lost = { bound: CONNECTION, ended: { 1006: COUNT }, errors: { 203: COUNT } };

/** Nobody was let in. */
const unheard = { bound: HANDSHAKE, ended: {}, errors: {} };

async function asking(siege: Siege, bytes: Uint8Array): Promise<Peers> {
  const peers = await siege.peers(COUNT);
  await peers.send(bytes);
  return peers;
}

async function sending(siege: Siege, bytes: Uint8Array, path: Path = "/sink"): Promise<Peers> {
  const peers = await siege.peers(COUNT, { path });
  await peers.send(bytes);
  return peers;
}

/** Waits until each has a close frame. */
async function told(peers: Peers): Promise<Peers> {
  await peers.see(8, 1);
  return peers;
}

const places: readonly Place[] = [
  { when: "before it has sent anything", reach: (siege) => siege.peers(COUNT), ...unheard },
  { when: "within its handshake", reach: (siege) => asking(siege, handshake("/sink").subarray(0, 60)), ...unheard },
  {
    when: "while onConnection is busy",
    async reach(siege) {
      const peers = await asking(siege, handshake("/late"));
      await siege.until(({ asked }) => asked >= COUNT);
      return peers;
    },
    ...unheard,
  },
  { when: "while it is open", reach: (siege) => siege.peers(COUNT, { path: "/sink" }), ...lost },
  { when: "within a frame", reach: (siege) => sending(siege, half(100)), ...lost },
  { when: "within a long frame", reach: (siege) => sending(siege, half(20_000)), ...lost, bound: CONNECTION + PIECES },
  {
    when: "within a fragmented message",
    reach: (siege) => sending(siege, begin(10)),
    ...lost,
    bound: CONNECTION + PIECES,
  },
  {
    when: "behind our close frame",
    async reach(siege) {
      const peers = await siege.peers(COUNT, { path: "/sink" });
      await siege.server.call("terminate", "/sink", 4001);
      return told(peers);
    },
    ...lost,
    errors: {},
  },
  {
    when: "behind its own close frame",
    reach: async (siege) => told(await sending(siege, close(4002))),
    ...lost,
    ended: { 4002: COUNT },
    errors: {},
  },
  {
    when: "behind a frame that broke the rules",
    reach: async (siege) => told(await sending(siege, utf8("GET / HTTP/1.1\r\n\r\n"))),
    ...lost,
    // HWS_RESERVED_BITS.
    errors: { 101: COUNT },
  },
  {
    when: "while its handler is busy",
    async reach(siege) {
      const before = await siege.state();
      const peers = await sending(siege, text("busy"), "/busy");
      await siege.until(({ messages }) => messages >= before.messages + COUNT);
      return peers;
    },
    ...lost,
  },
  {
    when: "while messages wait for it",
    async reach(siege) {
      const peers = await siege.peers(COUNT, { path: "/sink", reads: false });
      await siege.server.call("fill", "/sink", 16 * KIB, QUEUE);
      return peers;
    },
    ...lost,
    bound: CONNECTION + QUEUE + ANSWERS,
  },
];

test.each(places)("a connection that is reset $when leaves nothing", async (place) => {
  // A minute: what is gone is not gone by a timer.
  const siege = await besiege({ handshakeTimeout: 60_000, closeTimeout: 60_000 });

  const peers = await place.reach(siege);
  const held = await siege.held();
  await peers.reset();
  await siege.held();
  // Where reading stopped, the reset is seen when it goes on.
  await siege.server.call("release");

  expect(held).toBeLessThan(siege.bound(peers, place.bound));
  const state = await siege.isOver();
  expect(state.ended).toEqual(place.ended);
  expect(state.errors).toEqual(place.errors);
});
