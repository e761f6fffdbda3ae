import { expect, test } from "vitest";
import { ReadHold } from "../../src/adapters/read-hold.ts";
import { ourPair } from "./ws-servers.ts";

test("a hold is over when it is ended, also if it began again meanwhile", async () => {
  const { socket } = await ourPair();
  const hold = new ReadHold(socket.connection);
  await hold.released();
  hold.begin();
  hold.begin();
  expect(hold.isActive).toBe(true);
  const order: string[] = [];
  const released = hold.released().then(() => order.push("released"));
  hold.end();
  hold.begin();
  await Promise.resolve();
  order.push("ended");
  hold.end();
  hold.end();
  await released;
  expect(order).toEqual(["ended", "released"]);
});

test("a hold is over when the connection begins to end, and does not begin after that", async () => {
  const { client, socket } = await ourPair();
  const hold = new ReadHold(socket.connection);
  hold.begin();
  client.close();
  await hold.released();
  expect(socket.connection.status).not.toBe("Connected");
  hold.begin();
  expect(hold.isActive).toBe(false);
});
