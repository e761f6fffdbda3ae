import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { transport } from "../support/transport.ts";
import { CONNECTION, HANDSHAKE, KIB } from "./support/bounds.ts";
import { attackProcesses } from "./support/attack.ts";

/** Ten thousand with the good client. */
const COUNT = 9_999;

/** Over HTTP/2 a fifth: their client takes three times as long to open them. */
const OVER_HTTP2 = 1_999;

/** Files that a process may open. Both processes need one for each connection. */
const files = execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).trim();
const enough = files === "unlimited" || Number(files) >= COUNT + 500 || process.env["CI"] === "true";

describe.skipIf(!enough)("ten thousand connections", () => {
  const startAttack = attackProcesses();

  test("that do nothing once they are open hold little memory", { timeout: 120_000 }, async () => {
    const count = transport() === "h2" ? OVER_HTTP2 : COUNT;
    const attack = await startAttack();
    const peers = await attack.peers(count, { path: "/sink" });

    const held = await attack.held();
    const pages = await attack.pages();
    const { connections } = await attack.state();
    await peers.reset();

    expect(connections).toBe(count + 1);
    expect(held).toBeLessThan(attack.bound(peers, CONNECTION));
    expect(pages).toBeLessThan(attack.bound(peers, 16 * KIB));
    const { ended } = await attack.isOver();
    expect(ended).toEqual({ 1006: count });
  });

  test("that send nothing are closed at handshakeTimeout", { timeout: 120_000 }, async () => {
    const attack = await startAttack({ handshakeTimeout: 3000 });
    const peers = await attack.peers(COUNT);

    const held = await attack.heldDuring(peers.outcomes());

    expect(held).toBeLessThan(attack.bound(peers, HANDSHAKE));
    for (const outcome of Object.keys(await peers.outcomes())) expect(outcome).toMatch(/^(408|nothing), /);
    await peers.end();
    expect((await attack.isOver()).opened, "except the good client").toBe(1);
  });
});
