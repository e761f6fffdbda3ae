import { expect, test } from "vitest";
import { AHEAD, CONNECTION, ANSWERS, READ } from "./support/bounds.ts";
import { close, ping, text } from "./support/frames.ts";
import { armies } from "./support/siege.ts";

const besiege = armies();

/** The opcode of a pong. */
const PONG = 10;

test("a flood of pings is answered as far as the peer reads, and the connection goes on", async () => {
  const siege = await besiege();
  const peers = await siege.peers(20, { path: "/sink" });

  const held = await siege.heldDuring(peers.send(ping(125), 20_000));
  await peers.send(close(1000));

  expect(await peers.outcomes()).toEqual({ "1000, ended": 20 });
  for (const pongs of await peers.seen(PONG)) {
    expect(pongs).toBeGreaterThan(0);
    expect(pongs).toBeLessThanOrEqual(20_000);
  }
  expect(held).toBeLessThan(siege.bound(peers, ANSWERS));
  await peers.end();
  await siege.isOver();
});

test("of the answers to a flood of pings from a peer that never reads one waits", async () => {
  const siege = await besiege();
  const peers = await siege.peers(20, { path: "/sink", reads: false });

  // Seven megabytes for each: more than the system takes.
  const held = await siege.heldDuring(peers.send(ping(125), 60_000));
  await peers.reset();

  expect(held).toBeLessThan(siege.bound(peers, ANSWERS));
  const { ended } = await siege.isOver();
  expect(ended).toEqual({ 1006: 20 });
});

test.each([
  ["short", 1, 60_000, AHEAD],
  ["long", 1000, 2000, 3 * READ],
])(
  "while a handler is busy two reads of %s messages are kept, and none is lost",
  async (_length, size, times, bound) => {
    const siege = await besiege();
    const peers = await siege.peers(20, { path: "/busy" });
    const before = await siege.state();

    // Less than the system takes: it is all sent before the handler goes on.
    await peers.send(text("x".repeat(size)), times);
    const held = await siege.held();
    const busy = await siege.state();
    await siege.server.call("release");
    await peers.send(close(1000));

    expect(await peers.outcomes()).toEqual({ "1000, ended": 20 });
    expect(held).toBeLessThan(siege.bound(peers, CONNECTION + bound));
    // The good client's come in between.
    expect(busy.messages - before.messages, "the first of each").toBeLessThan(times);
    await peers.end();
    const { messages } = await siege.isOver();
    expect(messages).toBeGreaterThanOrEqual(20 * times);
  },
);
