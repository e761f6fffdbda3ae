import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { turn, until } from "../support/peer.ts";
import { masked } from "../support/raw-client.ts";
import { AHEAD, CONNECTION, KIB, PIECES } from "./support/bounds.ts";
import { attackProcesses } from "./support/attack.ts";
import { compressedText } from "./support/frames.ts";
import { InflatingClient } from "./support/inflating-client.ts";

const OFFER = "permessage-deflate";
const startAttack = attackProcesses();

function deflate(data: string): Buffer {
  return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

describe("a thousand connections that each send a compressed message and get one, twice", () => {
  const COUNT = 1000;

  /** Connects at the same time: below the backlog of a listening server. */
  const AT_ONCE = 50;

  /** The memory of a deflater of the pool (docs/api), rounded up. It needs more than the 8 KiB that a connection may have. */
  const DEFLATER = 120 * KIB;

  /** No two texts are the same: each is compressed for its connection. */
  const textOf = (number: number, round: number): string => `${number} ${round} a text for one `.repeat(20);

  async function clientsOf(port: number): Promise<InflatingClient[]> {
    const clients: InflatingClient[] = [];
    while (clients.length < COUNT)
      clients.push(
        ...(await Promise.all(Array.from({ length: AT_ONCE }, () => InflatingClient.open(port, OFFER, "/echo")))),
      );
    return clients;
  }

  test.each([
    ["without context takeover", true, 1],
    ["with a pool of 8", { contextTakeover: { pool: 8 } }, 8],
  ] as const)("keep no deflater and no inflater each, and read all messages: %s", async (_which, compression, most) => {
    const attack = await startAttack({ compression });
    const before = await attack.server.call("zlibHandles");
    const clients = await clientsOf(attack.port);
    for (let round = 0; round < 2; round++) {
      // In the second round each connection has lost its deflater to others.
      for (const [i, client] of clients.entries()) client.write(masked(0xc1, deflate(textOf(i, round))));
      await until(() => clients.every(({ frames, over }) => over || frames.length > round));
    }
    // Before the good client is checked: its large messages need a handle each, which is closed after that.
    const made = (await attack.server.call("zlibHandles")) - before;
    const held = await attack.held();
    for (const { socket } of clients) socket.destroy();

    for (const [i, { frames, failure }] of clients.entries()) {
      expect(failure).toBeUndefined();
      expect(frames.map(({ payload }) => payload.toString())).toEqual([textOf(i, 0), textOf(i, 1)]);
      expect(frames.every(({ compressed }) => compressed)).toBe(true);
    }
    expect(made, "deflaters, and one inflater").toBeLessThanOrEqual(most + 1);
    expect(held).toBeLessThan(attack.bound({ count: COUNT }, CONNECTION) + most * DEFLATER);
    expect((await attack.isOver()).opened).toBe(COUNT + 1);
  });
});

describe("a million empty compressed messages of one peer", () => {
  const COUNT = 1_000_000;

  test.each([
    ["an empty block, as RFC 7692 has it", Uint8Array.of(0)],
    ["no byte at all", new Uint8Array()],
  ])("are all delivered, others are served between them, and nothing is kept: %s", async (_what, payload) => {
    const attack = await startAttack({ compression: true });
    const peers = await attack.peers(1, { path: "/sink", extensions: OFFER });
    const sunk = async (): Promise<number> => (await attack.state()).sunk;
    const all = async (): Promise<void> => {
      await peers.send(compressedText(payload), COUNT);
      while ((await sunk()) < COUNT) await turn();
    };
    const over = all();
    while ((await sunk()) === 0) await turn();
    await attack.serves();
    const meanwhile = await sunk();
    const held = await attack.heldDuring(over);
    await peers.reset();

    expect(meanwhile).toBeLessThan(COUNT);
    expect(held).toBeLessThan(attack.bound(peers, CONNECTION + AHEAD + PIECES));
    expect(await attack.isOver()).toMatchObject({ sunk: COUNT, errors: {}, ended: { 1006: 1 } });
  });
});
