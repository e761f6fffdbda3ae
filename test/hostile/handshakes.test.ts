import { expect, test } from "vitest";
import { join, utf8 } from "../support/bytes.ts";
import { HANDSHAKE, HEADER_GROWTH, KIB, READ } from "./support/bounds.ts";
import { handshake, text } from "./support/frames.ts";
import { noise } from "./support/noise.ts";
import { armies } from "./support/siege.ts";

const besiege = armies();

/** A request that is not over yet. */
const begun = utf8("GET /sink HTTP/1.1\r\nHost: x\r\nX: ");

test("a handshake that comes byte by byte is answered with 408 at handshakeTimeout, and dropped if the peer stays", async () => {
  const siege = await besiege({ handshakeTimeout: 300 });
  const peers = await siege.peers(500);

  await peers.send(begun);
  const held = await siege.heldDuring(peers.dripForever(utf8("slow")));

  expect(held).toBeLessThan(siege.bound(peers, HANDSHAKE));
  expect(await peers.outcomes()).toEqual({ "408, ended": 500 });
  await siege.isOver();
});

test("a connection that sends nothing is answered with 408 at handshakeTimeout", async () => {
  const siege = await besiege({ handshakeTimeout: 300 });
  const peers = await siege.peers(500);

  const held = await siege.heldDuring(peers.outcomes());

  expect(held).toBeLessThan(siege.bound(peers, HANDSHAKE));
  expect(await peers.outcomes()).toEqual({ "408, ended": 500 });
  await peers.end();
  await siege.isOver();
});

/** These peers go on sending, whatever they are answered. On a slow machine one may lose the answer to a reset; not most. */
function expectOverflown(outcomes: Readonly<Record<string, number>>): void {
  const { "nothing, reset": lost = 0, ...answered } = outcomes;
  for (const outcome of Object.keys(answered)) expect(outcome).toMatch(/^431, /);
  expect(lost).toBeLessThan(10);
}

test("a header without an end is answered with 431 at maxHeaderSize, and no more of it is kept", async () => {
  const siege = await besiege({ maxHeaderSize: 16 * KIB });
  const peers = await siege.peers(100);

  await peers.send(join([begun, new Uint8Array(16_000).fill(0x78)]));
  const below = await siege.held();
  const held = await siege.heldDuring(peers.send(utf8("x".repeat(64 * KIB)), 16));

  expect(Math.max(below, held)).toBeLessThan(siege.bound(peers, HANDSHAKE + 4 * READ));
  expectOverflown(await peers.outcomes());
  await peers.end();
  await siege.isOver();
});

test("headers of a few bytes without an end are answered with 431 at maxHeaderSize, however many they are", async () => {
  const size = 16 * KIB;
  const siege = await besiege({ maxHeaderSize: size });
  const peers = await siege.peers(100);

  await peers.send(utf8(`GET /sink HTTP/1.1\r\n${"ab:cd\r\n".repeat(2300)}`));
  const below = await siege.held();
  const held = await siege.heldDuring(peers.send(utf8("ab:cd\r\n"), 256 * KIB));

  expect(Math.max(below, held)).toBeLessThan(siege.bound(peers, HEADER_GROWTH * size));
  expectOverflown(await peers.outcomes());
  await peers.end();
  await siege.isOver();
});

test("noise instead of a handshake is answered with 400", async () => {
  const siege = await besiege();
  const peers = await siege.peers(100);

  const held = await siege.heldDuring(peers.send(noise(64 * KIB)));

  expect(held).toBeLessThan(siege.bound(peers, HANDSHAKE + 2 * READ));
  expect(await peers.outcomes()).toEqual({ "400, ended": 100 });
  await peers.end();
  await siege.isOver();
});

test("a request with a body without an end is cut off", async () => {
  const siege = await besiege();
  const peers = await siege.peers(100);

  await peers.send(utf8("POST /sink HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const held = await siege.heldDuring(peers.send(utf8(`10000\r\n${"x".repeat(64 * KIB)}\r\n`), 64));

  expect(held).toBeLessThan(siege.bound(peers, HANDSHAKE + 2 * READ));
  // Node ends a connection behind its answer, whatever still comes: some see only the reset.
  for (const outcome of Object.keys(await peers.outcomes())) expect(outcome).toMatch(/^405, |^nothing, reset$/);
  await siege.isOver();
});

test("of what a client sends while onConnection is busy two reads are kept, and it gets 503 at handshakeTimeout", async () => {
  const siege = await besiege({ handshakeTimeout: 1000 });
  const peers = await siege.peers(100);

  await peers.send(handshake("/late"));
  const sent = peers.send(text("x".repeat(1000)), 2000);
  const held = await siege.heldDuring(peers.outcomes());
  await sent;

  // Others are on their way when the rest is read and discarded.
  expect(held).toBeLessThan(siege.bound(peers, HANDSHAKE + 10 * READ));
  expect(await peers.outcomes()).toEqual({ "503, ended": 100 });
  await peers.end();
  // Whoever waits for a promise of the user's is held by it.
  await siege.server.call("release");
  expect((await siege.isOver()).opened, "but the good client").toBe(1);
});
