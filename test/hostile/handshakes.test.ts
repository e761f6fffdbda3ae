import { expect, test } from "vitest";
import { join, utf8 } from "../support/bytes.ts";
import { HANDSHAKE, HEADER_GROWTH, KIB, READ } from "./support/bounds.ts";
import { handshake, text } from "./support/frames.ts";
import { randomBytes } from "./support/random-bytes.ts";
import { attackProcesses } from "./support/attack.ts";

const startAttack = attackProcesses();

/** The beginning of a request. */
const begun = utf8("GET /sink HTTP/1.1\r\nHost: x\r\nX: ");

test("a handshake that comes byte by byte gets 408 at handshakeTimeout, and is dropped if the peer stays", async () => {
  const attack = await startAttack({ handshakeTimeout: 300 });
  const peers = await attack.peers(500);

  await peers.send(begun);
  const held = await attack.heldDuring(peers.dripForever(utf8("slow")));

  expect(held).toBeLessThan(attack.bound(peers, HANDSHAKE));
  expect(await peers.outcomes()).toEqual({ "408, ended": 500 });
  await attack.isOver();
});

test("a connection that sends nothing gets 408 at handshakeTimeout", async () => {
  const attack = await startAttack({ handshakeTimeout: 300 });
  const peers = await attack.peers(500);

  const held = await attack.heldDuring(peers.outcomes());

  expect(held).toBeLessThan(attack.bound(peers, HANDSHAKE));
  expect(await peers.outcomes()).toEqual({ "408, ended": 500 });
  await peers.end();
  await attack.isOver();
});

/** These peers go on sending after the response. On a slow machine a few may lose the response to a reset. */
function expectOverflown(outcomes: Readonly<Record<string, number>>): void {
  const { "nothing, reset": lost = 0, ...answered } = outcomes;
  for (const outcome of Object.keys(answered)) expect(outcome).toMatch(/^431, /);
  expect(lost).toBeLessThan(10);
}

test("an endless header gets 431 at maxHeaderSize, and no more of it is kept", async () => {
  const attack = await startAttack({ maxHeaderSize: 16 * KIB });
  const peers = await attack.peers(100);

  await peers.send(join([begun, new Uint8Array(16_000).fill(0x78)]));
  const below = await attack.held();
  const held = await attack.heldDuring(peers.send(utf8("x".repeat(64 * KIB)), 16));

  expect(Math.max(below, held)).toBeLessThan(attack.bound(peers, HANDSHAKE + 4 * READ));
  expectOverflown(await peers.outcomes());
  await peers.end();
  await attack.isOver();
});

test("endless short headers get 431 at maxHeaderSize, however many they are", async () => {
  const size = 16 * KIB;
  const attack = await startAttack({ maxHeaderSize: size });
  const peers = await attack.peers(100);

  await peers.send(utf8(`GET /sink HTTP/1.1\r\n${"ab:cd\r\n".repeat(2300)}`));
  const below = await attack.held();
  const held = await attack.heldDuring(peers.send(utf8("ab:cd\r\n"), 256 * KIB));

  expect(Math.max(below, held)).toBeLessThan(attack.bound(peers, HEADER_GROWTH * size));
  expectOverflown(await peers.outcomes());
  await peers.end();
  await attack.isOver();
});

test("random bytes instead of a handshake get 400", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(100);

  const held = await attack.heldDuring(peers.send(randomBytes(64 * KIB)));

  expect(held).toBeLessThan(attack.bound(peers, HANDSHAKE + 2 * READ));
  expect(await peers.outcomes()).toEqual({ "400, ended": 100 });
  await peers.end();
  await attack.isOver();
});

test("a request with an endless body is dropped", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(100);

  await peers.send(utf8("POST /sink HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const held = await attack.heldDuring(peers.send(utf8(`10000\r\n${"x".repeat(64 * KIB)}\r\n`), 64));

  expect(held).toBeLessThan(attack.bound(peers, HANDSHAKE + 2 * READ));
  // Node closes a connection after its response, though bytes still come: some peers see only the reset.
  for (const outcome of Object.keys(await peers.outcomes())) expect(outcome).toMatch(/^405, |^nothing, reset$/);
  await attack.isOver();
});

test("two reads of a client are kept while onConnection is pending, and it gets 503 at handshakeTimeout", async () => {
  const attack = await startAttack({ handshakeTimeout: 1000 });
  const peers = await attack.peers(100);

  await peers.send(handshake("/late"));
  const sent = peers.send(text("x".repeat(1000)), 2000);
  const held = await attack.heldDuring(peers.outcomes());
  await sent;

  // Other chunks are in transit when the rest is read and discarded.
  expect(held).toBeLessThan(attack.bound(peers, HANDSHAKE + 10 * READ));
  expect(await peers.outcomes()).toEqual({ "503, ended": 100 });
  await peers.end();
  // The user's pending promise keeps the request in memory.
  await attack.server.call("release");
  expect((await attack.isOver()).opened, "except the good client").toBe(1);
});
