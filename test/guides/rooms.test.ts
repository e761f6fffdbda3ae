import { expect, test } from "vitest";
import { SLOW, usePage } from "../support/page-project.ts";
import { Client, refusal, serve } from "./client.ts";

const project = usePage("docs/guides/rooms.md");

/** A member of the chat, who has joined a room and got the list of its members. */
async function member(url: string, name: string, room: string): Promise<{ client: Client; members: Listed[] }> {
  const client = await Client.open(`${url}/?name=${name}`);
  client.send({ type: "join", room });
  const list = (await client.json()) as { type: string; members: Listed[] };
  expect(list).toMatchObject({ type: "members", room });
  return { client, members: list.members };
}

interface Listed {
  readonly id: number;
  readonly name: string;
}

test(
  "a room in the path: a message reaches the clients of that path, and no other",
  async () => {
    const { port } = await serve(project(), "one-room.js");
    const url = `ws://127.0.0.1:${String(port)}/rooms`;
    const [ann, bob, eve] = [
      await Client.open(`${url}/7`),
      await Client.open(`${url}/7`),
      await Client.open(`${url}/8`),
    ];
    ann.send("from ann");
    expect(await bob.text()).toBe("from ann");
    // What comes next is the first message that they get: the one of ann did not reach them.
    const zoe = await Client.open(`${url}/8`);
    zoe.send("from zoe");
    expect(await eve.text()).toBe("from zoe");
    bob.send("from bob");
    expect(await ann.text()).toBe("from bob");
    expect(await refusal(`${url}/`)).toBe(404);
  },
  SLOW,
);

test(
  "a client in two rooms gets the messages of both; who is in none gets none, and may not write",
  async () => {
    const { port } = await serve(project(), "chat.js");
    const url = `ws://127.0.0.1:${String(port)}`;
    const { client: ann } = await member(url, "ann", "red");
    const { client: bob, members: inRed } = await member(url, "bob", "red");
    expect(inRed.map(({ name }) => name)).toEqual(["ann", "bob"]);
    expect(await ann.json()).toEqual({ type: "joined", room: "red", ...inRed[1] });

    const { client: eve } = await member(url, "eve", "blue");
    ann.send({ type: "join", room: "blue" });
    expect(await ann.json()).toMatchObject({ type: "members", room: "blue", members: [{ name: "eve" }, inRed[0]] });
    expect(await eve.json()).toMatchObject({ type: "joined", room: "blue", name: "ann" });

    eve.send({ type: "say", room: "red", text: "let me in" });
    expect(await eve.json()).toMatchObject({ type: "error", room: "red" });
    bob.send({ type: "say", room: "red", text: "in red" });
    expect(await ann.json()).toEqual({ type: "said", room: "red", from: "bob", text: "in red" });
    eve.send({ type: "say", room: "blue", text: "in blue" });
    expect(await ann.json()).toEqual({ type: "said", room: "blue", from: "eve", text: "in blue" });

    // The first messages that bob and eve get since then: none of another room, and none of their own.
    ann.send({ type: "say", room: "red", text: "hello red" });
    ann.send({ type: "say", room: "blue", text: "hello blue" });
    expect(await bob.json()).toMatchObject({ text: "hello red" });
    expect(await eve.json()).toMatchObject({ text: "hello blue" });
  },
  SLOW,
);

test(
  "a client that leaves, or loses its connection, is in its rooms no more",
  async () => {
    const program = await serve(project(), "chat.js");
    const url = `ws://127.0.0.1:${String(program.port)}`;
    const { client: ann } = await member(url, "ann", "red");
    const { client: bob, members } = await member(url, "bob", "red");
    const [annId, bobId] = members.map(({ id }) => id);
    await ann.json();

    ann.send({ type: "leave", room: "red" });
    expect(await bob.json()).toEqual({ type: "left", room: "red", id: annId });
    ann.send({ type: "join", room: "red" });
    expect(await bob.json()).toEqual({ type: "joined", room: "red", id: annId, name: "ann" });
    expect(await ann.json()).toMatchObject({ type: "members", members: [{ name: "bob" }, { name: "ann" }] });

    bob.socket.terminate();
    expect(await ann.json()).toEqual({ type: "left", room: "red", id: bobId });
    expect((await member(url, "eve", "red")).members.map(({ name }) => name)).toEqual(["ann", "eve"]);
    expect(program.output()).toBe("");
  },
  SLOW,
);

test(
  "a client is in at most 20 rooms, and a message that is no order closes its connection",
  async () => {
    const { port } = await serve(project(), "chat.js");
    const url = `ws://127.0.0.1:${String(port)}`;
    const { client: ann } = await member(url, "ann", "room 1");
    for (let number = 2; number <= 20; number++) {
      ann.send({ type: "join", room: `room ${String(number)}` });
      expect(await ann.json()).toMatchObject({ type: "members" });
    }
    ann.send({ type: "join", room: "room 21" });
    expect(await ann.json()).toMatchObject({ type: "error", room: "room 21" });
    ann.send({ type: "leave", room: "room 1" });
    ann.send({ type: "join", room: "room 21" });
    expect(await ann.json()).toMatchObject({ type: "members", room: "room 21" });

    const bad = ["null", "1", "[]", {}, { type: "join", room: "a".repeat(101) }, { type: "say", room: "room 2" }];
    for (const message of bad) {
      const client = await Client.open(url);
      client.send(message);
      expect(await client.closed).toEqual({ code: 1008, reason: "not an order" });
    }
  },
  SLOW,
);
