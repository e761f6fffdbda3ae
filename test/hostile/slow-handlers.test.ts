import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { join } from "../support/bytes.ts";
import { CONNECTION, KIB, READ } from "./support/bounds.ts";
import { handshake, text } from "./support/frames.ts";
import { attackProcesses } from "./support/attack.ts";

const startAttack = attackProcesses();

test("short messages that wait for a pending handler hold a few times their bytes", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(50, { path: "/busy" });

  await peers.send(text("x"), 60_000);

  // Two reads are 128 KiB. Each message of seven bytes becomes a string and a place in a list.
  expect(await attack.held()).toBeLessThan(attack.bound(peers, CONNECTION + 1024 * KIB));
});

test.each([
  ["more than each may have", 30_000, 10],
  ["less than each may have", 10_000, 3],
])(
  "beyond maxTotalReceiveQueue at most two reads of each peer wait for pending handlers, and that is counted: %s",
  async (_what, size, times) => {
    const limit = 100_000;
    const attack = await startAttack({ maxTotalReceiveQueue: limit });
    const peers = await attack.peers(50, { path: "/busy" });

    await peers.send(text("x".repeat(size)), times);
    await attack.until(({ tooMuchWaiting }) => tooMuchWaiting > peers.count / 2);

    expect(await attack.held()).toBeLessThan(attack.bound(peers, CONNECTION + 4 * READ));
    const { waiting } = await attack.state();
    expect(waiting).toBeGreaterThan(limit);
    expect(waiting).toBeLessThanOrEqual(limit + peers.count * 2 * READ);
    await attack.server.call("release");
    await attack.until((now) => now.waiting === 0 && now.messages > peers.count * times);
    await peers.end();
    await attack.isOver();
  },
);

test("a client whose headers are too large is not reset while it still sends them", async () => {
  const attack = await startAttack();
  const socket = connect({ port: attack.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  onTestFinished(() => void socket.destroy());
  let answer = "";
  let error: NodeJS.ErrnoException | undefined;
  socket.setEncoding("latin1").on("data", (part: string) => (answer += part));
  socket.on("error", (failed) => (error = failed));
  const closed = new Promise((resolve) => socket.once("close", resolve));

  socket.write(`GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}`);
  await once(socket, "end");
  for (let i = 0; i < 5; i++) {
    socket.write("x".repeat(1000));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  socket.end();
  await closed;

  expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  expect(error).toBe(undefined);
});

test("a client that was refused at handshakeTimeout is released though onConnection never settles", async () => {
  const attack = await startAttack({ handshakeTimeout: 300 });
  const peers = await attack.peers(500);
  await peers.send(join([handshake("/late"), text("x".repeat(50_000))]));
  await peers.outcomes();
  await peers.end();
  await attack.until(({ sockets }) => sockets === 1);

  expect(await attack.held()).toBeLessThan(attack.bound(peers, KIB));
});
