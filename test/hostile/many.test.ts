import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { CONNECTION, HANDSHAKE, KIB } from "./support/bounds.ts";
import { armies } from "./support/siege.ts";

/** With the good client they are ten thousand. */
const COUNT = 9_999;

/** Files that a process may have open: each of both processes needs one for each connection. */
const files = execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).trim();
const enough = files === "unlimited" || Number(files) >= COUNT + 500 || process.env["CI"] === "true";

describe.skipIf(!enough)("ten thousand connections", () => {
  const besiege = armies();

  test("that do nothing once they are open hold little", { timeout: 120_000 }, async () => {
    const siege = await besiege();
    const peers = await siege.peers(COUNT, { path: "/sink" });

    const held = await siege.held();
    const pages = await siege.pages();
    const { connections } = await siege.state();
    await peers.reset();

    expect(connections).toBe(COUNT + 1);
    expect(held).toBeLessThan(siege.bound(peers, CONNECTION));
    expect(pages).toBeLessThan(siege.bound(peers, 16 * KIB));
    const { ended } = await siege.isOver();
    expect(ended).toEqual({ 1006: COUNT });
  });

  test("that send nothing at all are gone at handshakeTimeout", { timeout: 120_000 }, async () => {
    const siege = await besiege({ handshakeTimeout: 3000 });
    const peers = await siege.peers(COUNT);

    const held = await siege.heldDuring(peers.outcomes());

    expect(held).toBeLessThan(siege.bound(peers, HANDSHAKE));
    for (const outcome of Object.keys(await peers.outcomes())) expect(outcome).toMatch(/^(408|nothing), /);
    await peers.end();
    expect((await siege.isOver()).opened, "but the good client").toBe(1);
  });
});
