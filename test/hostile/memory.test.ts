import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { isLong } from "../support/long.ts";
import { turn, until } from "../support/peer.ts";
import { pausedPeer } from "../support/slow-peer.ts";
import { ANSWERS, CONNECTION, KIB, MIB } from "./support/bounds.ts";
import { text } from "./support/frames.ts";
import { attackProcesses } from "./support/attack.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

describe("a written message is not kept in memory while others wait", () => {
  const SIZE = 512 * KIB;
  const COUNT = 80;
  /** Too few messages to make a list drop its used front part. */
  const WRITTEN = 24;
  /** Messages that Node may hold although the system has them, and one that was taken partly. */
  const ON_THE_WAY = 8;

  test.each(["terminate", "drop-newest", "drop-oldest", "latest"] as const)("%s", async (sendQueuePolicy) => {
    const { ws, peer } = await pausedPeer({ sendQueuePolicy, maxSendQueue: COUNT * SIZE });
    const sent = Array.from({ length: COUNT }, (_, i) => {
      const message = Buffer.allocUnsafeSlow(SIZE);
      ws.send(message, { key: String(i) });
      return new WeakRef(message);
    });
    peer.socket.on("message", () => {
      if (ws.counters.written >= WRITTEN) peer.socket.pause();
    });
    peer.socket.resume();
    await until(() => ws.counters.written >= WRITTEN && peer.socket.isPaused);
    const kept = (): number => sent.filter((message) => message.deref() !== undefined).length;
    for (let i = 0; i < 20; i++) {
      await turn();
      gc();
    }
    const { pending } = ws.counters;
    expect(pending).toBeGreaterThan(COUNT / 2);
    expect(kept()).toBeLessThanOrEqual(pending + ON_THE_WAY);
  });
});

/** Messages of one peer. */
const TINY = isLong ? 2_000_000 : 600_000;

describe("a peer that never reads the echoes of a great many tiny messages", () => {
  const startAttack = attackProcesses();
  const LIMIT = 4 * MIB;

  test.each(["drop-oldest", "latest"] as const)("holds some megabytes at most, with %s", async (sendQueuePolicy) => {
    const attack = await startAttack({ sendQueuePolicy, maxSendQueue: LIMIT });
    const peers = await attack.peers(1, { path: "/echo", reads: false });

    // Until the systems take no more, and some bytes wait.
    const long = text("x".repeat(10_000));
    do await peers.send(long, 50);
    while ((await attack.held()) < 1.5 * MIB);
    const hasRead = async (): Promise<void> => {
      await peers.send(text(""), TINY);
      // The systems hold the last of them for a while.
      while ((await attack.state()).messages < TINY * 0.75) await turn();
    };
    const held = await attack.heldDuring(hasRead());
    await peers.reset();

    expect(held).toBeLessThan(attack.bound(peers, CONNECTION + LIMIT + ANSWERS + 2 * MIB));
    const { ended } = await attack.isOver();
    expect(ended).toEqual({ 1006: 1 });
  });
});
