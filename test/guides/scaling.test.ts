import { expect, onTestFinished, test } from "vitest";
import { SLOW, programsOf, usePage } from "../support/page-project.ts";
import { freePort } from "../support/ports.ts";
import { RedisServer } from "../support/redis/server.ts";
import { describeWith } from "../support/system.ts";
import { framed } from "../support/topic-frame.ts";
import { PageClient, printed } from "./page-client.ts";

const PAGE = "docs/scaling.md";
const project = usePage(PAGE, ["ioredis"]);

test("the page has these programs", () => {
  expect([...programsOf(PAGE).keys()].sort()).toEqual(["cluster.ts", "server.ts", "two.ts"]);
});

/** Reads up to a message of a topic with this text, and returns its position. */
async function readTo(client: PageClient, text: string): Promise<string> {
  for (;;) {
    const message = framed(await client.text());
    if (message.kind === "m" && message.data === text) return message.position;
  }
}

/** Reads up to a message without a header line. */
async function answerOf(client: PageClient): Promise<string> {
  for (;;) {
    const text = await client.text();
    if (!text.startsWith("\x1e")) return text;
  }
}

describeWith("redis", "with Redis", (path) => {
  test(
    "server.js: two processes are one chat, and a client resumes on the other one",
    async () => {
      const broker = await RedisServer.start(path);
      onTestFinished(() => broker.end());
      const env = { REDIS_URL: `redis://127.0.0.1:${String(broker.port)}` };
      const [one, two] = [await project().start("server.js", env), await project().start("server.js", env)];
      await printed(one, "redis: ready");
      await printed(two, "redis: ready");
      const [ann, bob] = [await PageClient.open(one, "/?user=ann"), await PageClient.open(two, "/?user=bob")];
      ann.send("hi");
      const position = await readTo(bob, "ann: hi");
      // Who is there comes by another way than the messages.
      let present: string[];
      do {
        bob.send("who");
        present = (await answerOf(bob)).split(" ").sort();
      } while (present.length < 2);
      expect(present).toEqual(["ann", "bob"]);
      bob.socket.terminate();
      ann.send("are you there?");
      await readTo(ann, "ann: are you there?");
      const again = await PageClient.open(one, `/?user=bob&since=${encodeURIComponent(position)}`);
      expect(framed(await again.text())).toMatchObject({ kind: "s", flag: "1" });
      await readTo(again, "ann: are you there?");
      expect(await one.stop()).toBe(0);
      expect(await two.stop()).toBe(0);
    },
    SLOW,
  );

  test(
    "cluster.js: the workers of one port are joined",
    async () => {
      const broker = await RedisServer.start(path);
      onTestFinished(() => broker.end());
      const env = { REDIS_URL: `redis://127.0.0.1:${String(broker.port)}`, WORKERS: "2" };
      const cluster = await project().start("cluster.js", env);
      await expect.poll(() => cluster.output().split("redis: ready").length, { timeout: 60_000 }).toBe(3);
      const clients = [];
      for (let n = 0; n < 6; n++) clients.push(await PageClient.open(cluster, `/?user=u${String(n)}`));
      clients[0]!.send("hi all");
      for (const client of clients) await readTo(client, "u0: hi all");
      expect(await cluster.stop()).toBe(0);
    },
    SLOW,
  );
});

test(
  "two.js: what the administrators' server publishes reaches the users' server",
  async () => {
    const adminPort = await freePort();
    const servers = await project().start("two.js", { ADMIN_PORT: String(adminPort) });
    const user = await PageClient.open(servers, "/users");
    const administrator = await PageClient.open({ ...servers, port: adminPort });
    administrator.send("a message");
    expect(await user.text()).toBe("a message");
  },
  SLOW,
);
