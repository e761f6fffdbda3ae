import { describe, expect, test } from "vitest";
import { join } from "../support/bytes.ts";
import { CONNECTION, KIB } from "./support/bounds.ts";
import { begin, close, half, handshake, text } from "./support/frames.ts";
import { attackProcesses } from "./support/attack.ts";

const startAttack = attackProcesses();

/** The opcode of a close frame. */
const CLOSE = 8;

describe("a peer that ends its half and keeps the connection", () => {
  test.each([
    ["after its handshake", new Uint8Array(0)],
    ["after a message", text("hello")],
    ["within a frame", half(1000)],
    ["within a fragmented message", begin(10)],
  ])("%s is closed at once", async (_where, bytes) => {
    // A minute, so that no timer closes it.
    const attack = await startAttack({ closeTimeout: 60_000 });
    const peers = await attack.peers(100, { path: "/sink" });

    await peers.send(bytes);
    await peers.end();
    const held = await attack.heldDuring(peers.outcomes());

    expect(await peers.outcomes()).toEqual({ "101, ended": 100 });
    expect(held).toBeLessThan(attack.bound(peers, CONNECTION));
    const { ended } = await attack.isOver();
    expect(ended).toEqual({ 1006: 100 });
  });

  test("within its handshake gets 400", async () => {
    const attack = await startAttack({ handshakeTimeout: 60_000 });
    const peers = await attack.peers(100);

    await peers.send(handshake("/sink").subarray(0, 50));
    await peers.end();

    expect(await peers.outcomes()).toEqual({ "400, ended": 100 });
    expect((await attack.isOver()).opened, "except the good client").toBe(1);
  });

  test("while onConnection is pending is never accepted", async () => {
    const attack = await startAttack({ handshakeTimeout: 60_000 });
    const peers = await attack.peers(100);

    await peers.send(handshake("/late"));
    await peers.end();
    await attack.until(({ asked }) => asked >= 100);
    await attack.held();
    await attack.server.call("release");

    expect(await peers.outcomes()).toEqual({ "nothing, ended": 100 });
    expect((await attack.isOver()).opened, "except the good client").toBe(1);
  });
});

describe("dropped at closeTimeout is", () => {
  test("a peer that never answers our close frame", async () => {
    const attack = await startAttack({ closeTimeout: 300 });
    const peers = await attack.peers(100, { path: "/sink" });

    await attack.server.call("terminate", "/sink", 4001);
    const held = await attack.heldDuring(attack.until(({ connections }) => connections === 1));

    expect(held).toBeLessThan(attack.bound(peers, CONNECTION));
    expect(await peers.outcomes()).toEqual({ "4001, ended": 100 });
    const { ended } = await attack.isOver();
    expect(ended).toEqual({ 1006: 100 });
  });

  test("a peer that keeps sending and never answers our close frame", async () => {
    const attack = await startAttack({ closeTimeout: 300 });
    const peers = await attack.peers(20, { path: "/sink" });

    const flood = peers.dripForever(text("on and on"));
    await attack.server.call("terminate", "/sink", 4001);
    const held = await attack.heldDuring(flood);

    expect(held).toBeLessThan(attack.bound(peers, CONNECTION));
    // A peer that is dropped while it sends sees the end or the reset.
    for (const outcome of Object.keys(await peers.outcomes())) expect(outcome).toMatch(/^4001, /);
    const { ended } = await attack.isOver();
    expect(ended).toEqual({ 1006: 20 });
  });

  test("a peer that sends a close frame, gets ours and never closes its side", async () => {
    const attack = await startAttack({ closeTimeout: 300 });
    const peers = await attack.peers(100, { path: "/sink" });

    await peers.send(close(4002));
    const held = await attack.heldDuring(attack.until(({ connections }) => connections === 1));

    expect(held).toBeLessThan(attack.bound(peers, CONNECTION));
    expect(await peers.outcomes()).toEqual({ "4002, ended": 100 });
    const { ended } = await attack.isOver();
    expect(ended).toEqual({ 4002: 100 });
  });
});

describe("when both sides close at once each gets one close frame, and the peer's code is reported", () => {
  test("our close frame is sent before they send theirs", async () => {
    const attack = await startAttack({ closeTimeout: 60_000 });
    const peers = await attack.peers(100, { path: "/sink", reads: false });

    await attack.server.call("terminate", "/sink", 4001);
    // They do not read, so their close frame is not an answer.
    await peers.send(close(4002));
    await peers.read();

    expect(await peers.outcomes()).toEqual({ "4001, ended": 100 });
    expect(await peers.seen(CLOSE)).toEqual(Array(100).fill(1));
    await peers.end();
    const { ended } = await attack.isOver();
    expect(ended).toEqual({ 4002: 100 });
  });

  test("their close frame is sent before we send ours", async () => {
    const attack = await startAttack({ closeTimeout: 60_000 });
    const peers = await attack.peers(100, { path: "/busy" });

    // While a handler is pending nothing is read: the system has their close frame when ours is sent.
    const before = await attack.state();
    await peers.send(text("busy"));
    await attack.until(({ messages }) => messages >= before.messages + 100);
    await peers.send(close(4002));
    await attack.server.call("terminate", "/busy", 4001);

    expect(await peers.outcomes()).toEqual({ "4001, ended": 100 });
    expect(await peers.seen(CLOSE)).toEqual(Array(100).fill(1));
    await attack.server.call("release");
    await peers.end();
    const { ended } = await attack.isOver();
    expect(ended).toEqual({ 4002: 100 });
  });
});

test("what follows a close frame is not read, and the peer gets its code back", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(50, { path: "/sink" });
  const before = await attack.state();

  await peers.send(join([text("one"), close(4000), text("two")]));
  await peers.send(text("x".repeat(1000)), 1000);
  const outcomes = await peers.outcomes();
  const after = await attack.state();
  const held = await attack.held();
  await peers.end();

  expect(outcomes).toEqual({ "4000, ended": 50 });
  expect(after.messages - before.messages, "the message before it").toBe(50);
  expect(held).toBeLessThan(attack.bound(peers, CONNECTION));
  const { ended } = await attack.isOver();
  expect(ended).toEqual({ 4000: 50 });
});

test("a server that shuts down among hostile peers leaves no socket when its time is over", async () => {
  const attack = await startAttack({ closeTimeout: 60_000, handshakeTimeout: 60_000 });
  await attack.peers(50);
  await (await attack.peers(50)).send(handshake("/late"));
  await attack.peers(50, { path: "/sink" });
  await (await attack.peers(50, { path: "/sink" })).send(half(1000));
  await (await attack.peers(50, { path: "/busy" })).send(text("busy"));
  await attack.peers(50, { path: "/echo", reads: false });
  await attack.server.call("fill", "/echo", 16 * KIB, 100 * KIB);
  await attack.until(({ asked }) => asked >= 50);

  expect(await attack.goesDown(0.3), "the good client's close code").toBe(1001);

  await attack.until(({ sockets }) => sockets === 0);
  const { opened, ended } = await attack.state();
  expect(Object.values(ended).reduce((sum, count) => sum + count)).toBe(opened);
});
