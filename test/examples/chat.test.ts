import { WebSocketServer } from "hawser";
import { type TestClient, connect } from "hawser/testing";
import { expect, onTestFinished, test } from "vitest";
import { Chat } from "../../examples/chat/chat.ts";
import { chatOptions } from "../../examples/chat/server.ts";

type Client = TestClient<"object">;

/** The chat without a port. chat-server.test.ts has the one that listens. */
function startChat(): (query?: string) => Promise<Client> {
  const wss = new WebSocketServer(new Chat(), chatOptions);
  onTestFinished(() => wss.terminate(0));
  return (query = "") => connect(wss, { url: `/chat${query}`, dataType: "object" });
}

/** The next message that a client gets. */
async function heard(client: Client): Promise<unknown> {
  const { done, value } = await client.next();
  if (done === true) throw new Error("the connection ended before a message came");
  return value;
}

/** Clients with these names that have read all welcome messages. */
async function roomWith<Names extends string[]>(...names: Names): Promise<{ [Each in keyof Names]: Client }> {
  const enter = startChat();
  const clients: Client[] = [];
  for (const name of names) {
    const client = await enter(`?name=${encodeURIComponent(name)}`);
    for (const each of [client, ...clients]) await heard(each);
    clients.push(client);
  }
  return clients as { [Each in keyof Names]: Client };
}

test("a new client is welcomed and gets the list of names; the others are told of it", async () => {
  const enter = startChat();
  const ada = await enter("?name=Ada");
  expect(await heard(ada)).toEqual({ type: "welcome", name: "Ada", people: ["Ada"] });

  const grace = await enter("?name=Grace");
  expect(await heard(grace)).toEqual({ type: "welcome", name: "Grace", people: ["Ada", "Grace"] });
  expect(await heard(ada)).toEqual({ type: "new client", name: "Grace" });

  // Grace was not told of herself: her next message is about Joan.
  await enter("?name=Joan");
  expect(await heard(grace)).toEqual({ type: "new client", name: "Joan" });
});

test("a message goes to all others and not to its sender, in order", async () => {
  const [ada, grace, joan] = await roomWith("Ada", "Grace", "Joan");

  ada.send({ type: "message", text: "one" });
  ada.send({ type: "message", text: "  two\nlines  " });
  for (const other of [grace, joan]) {
    expect(await heard(other)).toEqual({ type: "message", name: "Ada", text: "one" });
    expect(await heard(other)).toEqual({ type: "message", name: "Ada", text: "two\nlines" });
  }
  grace.send({ type: "message", text: "three" });

  expect(await heard(ada)).toEqual({ type: "message", name: "Grace", text: "three" });
});

test("the others are told that a client left, whether it closed or was cut off", async () => {
  const [ada, grace, joan] = await roomWith("Ada", "Grace", "Joan");

  grace.close();
  expect(await heard(ada)).toEqual({ type: "client left", name: "Grace" });
  expect(await heard(joan)).toEqual({ type: "client left", name: "Grace" });
  joan.destroy();

  expect(await heard(ada)).toEqual({ type: "client left", name: "Joan" });
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
  const enter = startChat();

  expect(await heard(await enter(query))).toMatchObject({ type: "welcome", name });
});

test("a name that is taken gets a number, and is free again when its owner has left", async () => {
  const enter = startChat();
  const first = await enter("?name=Ada");
  const second = await enter("?name=Ada");
  const third = await enter("?name=Ada");
  expect(await heard(second)).toMatchObject({ name: "Ada 2", people: ["Ada", "Ada 2"] });
  expect(await heard(third)).toMatchObject({ name: "Ada 3", people: ["Ada", "Ada 2", "Ada 3"] });

  first.close();
  await heard(third);

  expect(await heard(await enter("?name=Ada"))).toMatchObject({ name: "Ada", people: ["Ada 2", "Ada 3", "Ada"] });
});

test("everyone is told of a change of name, its owner too, and messages carry the new one", async () => {
  const [ada, grace] = await roomWith("Ada", "Grace");

  grace.send({ type: "name", name: "Grace" }); // no change, so nothing to say
  grace.send({ type: "name", name: "Ada" });
  grace.send({ type: "message", text: "hello" });

  expect(await heard(ada)).toEqual({ type: "renamed", from: "Grace", to: "Ada 2" });
  expect(await heard(ada)).toEqual({ type: "message", name: "Ada 2", text: "hello" });
  expect(await heard(grace)).toEqual({ type: "renamed", from: "Grace", to: "Ada 2" });
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

  expect(await heard(grace)).toEqual({ type: "refused", reason });
  expect(await heard(ada)).toEqual({ type: "message", name: "Grace", text: "x".repeat(1000) });
});

test("what is not JSON is dropped, and its sender stays", async () => {
  const [ada, grace] = await roomWith("Ada", "Grace");

  grace.send("{ not JSON");
  grace.send({ type: "message", text: "still here" });

  expect(await heard(ada)).toEqual({ type: "message", name: "Grace", text: "still here" });
});

test("a flood in one message closes its sender's connection alone", async () => {
  const [ada, grace, joan] = await roomWith("Ada", "Grace", "Joan");

  grace.send({ type: "message", text: "x".repeat(100_000) });
  expect(await grace.closed).toMatchObject({ code: 1009 });
  joan.send({ type: "message", text: "calm again" });

  // Grace's end and Joan's text reach the server by two sockets: either may be first.
  const both = [await heard(ada), await heard(ada)];
  expect(both).toContainEqual({ type: "client left", name: "Grace" });
  expect(both).toContainEqual({ type: "message", name: "Joan", text: "calm again" });
});

test("a chat with 200 people accepts no more", async () => {
  const enter = startChat();
  await Promise.all(Array.from({ length: 200 }, () => enter()));

  await expect(enter()).rejects.toMatchObject({ status: 503 });
});
