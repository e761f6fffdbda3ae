import { WebSocketServer } from "hawser";
import { connect } from "hawser/testing";
import { expect, onTestFinished, test } from "vitest";
import { Echo, start } from "../../examples/echo.ts";
import { Client } from "./client.ts";

test("a text comes back in upper case, each client's to itself", async () => {
  const wss = new WebSocketServer({ onConnection: () => new Echo() });
  onTestFinished(() => wss.terminate(0));
  const one = await connect(wss);
  const other = await connect(wss);

  one.send("Straße, naïve");
  other.send("second");
  one.send("third");

  expect((await one.next()).value).toBe("STRASSE, NAÏVE");
  expect((await other.next()).value).toBe("SECOND");
  expect((await one.next()).value).toBe("THIRD");
});

test("a port in use rejects the start with the system's error as its cause", async () => {
  const { port, stop } = await start(0);
  onTestFinished(stop);

  await expect(start(port)).rejects.toMatchObject({ cause: { code: "EADDRINUSE" } });
});

test("the program answers, and stopping closes the connections with 1001", async () => {
  const { port, stop } = await start(0);
  const client = await Client.open(`ws://127.0.0.1:${port}`);

  client.send("port");
  expect(await client.text()).toBe("PORT");
  const closed = client.closed();
  await stop();

  expect(await closed).toBe(1001);
});
