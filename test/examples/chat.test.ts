import { expect, onTestFinished, test } from "vitest";
import { start } from "../../examples/chat/server.ts";
import { Client, refusal } from "./client.ts";

async function startChat(): Promise<(name?: string) => Promise<Client>> {
  const { port, stop } = await start(0);
  onTestFinished(stop);
  return (query = "") => Client.open(`ws://127.0.0.1:${port}/chat${query}`);
}

/** Clients with these names that have read all welcome messages. */
async function roomWith<Names extends string[]>(...names: Names): Promise<{ [Each in keyof Names]: Client }> {
  const enter = await startChat();
  const clients: Client[] = [];
  for (const name of names) {
    const client = await enter(`?name=${encodeURIComponent(name)}`);
    for (const each of [client, ...clients]) await each.json();
    clients.push(client);
  }
  return clients as { [Each in keyof Names]: Client };
}

test("a new client is welcomed and gets the list of names; the others are told of it", async () => {
  const enter = await startChat();
  const ada = await enter("?name=Ada");
  expect(await ada.json()).toEqual({ type: "welcome", name: "Ada", people: ["Ada"] });

  const grace = await enter("?name=Grace");
  expect(await grace.json()).toEqual({ type: "welcome", name: "Grace", people: ["Ada", "Grace"] });
  expect(await ada.json()).toEqual({ type: "new client", name: "Grace" });

  // Grace was not told of herself: her next message is about Joan.
  await enter("?name=Joan");
  expect(await grace.json()).toEqual({ type: "new client", name: "Joan" });
});

test("a message goes to all others and not to its sender, in order", async () => {
  const [ada, grace, joan] = await roomWith("Ada", "Grace", "Joan");

  ada.send({ type: "message", text: "one" });
  ada.send({ type: "message", text: "  two\nlines  " });
  for (const other of [grace, joan]) {
    expect(await other.json()).toEqual({ type: "message", name: "Ada", text: "one" });
    expect(await other.json()).toEqual({ type: "message", name: "Ada", text: "two\nlines" });
  }
  grace.send({ type: "message", text: "three" });

  expect(await ada.json()).toEqual({ type: "message", name: "Grace", text: "three" });
});

test("the others are told that a client left, whether it closed or was cut off", async () => {
  const [ada, grace, joan] = await roomWith("Ada", "Grace", "Joan");

  await grace.close();
  expect(await ada.json()).toEqual({ type: "client left", name: "Grace" });
  expect(await joan.json()).toEqual({ type: "client left", name: "Grace" });
  joan.socket.terminate();

  expect(await ada.json()).toEqual({ type: "client left", name: "Joan" });
});

test.each([
  ["none", "", "Guest"],
  ["an empty one", "?name=%20%20", "Guest"],
  ["two", "?name=Ada&name=Grace", "Guest"],
  ["one of 25 characters", `?name=${"x".repeat(25)}`, "x".repeat(24)],
  ["one of 25 characters outside the first plane", `?name=${"%F0%9F%9A%A2".repeat(25)}`, "🚢".repeat(24)],
  ["one with control and direction characters", "?name=%00A%E2%80%AEd%0Aa%E2%80%8B", "A d a"],
  ["one that is markup", "?name=%3Cb%3E", "<b>"],
])("a client that asks for a name and gives %s gets one that can be shown", async (_what, query, name) => {
  const enter = await startChat();

  expect(await (await enter(query)).json()).toMatchObject({ type: "welcome", name });
});

test("a name that is taken gets a number, and is free again when its owner has left", async () => {
  const enter = await startChat();
  const first = await enter("?name=Ada");
  const second = await enter("?name=Ada");
  const third = await enter("?name=Ada");
  expect(await second.json()).toMatchObject({ name: "Ada 2", people: ["Ada", "Ada 2"] });
  expect(await third.json()).toMatchObject({ name: "Ada 3", people: ["Ada", "Ada 2", "Ada 3"] });

  await first.close();
  await third.json();

  expect(await (await enter("?name=Ada")).json()).toMatchObject({ name: "Ada", people: ["Ada 2", "Ada 3", "Ada"] });
});

test("everyone is told of a change of name, its owner too, and messages carry the new one", async () => {
  const [ada, grace] = await roomWith("Ada", "Grace");

  grace.send({ type: "name", name: "Grace" }); // no change, so nothing to say
  grace.send({ type: "name", name: "Ada" });
  grace.send({ type: "message", text: "hello" });

  expect(await ada.json()).toEqual({ type: "renamed", from: "Grace", to: "Ada 2" });
  expect(await ada.json()).toEqual({ type: "message", name: "Ada 2", text: "hello" });
  expect(await grace.json()).toEqual({ type: "renamed", from: "Grace", to: "Ada 2" });
});

test.each([
  ["of 1001 characters", { type: "message", text: "x".repeat(1001) }, "A message has at most 1000 characters."],
  ["that is blank", { type: "message", text: " \n" }, "There was no text in this message."],
  ["whose text is a number", { type: "message", text: 7 }, "There was no text in this message."],
  ["without a type", { text: "hello" }, "A message has the type “message” or “name”."],
  ["that is null", "null", "A message has the type “message” or “name”."],
  ["that is a number", "7", "A message has the type “message” or “name”."],
  ["that is a list", "[]", "A message has the type “message” or “name”."],
])("a message %s is refused, and nothing else is lost", async (_what, message, reason) => {
  const [ada, grace] = await roomWith("Ada", "Grace");

  grace.send(message);
  grace.send({ type: "message", text: "x".repeat(1000) });

  expect(await grace.json()).toEqual({ type: "refused", reason });
  expect(await ada.json()).toEqual({ type: "message", name: "Grace", text: "x".repeat(1000) });
});

test("what is not JSON is dropped, and its sender stays", async () => {
  const [ada, grace] = await roomWith("Ada", "Grace");

  grace.send("{ not JSON");
  grace.send({ type: "message", text: "still here" });

  expect(await ada.json()).toEqual({ type: "message", name: "Grace", text: "still here" });
});

test("a flood in one message closes its sender's connection alone", async () => {
  const [ada, grace, joan] = await roomWith("Ada", "Grace", "Joan");

  const closed = grace.closed();
  grace.send({ type: "message", text: "x".repeat(100_000) });
  expect(await closed).toBe(1009);
  joan.send({ type: "message", text: "calm again" });

  // Grace's end and Joan's text reach the server by two sockets: either may be first.
  const heard = [await ada.json(), await ada.json()];
  expect(heard).toContainEqual({ type: "client left", name: "Grace" });
  expect(heard).toContainEqual({ type: "message", name: "Joan", text: "calm again" });
});

test("a chat with 200 people accepts no more", async () => {
  const { port, stop } = await start(0);
  onTestFinished(stop);
  const url = `ws://127.0.0.1:${port}/chat`;
  await Promise.all(Array.from({ length: 200 }, () => Client.open(url)));

  expect(await refusal(url)).toBe(503);
});
