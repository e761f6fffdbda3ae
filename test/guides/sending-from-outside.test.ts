import { expect, test } from "vitest";
import { SLOW, usePage } from "../support/page-project.ts";
import { Client, serve } from "./client.ts";

const project = usePage("docs/guides/sending-from-outside.md", ["express", "@types/express"]);

test(
  "a route of node:http sends to all, and knows to how many",
  async () => {
    const { port } = await serve(project(), "route.js");
    const news = `http://127.0.0.1:${String(port)}/news`;
    const clients = [
      await Client.open(`ws://127.0.0.1:${String(port)}`),
      await Client.open(`ws://127.0.0.1:${String(port)}`),
    ];
    expect((await fetch(news)).status).toBe(404);
    expect(await (await fetch(news, { method: "POST" })).text()).toBe("sent to 2");
    for (const client of clients) expect(await client.text()).toBe("There is news.");
  },
  SLOW,
);

test(
  "a route of Express sends to all connections of one user, and to nobody else",
  async () => {
    const { port } = await serve(project(), "users.js");
    const url = `ws://127.0.0.1:${String(port)}/live`;
    const post = async (user: string, body: string): Promise<unknown> => {
      const headers = { "content-type": "text/plain" };
      const route = `http://127.0.0.1:${String(port)}/users/${user}/messages`;
      const response = await fetch(route, { method: "POST", headers, body });
      return { status: response.status, ...((await response.json()) as object) };
    };
    const [tab, phone, bob] = [
      await Client.open(`${url}?name=ann`),
      await Client.open(`${url}?name=ann`),
      await Client.open(`${url}?name=bob`),
    ];
    expect(await post("ann", "for ann")).toEqual({ status: 200, sent: 2 });
    for (const client of [tab, phone]) expect(await client.text()).toBe("for ann");
    expect(await post("bob", "for bob")).toEqual({ status: 200, sent: 1 });
    expect(await bob.text()).toBe("for bob");

    phone.socket.close();
    await phone.closed;
    await expect.poll(() => post("ann", "again")).toEqual({ status: 200, sent: 1 });
    expect(await tab.text()).toBe("again");
    bob.socket.terminate();
    await expect.poll(() => post("bob", "anybody?")).toEqual({ status: 404, sent: 0 });
  },
  SLOW,
);

test(
  "a timer and an emitter send to all, and the process ends when it is told to",
  async () => {
    const program = await project().start("ticker.js");
    const clients = [1, 2].map(() => Client.open(`ws://127.0.0.1:${String(program.port)}`));
    for (const client of await Promise.all(clients)) {
      const kinds = new Set<string>();
      while (kinds.size < 2) kinds.add(Object.keys((await client.json()) as object).join());
      expect([...kinds].sort()).toEqual(["name,price", "time"]);
    }
    expect(await program.stop()).toBe(0);
    expect(program.output()).toBe("");
    for (const client of await Promise.all(clients)) expect((await client.closed).code).toBe(1001);
  },
  SLOW,
);

test(
  "two servers with one bus are one chat: all clients get all messages, once, in one order",
  async () => {
    const { port } = await serve(project(), "several.js");
    const url = `ws://127.0.0.1:${String(port)}`;
    const [ann, bob] = [await Client.open(`${url}/one`), await Client.open(`${url}/two`)];
    for (let number = 0; number < 10; number++) {
      ann.send(`ann ${String(number)}`);
      bob.send(`bob ${String(number)}`);
    }
    const atAnn: string[] = [];
    const atBob: string[] = [];
    for (let number = 0; number < 20; number++) {
      atAnn.push(await ann.text());
      atBob.push(await bob.text());
    }
    expect(atBob).toEqual(atAnn);
    expect(new Set(atAnn).size).toBe(20);
    expect(atAnn.filter((text) => text.startsWith("ann"))).toEqual(
      atAnn.filter((text) => text.startsWith("ann")).sort(),
    );
  },
  SLOW,
);
