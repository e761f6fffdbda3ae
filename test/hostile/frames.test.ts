import { expect, test } from "vitest";
import { utf8 } from "../support/bytes.ts";
import { CONNECTION, KIB, MESSAGE_GROWTH, MIB, PIECES } from "./support/bounds.ts";
import { announce, begin, half, more } from "./support/frames.ts";
import { randomBytes } from "./support/random-bytes.ts";
import { attackProcesses } from "./support/attack.ts";

const startAttack = attackProcesses();

test.each([
  ["a header", new Uint8Array(0), announce(BigInt(MIB)).subarray(0, 13), CONNECTION],
  ["a short message", half(100), new Uint8Array(40), CONNECTION],
  ["a message of a mebibyte", announce(BigInt(MIB)), new Uint8Array(40), CONNECTION + PIECES],
  ["a fragment of a mebibyte", begin(0), announce(BigInt(MIB)).fill(0, 0, 1), CONNECTION + PIECES],
])("%s that comes byte by byte holds at most one read", async (_what, start, bytes, bound) => {
  const attack = await startAttack({ maxMessageSize: MIB });
  const peers = await attack.peers(200, { path: "/sink" });
  await peers.send(start);

  const held = await attack.heldDuring(peers.drip(bytes));
  await peers.reset();

  expect(held).toBeLessThan(attack.bound(peers, bound));
  const { ended } = await attack.isOver();
  expect(ended).toEqual({ 1006: 200 });
});

test.each([
  ["2^63 - 1", 2n ** 63n - 1n, 1009],
  ["2^62", 2n ** 62n, 1009],
  ["2^53", 2n ** 53n, 1009],
  ["one above maxMessageSize", BigInt(MIB) + 1n, 1009],
  ["2^63, which is not allowed,", 2n ** 63n, 1002],
])("a length of %s is refused, and no memory is reserved", async (_length, length, code) => {
  const attack = await startAttack({ maxMessageSize: MIB });
  const peers = await attack.peers(100, { path: "/sink" });

  await peers.send(announce(length));
  const held = await attack.heldDuring(peers.outcomes());

  expect(await peers.outcomes()).toEqual({ [`${code}, ended`]: 100 });
  expect(held).toBeLessThan(attack.bound(peers, CONNECTION));
  await peers.end();
  await attack.isOver();
});

test("a million empty continuation frames end with 1009 at the limit of fragments", async () => {
  const attack = await startAttack({ maxMessageSize: MIB });
  const peers = await attack.peers(20, { path: "/sink" });

  await peers.send(begin(0));
  await peers.send(more(0), 16_000);
  const below = await attack.held();
  const held = await attack.heldDuring(peers.send(more(0), 1_000_000));

  expect(Math.max(below, held)).toBeLessThan(attack.bound(peers, CONNECTION));
  expect(await peers.outcomes()).toEqual({ "1009, ended": 20 });
  await peers.end();
  await attack.isOver();
});

test("a flood of one-byte fragments holds one read, and ends with 1009 at the limit of fragments", async () => {
  const attack = await startAttack({ maxMessageSize: MIB });
  const peers = await attack.peers(50, { path: "/sink" });

  await peers.send(begin(1));
  await peers.send(more(1), 16_000);
  const below = await attack.held();
  const held = await attack.heldDuring(peers.send(more(1), 100_000));

  expect(Math.max(below, held)).toBeLessThan(attack.bound(peers, CONNECTION + PIECES));
  expect(await peers.outcomes()).toEqual({ "1009, ended": 50 });
  await peers.end();
  await attack.isOver();
});

test("an endless message holds a few times its received bytes, and ends with 1009 at maxMessageSize", async () => {
  const size = 512 * KIB;
  const attack = await startAttack({ maxMessageSize: size });
  const peers = await attack.peers(20, { path: "/sink" });

  await peers.send(begin(10_000));
  await peers.send(more(10_000), 51);
  const below = await attack.heldDuring(attack.until(({ connections }) => connections === 21));
  const held = await attack.heldDuring(peers.send(more(10_000), 1000));

  expect(Math.max(below, held)).toBeLessThan(attack.bound(peers, CONNECTION + MESSAGE_GROWTH * size));
  expect(await peers.outcomes()).toEqual({ "1009, ended": 20 });
  expect(await attack.held(), "once it is refused").toBeLessThan(attack.bound(peers, CONNECTION));
  await peers.end();
  await attack.isOver();
});

test.each([1, 2, 3])("random bytes instead of frames end with 1002: seed %i", async (seed) => {
  const attack = await startAttack();
  const peers = await attack.peers(50, { path: "/sink" });

  const held = await attack.heldDuring(peers.send(randomBytes(256 * KIB, seed)));

  expect(await peers.outcomes()).toEqual({ "1002, ended": 50 });
  expect(held).toBeLessThan(attack.bound(peers, CONNECTION + PIECES));
  await peers.end();
  await attack.isOver();
});

test("HTTP instead of frames ends with 1002", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(50, { path: "/sink" });

  const held = await attack.heldDuring(peers.send(utf8("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 1000));

  expect(await peers.outcomes()).toEqual({ "1002, ended": 50 });
  expect(held).toBeLessThan(attack.bound(peers, CONNECTION));
  await peers.end();
  await attack.isOver();
});
