import { expect, test } from "vitest";
import { join } from "../support/bytes.ts";
import { isLong } from "../support/long.ts";
import { ANSWERS, AHEAD, CONNECTION } from "./support/bounds.ts";
import { attackProcesses } from "./support/attack.ts";
import { close, text } from "./support/frames.ts";

const startAttack = attackProcesses();

/** What a subscription to a topic takes, with its topic. */
const TOPIC = 1024;

/** Requests for topics with the numbers from `first` on. */
function requests(first: number, count: number): Uint8Array {
  return join(Array.from({ length: count }, (_, n) => text(`\x1es - - topic ${first + n}\n`)));
}

const TOPICS = isLong ? 1_000_000 : 200_000;

test("a client that subscribes to a great many topics gets a thousand, and is told so of each", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(1, { path: "/topics", protocol: "hawser.v1" });
  const CHUNK = 50_000;

  let held = 0;
  for (let first = 0; first < TOPICS; first += CHUNK)
    held = Math.max(held, await attack.heldDuring(peers.send(requests(first, CHUNK))));
  await attack.until(({ refusedTopics }) => refusedTopics === TOPICS - 1_000);

  expect((await attack.state()).topics).toBe(1_000);
  expect(held).toBeLessThan(attack.bound(peers, CONNECTION + ANSWERS + AHEAD + 1_000 * TOPIC));
  await peers.send(close(1000));
  expect(await peers.outcomes()).toEqual({ "1000, ended": 1 });
  await peers.end();
  expect((await attack.isOver()).topics).toBe(0);
}, 60_000);

test("a client that asks for a topic and leaves it again and again is answered more slowly after a thousand times", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(1, { path: "/topics", protocol: "hawser.v1" });

  const both = join([text("\x1es - - topic\n"), text("\x1eu - - topic\n")]);
  const held = await attack.heldDuring(peers.send(both, 1_050));
  await peers.send(close(1000));

  expect(await peers.outcomes()).toEqual({ "1000, ended": 1 });
  expect(held).toBeLessThan(attack.bound(peers, CONNECTION + ANSWERS + AHEAD + TOPIC));
  const { delayedTopics } = await attack.state();
  expect(delayedTopics).toBeGreaterThan(0);
  expect(delayedTopics).toBeLessThanOrEqual(50);
  await peers.end();
  expect((await attack.isOver()).topics).toBe(0);
}, 60_000);

test("messages that are no requests close with 1002, before a topic is there", async () => {
  const attack = await startAttack();
  const peers = await attack.peers(50, { path: "/topics", protocol: "hawser.v1" });

  await peers.send(text("\x1es - - a\nmore"), 100);

  expect(await peers.outcomes()).toEqual({ "1002, ended": 50 });
  await peers.end();
  const { topics, errors } = await attack.isOver();
  expect([topics, errors]).toEqual([0, { 607: 50 }]);
});
