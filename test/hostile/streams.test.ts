import { constants, deflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { fill, hex } from "../support/bytes.ts";
import { KEY, asClient, encode } from "../support/frames.ts";
import { transport } from "../support/transport.ts";
import { CONNECTION, KIB, MIB, READ } from "./support/bounds.ts";
import { attackProcesses } from "./support/attack.ts";
import { begin, more } from "./support/frames.ts";

const startAttack = attackProcesses();

const COUNT = 20;

/** What is read ahead of a handler: 64 KiB and one read, the copy that grows, and what is in transit. */
const AHEAD = 4 * READ;

/** The window and the output of zlib for one message. */
const INFLATING = 256 * KIB;

const OFFER = { extensions: "permessage-deflate; client_no_context_takeover" };

function bomb(size: number): Uint8Array {
  const payload = deflateRawSync(Buffer.alloc(size), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  return encode({ opcode: 0x42, payload }, KEY);
}

test("messages that never end take no memory, and end with 1009 at maxStreamSize", async () => {
  const attack = await startAttack({ maxStreamSize: 2 * MIB });
  const peers = await attack.peers(COUNT, { path: "/stream" });
  await peers.send(begin(16 * KIB));
  const held = await attack.heldDuring(peers.send(more(16 * KIB), 1000));
  expect(held).toBeLessThan(attack.bound(peers, CONNECTION + AHEAD));
  expect(await peers.outcomes()).toEqual({ "1009, ended": COUNT });
  await peers.end();
  expect((await attack.isOver()).errors).toEqual({ 117: COUNT });
});

test("so do those whose handler does not read: they are not read either", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(COUNT, { path: "/held-stream" });
  await peers.send(begin(16 * KIB));
  void peers.send(more(16 * KIB), 1000);
  await attack.until(({ waiting }) => waiting > COUNT * READ);
  expect(await attack.held()).toBeLessThan(attack.bound(peers, CONNECTION + AHEAD));
  await peers.reset();
  await attack.server.call("release");
  await attack.isOver();
});

test("one byte at a time costs its bytes, not an object for each", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(COUNT, { path: "/held-stream" });
  await peers.send(begin(1));
  await peers.send(more(1), 30_000);
  expect(await attack.held()).toBeLessThan(attack.bound(peers, CONNECTION + AHEAD));
  await attack.server.call("release");
  await attack.until(({ streamed }) => streamed === COUNT * 30_001);
  await peers.end();
  await attack.isOver();
});

test("empty fragments that never end leave others their turn", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(COUNT, { path: "/stream" });
  await peers.send(begin(1));
  const held = await attack.heldDuring(peers.send(more(0), 100_000));
  expect(held).toBeLessThan(attack.bound(peers, CONNECTION + AHEAD));
  await peers.end();
  await attack.isOver();
});

test.each(["/stream", "/held-stream"] as const)("a reset in the middle leaves nothing: %s", async (path) => {
  const attack = await startAttack();
  const peers = await attack.peers(COUNT, { path });
  await peers.send(begin(40 * KIB));
  await attack.until(({ opened }) => opened > COUNT);
  await peers.reset();
  await attack.server.call("release");
  const { errors, ended } = await attack.isOver();
  expect(ended).toEqual({ 1006: COUNT });
  // Node tells of no error if its session of HTTP/2 learns of the reset when it writes.
  if (transport() !== "h2") expect(errors).toEqual({ 203: COUNT });
});

test("a text that is not UTF-8 fails at its first bad byte, in whatever chunk that comes", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(COUNT, { path: "/stream" });
  // An overlong form in two fragments, of a message that goes on.
  await peers.send(asClient(hex("01 02 61 e2")));
  await peers.send(asClient(hex("00 01 82")));
  await peers.send(asClient(hex("00 01 28")));
  expect(await peers.outcomes()).toEqual({ "1007, ended": COUNT });
  await peers.end();
  expect((await attack.isOver()).errors).toEqual({ 113: COUNT });
});

test("a deflate bomb is decompressed no further than it is read, and ends at maxStreamSize", async () => {
  const attack = await startAttack({ compression: true, maxStreamSize: 8 * MIB });
  const held = await attack.peers(COUNT, { path: "/held-stream", ...OFFER });
  await held.send(bomb(64 * MIB));
  expect(await attack.held()).toBeLessThan(attack.bound(held, CONNECTION + AHEAD + INFLATING));
  const most = await attack.heldDuring(attack.server.call("release").then(() => held.outcomes()));
  expect(most).toBeLessThan(attack.bound(held, CONNECTION + AHEAD + INFLATING));
  expect(await held.outcomes()).toEqual({ "1009, ended": COUNT });
  await held.end();
  expect((await attack.isOver()).errors).toEqual({ 117: COUNT });
});

test("a compressed message that gives nothing is bounded by its own bytes", async () => {
  const attack = await startAttack({ compression: true, maxStreamSize: 100 * KIB });
  const peers = await attack.peers(COUNT, { path: "/stream", ...OFFER });
  // Empty blocks (RFC 1951 3.2.4), for ever.
  const blocks = fill(0, 5 * 1000).map((_byte, i) => (i % 5 > 2 ? 0xff : 0));
  await peers.send(encode({ opcode: 0x42, fin: false, payload: blocks }, KEY));
  await peers.send(encode({ opcode: 0, fin: false, payload: blocks }, KEY), 100);
  expect(await peers.outcomes()).toEqual({ "1009, ended": COUNT });
  await peers.end();
  await attack.isOver();
});
