import { expect, onTestFinished, test } from "vitest";
import { start } from "../../examples/fastify.ts";
import { Client, refusal } from "./client.ts";

async function connect(): Promise<number> {
  const { port, stop } = await start(0);
  onTestFinished(stop);
  return port;
}

function post(port: number, notice: unknown): Promise<Response> {
  const headers = { "Content-Type": "application/json" };
  return fetch(`http://127.0.0.1:${port}/notices`, { method: "POST", headers, body: JSON.stringify(notice) });
}

test("what is posted to a route of Fastify goes to everyone who is connected", async () => {
  const port = await connect();
  const clients = [
    await Client.open(`ws://127.0.0.1:${port}/live`),
    await Client.open(`ws://localhost:${port}/live`), // Fastify listens on each address of localhost
  ];

  expect((await post(port, { text: "High water at nine" })).status).toBe(204);

  for (const client of clients) expect(await client.json()).toEqual({ notice: "High water at nine" });
});

test("a bad notice gets 400 and nobody receives it", async () => {
  const port = await connect();
  const client = await Client.open(`ws://127.0.0.1:${port}/live`);

  expect((await post(port, { text: "" })).status).toBe(400);
  expect((await post(port, {})).status).toBe(400);
  await post(port, { text: "good" });

  expect(await client.json()).toEqual({ notice: "good" });
});

test("the WebSocket server has one path only", async () => {
  const port = await connect();

  expect(await refusal(`ws://127.0.0.1:${port}/notices`)).toBe(404);
});
