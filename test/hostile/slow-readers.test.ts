import { expect, test } from "vitest";
import { ANSWERS, CONNECTION, KIB } from "./support/bounds.ts";
import { close, text } from "./support/frames.ts";
import { attackProcesses } from "./support/attack.ts";

const startAttack = attackProcesses();

/** `errCode` of HWS_SEND_QUEUE_FULL. */
const QUEUE_FULL = 202;

/** Bytes of a message that no peer reads. */
const SIZE = 16 * KIB;

const LIMIT = 512 * KIB;

test("for a peer that never reads maxSendQueue and one message wait, then it is closed with 1013 and nothing waits any more", async () => {
  const attack = await startAttack({ maxSendQueue: LIMIT, closeTimeout: 300 });
  const peers = await attack.peers(20, { path: "/sink", reads: false });

  await attack.server.call("fill", "/sink", SIZE, LIMIT);
  const full = await attack.held();
  const held = await attack.heldDuring(attack.server.call("overfill", "/sink", SIZE));
  await attack.until(({ connections }) => connections === 1);
  await peers.read();

  expect(full, "what waits is held").toBeGreaterThan(20 * (LIMIT - SIZE));
  expect(Math.max(full, held)).toBeLessThan(attack.bound(peers, CONNECTION + LIMIT + ANSWERS));
  // The close frame with 1013 comes after what it has not read.
  expect(await peers.outcomes()).toEqual({ "101, ended": 20 });
  const { ended, errors } = await attack.isOver();
  expect(errors).toEqual({ [QUEUE_FULL]: 20 });
  expect(ended).toEqual({ 1006: 20 });
});

test("a peer that reads again in time gets 1013 after what was sent before", async () => {
  const attack = await startAttack({ maxSendQueue: LIMIT, closeTimeout: 60_000 });
  const peers = await attack.peers(20, { path: "/sink", reads: false });

  await attack.server.call("overfill", "/sink", SIZE);
  await peers.read();

  expect(await peers.outcomes()).toEqual({ "1013, ended": 20 });
  await peers.end();
  const { errors } = await attack.isOver();
  expect(errors).toEqual({ [QUEUE_FULL]: 20 });
});

test("a peer that asks for echoes and never reads them is closed at maxSendQueue", async () => {
  const attack = await startAttack({ maxSendQueue: LIMIT, closeTimeout: 300 });
  const peers = await attack.peers(20, { path: "/echo", reads: false });

  const held = await attack.heldDuring(peers.send(text("x".repeat(10_000)), 1000));
  await attack.until(({ connections }) => connections === 1);

  expect(held).toBeLessThan(attack.bound(peers, CONNECTION + LIMIT + ANSWERS));
  const { errors } = await attack.isOver();
  expect(errors).toEqual({ [QUEUE_FULL]: 20 });
});

test("a broadcast is kept once for all peers that never read, not once for each", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(50, { path: "/sink", reads: false });

  await attack.server.call("broadcast", SIZE, 500);
  const held = await attack.held();
  await peers.reset();

  // Eight megabytes: three times what the system takes for one peer.
  expect(held).toBeLessThan(attack.bound(peers, CONNECTION) + 500 * SIZE);
  const { ended } = await attack.isOver();
  expect(ended).toEqual({ 1006: 50 });
});

test.each([
  ["sends a close frame", (peers: { send(bytes: Uint8Array): Promise<void> }) => peers.send(close(4000)), 4000],
  ["ends its half", (peers: { end(): Promise<void> }) => peers.end(), 1006],
])("a peer that %s and never reads is dropped at closeTimeout", async (_what, act, code) => {
  const attack = await startAttack({ maxSendQueue: LIMIT, closeTimeout: 300 });
  const peers = await attack.peers(20, { path: "/sink", reads: false });

  await attack.server.call("fill", "/sink", SIZE, LIMIT);
  await act(peers);
  const held = await attack.heldDuring(attack.until(({ connections }) => connections === 1));

  expect(held).toBeLessThan(attack.bound(peers, CONNECTION + LIMIT + ANSWERS));
  const { ended } = await attack.isOver();
  expect(ended).toEqual({ [code]: 20 });
});
