import { expect, test } from "vitest";
import { AHEAD, CONNECTION, ANSWERS, READ } from "./support/bounds.ts";
import { close, ping, text } from "./support/frames.ts";
import { attackProcesses } from "./support/attack.ts";

const startAttack = attackProcesses();

/** The opcode of a pong. */
const PONG = 10;

test("a flood of pings is answered while the peer reads, and the connection goes on", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(20, { path: "/sink" });

  const held = await attack.heldDuring(peers.send(ping(125), 20_000));
  await peers.send(close(1000));

  expect(await peers.outcomes()).toEqual({ "1000, ended": 20 });
  for (const pongs of await peers.seen(PONG)) {
    expect(pongs).toBeGreaterThan(0);
    expect(pongs).toBeLessThanOrEqual(20_000);
  }
  expect(held).toBeLessThan(attack.bound(peers, ANSWERS));
  await peers.end();
  await attack.isOver();
});

test("one pong waits for a peer that floods pings and never reads", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(20, { path: "/sink", reads: false });

  // Seven megabytes for each peer: more than the system takes.
  const held = await attack.heldDuring(peers.send(ping(125), 60_000));
  await peers.reset();

  expect(held).toBeLessThan(attack.bound(peers, ANSWERS));
  const { ended } = await attack.isOver();
  expect(ended).toEqual({ 1006: 20 });
});

test.each([
  ["short", 1, 60_000, AHEAD],
  ["long", 1000, 2000, 3 * READ],
])(
  "while a handler is pending two reads of %s messages are kept, and none is lost",
  async (_length, size, times, bound) => {
    const attack = await startAttack();
    const peers = await attack.peers(20, { path: "/busy" });
    const before = await attack.state();

    // Less than the system takes, so everything is sent before the handler settles.
    await peers.send(text("x".repeat(size)), times);
    const held = await attack.held();
    const busy = await attack.state();
    await attack.server.call("release");
    await peers.send(close(1000));

    expect(await peers.outcomes()).toEqual({ "1000, ended": 20 });
    expect(held).toBeLessThan(attack.bound(peers, CONNECTION + bound));
    // The good client's messages come in between.
    expect(busy.messages - before.messages, "the first message of each peer").toBeLessThan(times);
    await peers.end();
    const { messages } = await attack.isOver();
    expect(messages).toBeGreaterThanOrEqual(20 * times);
  },
);
