import { expect, onTestFinished, test } from "vitest";
import { start } from "../../examples/json.ts";
import { Client } from "./client.ts";

async function connect(): Promise<Client> {
  const { port, stop } = await start(0);
  onTestFinished(stop);
  return Client.open(`ws://127.0.0.1:${port}`);
}

test("an object is answered with an object, and the connection keeps its total", async () => {
  const client = await connect();

  client.send({ add: [1, 2, 3] });
  client.send({ add: [] });
  client.send({ add: [0.5] });

  expect(await client.json()).toEqual({ sum: 6, total: 6 });
  expect(await client.json()).toEqual({ sum: 0, total: 6 });
  expect(await client.json()).toEqual({ sum: 0.5, total: 6.5 });
});

test.each(["null", "7", "[1,2]", '"add"', "{}", '{"add":1}', '{"add":["1"]}'])(
  "the JSON %s gets an error, and the connection goes on",
  async (text) => {
    const client = await connect();

    client.send(text);
    client.send({ add: [2, 2] });

    expect(await client.json()).toEqual({ error: 'Expected { "add": [numbers] }.' });
    expect(await client.json()).toEqual({ sum: 4, total: 4 });
  },
);

test("what is not JSON closes the connection with 1007", async () => {
  const client = await connect();

  client.send("{");

  expect(await client.closed()).toBe(1007);
});
