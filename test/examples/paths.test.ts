import { expect, onTestFinished, test } from "vitest";
import { start } from "../../examples/paths.ts";
import { Client, refusal } from "./client.ts";

async function connect(): Promise<string> {
  const { port, stop } = await start(0);
  onTestFinished(stop);
  return `ws://127.0.0.1:${port}`;
}

test("each path has its own server, with its own connections", async () => {
  const url = await connect();
  const visitor = await Client.open(`${url}/visitors`);
  expect(await visitor.text()).toBe("1 here");

  const echo = await Client.open(`${url}/echo`);
  echo.send("hello");
  expect(await echo.text()).toBe("hello");

  // The echo's client was not counted: the next number is of the next visitor.
  const second = await Client.open(`${url}/visitors`);
  expect(await second.text()).toBe("2 here");
  expect(await visitor.text()).toBe("2 here");
  await second.close();
  expect(await visitor.text()).toBe("1 here");
});

test("a path that nobody serves gets 404", async () => {
  const url = await connect();

  expect(await refusal(`${url}/elsewhere`)).toBe(404);
  expect(await refusal(url)).toBe(404);
});
