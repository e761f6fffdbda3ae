import { WebSocketServer } from "hawser";
import { type TestClient, connect } from "hawser/testing";
import { expect, onTestFinished, test } from "vitest";
import { Adder } from "../../examples/json.ts";

async function open(): Promise<TestClient<"object">> {
  const wss = new WebSocketServer({ onConnection: () => new Adder() }, { dataType: "object" });
  onTestFinished(() => wss.terminate(0));
  return connect(wss, { dataType: "object" });
}

test("an object is answered with an object, and the connection keeps its total", async () => {
  const client = await open();

  client.send({ add: [1, 2, 3] });
  client.send({ add: [] });
  client.send({ add: [0.5] });

  expect(await client.next()).toMatchObject({ value: { sum: 6, total: 6 } });
  expect(await client.next()).toMatchObject({ value: { sum: 0, total: 6 } });
  expect(await client.next()).toMatchObject({ value: { sum: 0.5, total: 6.5 } });
});

test.each(["null", "7", "[1,2]", '"add"', "{}", '{"add":1}', '{"add":["1"]}'])(
  "the JSON %s gets an error, and the connection goes on",
  async (text) => {
    const client = await open();

    client.send(text);
    client.send({ add: [2, 2] });

    expect(await client.next()).toMatchObject({ value: { error: 'Expected { "add": [numbers] }.' } });
    expect(await client.next()).toMatchObject({ value: { sum: 4, total: 4 } });
  },
);

test("what is not JSON closes the connection with 1007", async () => {
  const client = await open();

  client.send("{");

  expect(await client.closed).toMatchObject({ code: 1007 });
});
