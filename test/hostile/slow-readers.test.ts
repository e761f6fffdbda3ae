import { expect, test } from "vitest";
import { ANSWERS, CONNECTION, KIB } from "./support/bounds.ts";
import { close, text } from "./support/frames.ts";
import { armies } from "./support/siege.ts";

const besiege = armies();

/** `errCode` of HWS_SEND_QUEUE_FULL. */
const QUEUE_FULL = 202;

/** Bytes of the messages that nobody reads. */
const SIZE = 16 * KIB;

const LIMIT = 512 * KIB;

test("for a peer that never reads maxSendQueue and a message wait, then it is given up and nothing waits any more", async () => {
  const siege = await besiege({ maxSendQueue: LIMIT, closeTimeout: 300 });
  const peers = await siege.peers(20, { path: "/sink", reads: false });

  await siege.server.call("fill", "/sink", SIZE, LIMIT);
  const full = await siege.held();
  const held = await siege.heldDuring(siege.server.call("overfill", "/sink", SIZE));
  await siege.until(({ connections }) => connections === 1);
  await peers.read();

  expect(full, "what waits is held").toBeGreaterThan(20 * (LIMIT - SIZE));
  expect(Math.max(full, held)).toBeLessThan(siege.bound(peers, CONNECTION + LIMIT + ANSWERS));
  // The close frame with 1013 stands behind what it has not read.
  expect(await peers.outcomes()).toEqual({ "101, ended": 20 });
  const { ended, errors } = await siege.isOver();
  expect(errors).toEqual({ [QUEUE_FULL]: 20 });
  expect(ended).toEqual({ 1006: 20 });
});

test("a peer that reads again in time finds 1013 behind what was on its way", async () => {
  const siege = await besiege({ maxSendQueue: LIMIT, closeTimeout: 60_000 });
  const peers = await siege.peers(20, { path: "/sink", reads: false });

  await siege.server.call("overfill", "/sink", SIZE);
  await peers.read();

  expect(await peers.outcomes()).toEqual({ "1013, ended": 20 });
  await peers.end();
  const { errors } = await siege.isOver();
  expect(errors).toEqual({ [QUEUE_FULL]: 20 });
});

test("a peer that asks for echoes and never reads them is given up at maxSendQueue", async () => {
  const siege = await besiege({ maxSendQueue: LIMIT, closeTimeout: 300 });
  const peers = await siege.peers(20, { path: "/echo", reads: false });

  const held = await siege.heldDuring(peers.send(text("x".repeat(10_000)), 1000));
  await siege.until(({ connections }) => connections === 1);

  expect(held).toBeLessThan(siege.bound(peers, CONNECTION + LIMIT + ANSWERS));
  const { errors } = await siege.isOver();
  expect(errors).toEqual({ [QUEUE_FULL]: 20 });
});

test("a broadcast waits once for all peers that never read, not once for each", async () => {
  const siege = await besiege();
  const peers = await siege.peers(50, { path: "/sink", reads: false });

  await siege.server.call("broadcast", SIZE, 500);
  const held = await siege.held();
  await peers.reset();

  // Eight megabytes: three times what the system takes for one of them.
  expect(held).toBeLessThan(siege.bound(peers, CONNECTION) + 500 * SIZE);
  const { ended } = await siege.isOver();
  expect(ended).toEqual({ 1006: 50 });
});

test.each([
  ["says goodbye", (peers: { send(bytes: Uint8Array): Promise<void> }) => peers.send(close(4000)), 4000],
  ["ends its half", (peers: { end(): Promise<void> }) => peers.end(), 1006],
])("a peer that %s and never reads what waits for it is dropped at closeTimeout", async (_what, act, code) => {
  const siege = await besiege({ maxSendQueue: LIMIT, closeTimeout: 300 });
  const peers = await siege.peers(20, { path: "/sink", reads: false });

  await siege.server.call("fill", "/sink", SIZE, LIMIT);
  await act(peers);
  const held = await siege.heldDuring(siege.until(({ connections }) => connections === 1));

  expect(held).toBeLessThan(siege.bound(peers, CONNECTION + LIMIT + ANSWERS));
  const { ended } = await siege.isOver();
  expect(ended).toEqual({ [code]: 20 });
});
