import { describe, expect, test } from "vitest";
import { join } from "../support/bytes.ts";
import { CONNECTION, KIB } from "./support/bounds.ts";
import { begin, close, half, handshake, text } from "./support/frames.ts";
import { armies } from "./support/siege.ts";

const besiege = armies();

/** The opcode of a close frame. */
const CLOSE = 8;

describe("a peer that ends its half and stays", () => {
  test.each([
    ["behind its handshake", new Uint8Array(0)],
    ["behind a message", text("hello")],
    ["within a frame", half(1000)],
    ["within a fragmented message", begin(10)],
  ])("%s is let go at once", async (_where, bytes) => {
    // A minute: what is let go is not let go by a timer.
    const siege = await besiege({ closeTimeout: 60_000 });
    const peers = await siege.peers(100, { path: "/sink" });

    await peers.send(bytes);
    await peers.end();
    const held = await siege.heldDuring(peers.outcomes());

    expect(await peers.outcomes()).toEqual({ "101, ended": 100 });
    expect(held).toBeLessThan(siege.bound(peers, CONNECTION));
    const { ended } = await siege.isOver();
    expect(ended).toEqual({ 1006: 100 });
  });

  test("within its handshake is answered with 400", async () => {
    const siege = await besiege({ handshakeTimeout: 60_000 });
    const peers = await siege.peers(100);

    await peers.send(handshake("/sink").subarray(0, 50));
    await peers.end();

    expect(await peers.outcomes()).toEqual({ "400, ended": 100 });
    expect((await siege.isOver()).opened, "but the good client").toBe(1);
  });

  test("while onConnection is busy is never let in", async () => {
    const siege = await besiege({ handshakeTimeout: 60_000 });
    const peers = await siege.peers(100);

    await peers.send(handshake("/late"));
    await peers.end();
    await siege.until(({ asked }) => asked >= 100);
    await siege.held();
    await siege.server.call("release");

    expect(await peers.outcomes()).toEqual({ "nothing, ended": 100 });
    expect((await siege.isOver()).opened, "but the good client").toBe(1);
  });
});

describe("at closeTimeout is dropped", () => {
  test("a peer that never answers our close frame", async () => {
    const siege = await besiege({ closeTimeout: 300 });
    const peers = await siege.peers(100, { path: "/sink" });

    await siege.server.call("terminate", "/sink", 4001);
    const held = await siege.heldDuring(siege.until(({ connections }) => connections === 1));

    expect(held).toBeLessThan(siege.bound(peers, CONNECTION));
    expect(await peers.outcomes()).toEqual({ "4001, ended": 100 });
    const { ended } = await siege.isOver();
    expect(ended).toEqual({ 1006: 100 });
  });

  test("a peer that sends on and on and never answers our close frame", async () => {
    const siege = await besiege({ closeTimeout: 300 });
    const peers = await siege.peers(20, { path: "/sink" });

    const flood = peers.dripForever(text("on and on"));
    await siege.server.call("terminate", "/sink", 4001);
    const held = await siege.heldDuring(flood);

    expect(held).toBeLessThan(siege.bound(peers, CONNECTION));
    // Dropped while it sends, it sees the end or the reset.
    for (const outcome of Object.keys(await peers.outcomes())) expect(outcome).toMatch(/^4001, /);
    const { ended } = await siege.isOver();
    expect(ended).toEqual({ 1006: 20 });
  });

  test("a peer that sends a close frame, gets ours and never closes its side", async () => {
    const siege = await besiege({ closeTimeout: 300 });
    const peers = await siege.peers(100, { path: "/sink" });

    await peers.send(close(4002));
    const held = await siege.heldDuring(siege.until(({ connections }) => connections === 1));

    expect(held).toBeLessThan(siege.bound(peers, CONNECTION));
    expect(await peers.outcomes()).toEqual({ "4002, ended": 100 });
    const { ended } = await siege.isOver();
    expect(ended).toEqual({ 4002: 100 });
  });
});

describe("when both sides close at once each gets one close frame, and the peer's code is the one that is told", () => {
  test("ours is on its way when they send theirs", async () => {
    const siege = await besiege({ closeTimeout: 60_000 });
    const peers = await siege.peers(100, { path: "/sink", reads: false });

    await siege.server.call("terminate", "/sink", 4001);
    // They do not read: what they send is no answer.
    await peers.send(close(4002));
    await peers.read();

    expect(await peers.outcomes()).toEqual({ "4001, ended": 100 });
    expect(await peers.seen(CLOSE)).toEqual(Array(100).fill(1));
    await peers.end();
    const { ended } = await siege.isOver();
    expect(ended).toEqual({ 4002: 100 });
  });

  test("theirs is on its way when we send ours", async () => {
    const siege = await besiege({ closeTimeout: 60_000 });
    const peers = await siege.peers(100, { path: "/busy" });

    // While a handler is busy nothing is read: their close frame lies in the system when ours is sent.
    const before = await siege.state();
    await peers.send(text("busy"));
    await siege.until(({ messages }) => messages >= before.messages + 100);
    await peers.send(close(4002));
    await siege.server.call("terminate", "/busy", 4001);

    expect(await peers.outcomes()).toEqual({ "4001, ended": 100 });
    expect(await peers.seen(CLOSE)).toEqual(Array(100).fill(1));
    await siege.server.call("release");
    await peers.end();
    const { ended } = await siege.isOver();
    expect(ended).toEqual({ 4002: 100 });
  });
});

test("what comes behind a close frame is not read, and the peer gets its code back", async () => {
  const siege = await besiege();
  const peers = await siege.peers(50, { path: "/sink" });
  const before = await siege.state();

  await peers.send(join([text("one"), close(4000), text("two")]));
  await peers.send(text("x".repeat(1000)), 1000);
  const outcomes = await peers.outcomes();
  const behind = await siege.state();
  const held = await siege.held();
  await peers.end();

  expect(outcomes).toEqual({ "4000, ended": 50 });
  expect(behind.messages - before.messages, "the one before it").toBe(50);
  expect(held).toBeLessThan(siege.bound(peers, CONNECTION));
  const { ended } = await siege.isOver();
  expect(ended).toEqual({ 4000: 50 });
});

test("a server that goes down among hostile peers leaves no socket when its time is over", async () => {
  const siege = await besiege({ closeTimeout: 60_000, handshakeTimeout: 60_000 });
  await siege.peers(50);
  await (await siege.peers(50)).send(handshake("/late"));
  await siege.peers(50, { path: "/sink" });
  await (await siege.peers(50, { path: "/sink" })).send(half(1000));
  await (await siege.peers(50, { path: "/busy" })).send(text("busy"));
  await siege.peers(50, { path: "/echo", reads: false });
  await siege.server.call("fill", "/echo", 16 * KIB, 100 * KIB);
  await siege.until(({ asked }) => asked >= 50);

  expect(await siege.goesDown(0.3), "what the good client is told").toBe(1001);

  await siege.until(({ sockets }) => sockets === 0);
  const { opened, ended } = await siege.state();
  expect(Object.values(ended).reduce((sum, count) => sum + count)).toBe(opened);
});
