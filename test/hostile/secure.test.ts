import { expect, test } from "vitest";
import { utf8 } from "../support/bytes.ts";
import { ANSWERS, CONNECTION, HANDSHAKE, KIB, PIECES, SECURE } from "./support/bounds.ts";
import { announce, close, text } from "./support/frames.ts";
import { randomBytes } from "./support/random-bytes.ts";
import { attackProcesses } from "./support/attack.ts";

const startAttack = attackProcesses();

/** The first bytes of a ClientHello (RFC 8446 5.1, 4.1.2), which says that 512 follow. */
const hello = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3);

test.each([
  ["sends nothing", new Uint8Array(0)],
  ["does not go on with its ClientHello", hello],
  ["sends random bytes", randomBytes(1000)],
  ["sends HTTP", utf8("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
])("a connection to a TLS port that %s is closed at handshakeTimeout, or before", async (_what, bytes) => {
  const attack = await startAttack({ secure: true, handshakeTimeout: 300 });
  const peers = await attack.peers(100, { secure: false });

  await peers.send(bytes);
  const held = await attack.heldDuring(peers.outcomes());

  expect(held).toBeLessThan(attack.bound(peers, HANDSHAKE + SECURE));
  for (const outcome of Object.keys(await peers.outcomes())) expect(outcome).toMatch(/^nothing, /);
  expect((await attack.isOver()).opened, "except the good client").toBe(1);
});

test("over TLS a handshake that comes byte by byte gets 408 at handshakeTimeout", async () => {
  const attack = await startAttack({ secure: true, handshakeTimeout: 1000 });
  const peers = await attack.peers(100);

  await peers.send(utf8("GET /sink HTTP/1.1\r\nHost: x\r\nX: "));
  const held = await attack.heldDuring(peers.dripForever(utf8("slow")));

  expect(held).toBeLessThan(attack.bound(peers, HANDSHAKE + SECURE));
  expect(await peers.outcomes()).toEqual({ "408, ended": 100 });
  await peers.end();
  await attack.isOver();
});

test("over TLS a message that comes byte by byte holds at most one read", async () => {
  const attack = await startAttack({ secure: true });
  const peers = await attack.peers(100, { path: "/sink" });

  await peers.send(announce(1024n * 1024n));
  const held = await attack.heldDuring(peers.drip(new Uint8Array(40)));
  await peers.reset();

  expect(held).toBeLessThan(attack.bound(peers, CONNECTION + SECURE + PIECES));
  const { ended } = await attack.isOver();
  expect(ended).toEqual({ 1006: 100 });
});

test("over TLS, too, at most maxSendQueue and one message wait for a peer that never reads", async () => {
  const limit = 512 * KIB;
  const attack = await startAttack({ secure: true, maxSendQueue: limit, closeTimeout: 300 });
  const peers = await attack.peers(20, { path: "/sink", reads: false });

  await attack.server.call("fill", "/sink", 16 * KIB, limit);
  const full = await attack.held();
  const held = await attack.heldDuring(attack.server.call("overfill", "/sink", 16 * KIB));

  expect(Math.max(full, held)).toBeLessThan(attack.bound(peers, CONNECTION + SECURE + limit + ANSWERS));
  const { errors } = await attack.isOver();
  expect(errors).toEqual({ 202: 20 });
});

test.each([
  ["ends its half", "end", 1006],
  ["resets the connection", "reset", 1006],
] as const)("over TLS a peer that %s leaves nothing", async (_what, act, code) => {
  const attack = await startAttack({ secure: true, closeTimeout: 60_000 });
  const peers = await attack.peers(100, { path: "/sink" });

  await peers.send(text("hello"));
  await attack.held();
  await peers[act]();

  const { ended } = await attack.isOver();
  expect(ended).toEqual({ [code]: 100 });
});

test("over TLS a peer that sends a close frame and stays is dropped at closeTimeout", async () => {
  const attack = await startAttack({ secure: true, closeTimeout: 300 });
  const peers = await attack.peers(100, { path: "/sink" });

  await peers.send(close(4002));
  const held = await attack.heldDuring(attack.until(({ connections }) => connections === 1));

  expect(held).toBeLessThan(attack.bound(peers, CONNECTION + SECURE));
  expect(await peers.outcomes()).toEqual({ "4002, ended": 100 });
  const { ended } = await attack.isOver();
  expect(ended).toEqual({ 4002: 100 });
});
