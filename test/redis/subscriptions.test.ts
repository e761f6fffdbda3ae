import { expect, test } from "vitest";
import type { Link } from "../../src/redis/link.ts";
import { Names, type TopicChannel } from "../../src/redis/names.ts";
import { MAX_TICKS } from "../../src/redis/pending-calls.ts";
import { Subscriptions } from "../../src/redis/subscriptions.ts";

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A link that notes what it is told, and can be made to fail. */
class FakeLink {
  readonly told: string[] = [];
  fails = false;
  ended: unknown;

  readonly end = (reason: unknown): void => {
    this.ended = reason;
  };

  subscribe(channels: readonly TopicChannel[]): Promise<void> {
    return this.#note("+", channels);
  }

  unsubscribe(channels: readonly TopicChannel[]): Promise<void> {
    return this.#note("-", channels);
  }

  async #note(sign: string, channels: readonly TopicChannel[]): Promise<void> {
    this.told.push(sign + channels.map(({ topic }) => topic).join());
    await turn();
    if (this.fails) throw new Error("no");
  }
}

function rig(): { link: FakeLink; subscriptions: Subscriptions; resume: (link?: FakeLink) => Promise<void> } {
  const subscriptions = new Subscriptions(new Names("p"));
  const link = new FakeLink();
  return { link, subscriptions, resume: (next = link) => subscriptions.resume(next as unknown as Link) };
}

test("what was wanted before is subscribed to when there is a link", async () => {
  const { link, subscriptions, resume } = rig();
  const listening = subscriptions.listen(["a", "b"], []);
  await subscriptions.listen([], ["b"]);
  await Promise.all([resume(), listening]);
  expect(link.told).toEqual(["+a"]);
  const { channel } = new Names("p").channel("a");
  expect([subscriptions.topicOf(channel), subscriptions.topicOf("other")]).toEqual(["a", undefined]);
});

test("the changes of one turn are sent together, and only what differs", async () => {
  const { link, subscriptions, resume } = rig();
  await resume();
  const { listen } = { listen: subscriptions.listen.bind(subscriptions) };
  await Promise.all([listen(["a", "b"], []), listen(["c"], ["b"]), listen(["a"], [])]);
  expect(link.told).toEqual(["+a,c"]);
  await Promise.all([listen([], ["a"]), listen(["a"], []), listen([], ["c"])]);
  expect(link.told.slice(1)).toEqual(["-c"]);
  // A change while one is under way waits for it.
  const first = listen(["d"], []);
  await Promise.resolve();
  await Promise.all([first, listen([], ["d"])]);
  expect(link.told.slice(2)).toEqual(["+d", "-d"]);
});

test("many channels are sent in parts", async () => {
  const { link, subscriptions, resume } = rig();
  await resume();
  await subscriptions.listen(
    Array.from({ length: 1_100 }, (_, i) => `t${i}`),
    [],
  );
  expect(link.told.map((text) => text.split(",").length)).toEqual([512, 512, 76]);
});

test("a link that fails is ended, and the next one gets everything", async () => {
  const { link, subscriptions, resume } = rig();
  await resume();
  await subscriptions.listen(["a"], []);
  link.fails = true;
  const listening = subscriptions.listen(["b"], []);
  await turn();
  await turn();
  expect(link.ended).toEqual(new Error("no"));
  subscriptions.pause();
  const next = new FakeLink();
  await Promise.all([resume(next), listening]);
  expect(next.told).toEqual(["+a,b"]);
});

test("a link that fails at once rejects", async () => {
  const { link, subscriptions, resume } = rig();
  link.fails = true;
  const listening = subscriptions.listen(["a"], []).catch(codeOf);
  await expect(resume()).rejects.toThrow("no");
  subscriptions.pause();
  for (let i = 0; i <= MAX_TICKS; i++) subscriptions.tick();
  expect(await listening).toBe("HWS_BACKPLANE_AWAY");
});

test("without a link it waits 5 s, and the topic stays wanted", async () => {
  const { link, subscriptions, resume } = rig();
  const listening = subscriptions.listen(["a"], []).catch(codeOf);
  for (let i = 1; i < MAX_TICKS; i++) subscriptions.tick();
  const late = subscriptions.listen(["b"], []);
  subscriptions.tick();
  expect(await listening).toBe("HWS_BACKPLANE_AWAY");
  await Promise.all([resume(), late]);
  expect(link.told).toEqual(["+a,b"]);
});

test("closing waits for what is under way, and takes nothing more", async () => {
  const { link, subscriptions, resume } = rig();
  await resume();
  const listening = subscriptions.listen(["a"], []);
  const closing = subscriptions.close();
  expect(await subscriptions.listen(["b"], []).catch(codeOf)).toBe("HWS_BACKPLANE_AWAY");
  await Promise.all([listening, closing]);
  expect(link.told).toEqual(["+a"]);
  subscriptions.end();
  expect(subscriptions.topicOf(new Names("p").channel("a").channel)).toBe(undefined);
});

test("what is not done when it ends, rejects", async () => {
  const { link, subscriptions, resume } = rig();
  await resume();
  const listening = subscriptions.listen(["a"], []).catch(codeOf);
  link.fails = true;
  await subscriptions.close();
  subscriptions.end();
  expect(await listening).toBe("HWS_BACKPLANE_AWAY");
  const never = new Subscriptions(new Names("p"));
  const waiting = never.listen(["a"], []).catch(codeOf);
  await never.close();
  never.end();
  expect(await waiting).toBe("HWS_BACKPLANE_AWAY");
});
