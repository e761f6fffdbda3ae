import { expect, onTestFinished, test } from "vitest";
import { start } from "../../examples/echo.ts";
import { Client } from "./client.ts";

test("a text comes back in upper case, each client's to itself", async () => {
  const { port, stop } = await start(0);
  onTestFinished(stop);
  const one = await Client.open(`ws://127.0.0.1:${port}`);
  const other = await Client.open(`ws://127.0.0.1:${port}`);

  one.send("Straße, naïve");
  other.send("second");
  one.send("third");

  expect(await one.text()).toBe("STRASSE, NAÏVE");
  expect(await other.text()).toBe("SECOND");
  expect(await one.text()).toBe("THIRD");
});

test("a port in use rejects the start with the system's error as its cause", async () => {
  const { port, stop } = await start(0);
  onTestFinished(stop);

  await expect(start(port)).rejects.toMatchObject({ cause: { code: "EADDRINUSE" } });
});

test("stopping closes the connections with 1001", async () => {
  const { port, stop } = await start(0);
  const client = await Client.open(`ws://127.0.0.1:${port}`);

  const closed = client.closed();
  await stop();

  expect(await closed).toBe(1001);
});
