// Hostile peers in a child process. `Remote` starts it by its path and calls it.
import { HostilePeer, type PeerOptions } from "./peer.ts";
import { serve } from "./remote.ts";

/** Connects at the same time: below the backlog of a listening server. */
const AT_ONCE = 100;

/** Milliseconds between two bytes of a slow peer. */
const BETWEEN_BYTES = 2;

let groups: HostilePeer[][] = [];
let beats: NodeJS.Timeout[] = [];

/** Milliseconds between two checks for the next sender. */
const BEAT = 10;

function group(number: number): HostilePeer[] {
  const peers = groups[number];
  if (peers === undefined) throw new Error(`there is no group ${number}`);
  return peers;
}

const methods = {
  /** Connects this many peers. Returns the number of their group. */
  async open(count: number, options: PeerOptions): Promise<number> {
    const peers: HostilePeer[] = [];
    let begun = 0;
    const connect = async (): Promise<void> => {
      while (begun++ < count) peers.push(await HostilePeer.open(options));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, connect));
    return groups.push(peers) - 1;
  },

  /** Each peer sends the same bytes this many times, as fast as the server takes them. */
  async send(number: number, bytes: Uint8Array, times: number): Promise<void> {
    await Promise.all(group(number).map((peer) => peer.send(bytes, times)));
  },

  /** Each peer sends the bytes one by one. With `endless`, again and again until the server has ended it. */
  async drip(number: number, bytes: Uint8Array, endless: boolean): Promise<void> {
    let peers = group(number);
    do {
      for (let at = 0; at < bytes.length && peers.length > 0; at++) {
        for (const peer of peers) void peer.send(bytes.subarray(at, at + 1), 1);
        await new Promise((resolve) => setTimeout(resolve, BETWEEN_BYTES));
        peers = peers.filter((peer) => !peer.over);
      }
    } while (endless && peers.length > 0);
  },

  /** From now on each peer sends the bytes once in this many milliseconds, not all at the same time. */
  beat(number: number, bytes: Uint8Array, period: number): void {
    const peers = group(number);
    const begun = performance.now();
    let sent = 0;
    const turn = (): void => {
      const due = ((performance.now() - begun) / period) * peers.length;
      for (; sent < due; sent++) void peers[sent % peers.length]?.send(bytes, 1);
    };
    beats.push(setInterval(turn, BEAT));
  },

  /** Waits until each peer has received this many frames with an opcode. */
  async see(number: number, opcode: number, count: number): Promise<void> {
    await Promise.all(group(number).map((peer) => peer.sees(opcode, count)));
  },

  /** How many frames with an opcode each peer has received. */
  seen(number: number, opcode: number): number[] {
    return group(number).map(({ received }) => received.frames.get(opcode) ?? 0);
  },

  /** Starts to read, or stops. */
  flow(number: number, reads: boolean): void {
    for (const peer of group(number)) peer.flow(reads);
  },

  /** Each peer ends its half. */
  end(number: number): void {
    for (const peer of group(number)) peer.end();
  },

  /** Each peer resets its connection. */
  reset(number: number): void {
    for (const peer of group(number)) peer.reset();
  },

  /** Waits until all connections have ended. Returns the count of each kind of end. */
  async outcomes(number: number): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const peer of group(number)) {
      const outcome = await peer.outcome;
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
    return counts;
  },

  /** Resets all connections and forgets them. */
  clear(): void {
    for (const beat of beats) clearInterval(beat);
    beats = [];
    for (const peer of groups.flat()) peer.reset();
    groups = [];
  },
};

/** The methods of the peer process. */
export type SwarmMethods = typeof methods;

serve(methods);
