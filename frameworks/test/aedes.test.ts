// runs on: aedes (MQTT) | aedes | `streamHandler`
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type IClientOptions, type MqttClient, connectAsync } from "mqtt";
import { Client, type Running, start } from "./support.js";

async function clientOf(t: TestContext, port: number, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(`ws://127.0.0.1:${port}`, { reconnectPeriod: 20, ...options });
  client.on("error", () => {}); // of dials while the server is away
  t.after(() => client.endAsync(true));
  return client;
}

async function serve(t: TestContext, env: Record<string, string> = {}): Promise<Running> {
  const program = await start("aedes.js", env);
  t.after(() => program.stop());
  return program;
}

/** The next message of a client. */
function next(client: MqttClient): Promise<[topic: string, text: string, qos: number]> {
  return new Promise((resolve) => {
    client.once("message", (topic, payload, { qos }) => resolve([topic, payload.toString(), qos]));
  });
}

/** Waits for an event. Errors of dials while the server is away are none. */
function once(client: MqttClient, event: "connect" | "close"): Promise<void> {
  return new Promise((resolve) => {
    client.once(event, () => resolve());
  });
}

test("the subprotocol is mqtt, and a message of QoS 1 comes to its subscriber", async (t) => {
  const program = await serve(t);
  const raw = await Client.open(t, `ws://127.0.0.1:${program.port}`, { offers: ["mqtt"] });
  assert.equal(raw.socket.protocol, "mqtt");
  const [ann, bob] = [await clientOf(t, program.port), await clientOf(t, program.port)];
  await ann.subscribeAsync("chat/#", { qos: 1 });
  const message = next(ann);
  await bob.publishAsync("chat/1", "hello", { qos: 1 });
  assert.deepEqual(await message, ["chat/1", "hello", 1]);
  // Larger than one read, and than the buffers of streams.
  const long = next(ann);
  await bob.publishAsync("chat/2", "x".repeat(300_000), { qos: 1 });
  assert.equal((await long)[1].length, 300_000);
  assert.equal(program.output(), "");
});

test("the will of a client that is cut is published, and not that of one that leaves", async (t) => {
  const { port } = await serve(t);
  const ann = await clientOf(t, port);
  await ann.subscribeAsync("gone/#", { qos: 1 });
  const will = (name: string): IClientOptions => ({
    will: { topic: `gone/${name}`, payload: Buffer.from(name), qos: 1, retain: false },
  });
  const bob = await clientOf(t, port, will("bob"));
  const cid = await clientOf(t, port, { ...will("cid"), reconnectPeriod: 0 });
  const first = next(ann);
  await bob.endAsync();
  cid.stream.destroy();
  assert.deepEqual(await first, ["gone/cid", "cid", 1]);
});

test("a restart: the client comes back, and the process has ended by itself", async (t) => {
  const program = await serve(t);
  const ann = await clientOf(t, program.port);
  const left = once(ann, "close");
  assert.equal(await program.stop(), 0);
  await left;
  const back = once(ann, "connect");
  await serve(t, { PORT: String(program.port) });
  await back;
  assert.equal(ann.connected, true);
  assert.equal(program.output(), "");
});
