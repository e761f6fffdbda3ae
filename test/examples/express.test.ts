import { expect, onTestFinished, test } from "vitest";
import { start } from "../../examples/express.ts";
import { Client, refusal } from "./client.ts";

test("Express answers its routes and the WebSocket server its path, and the route sees who is connected", async () => {
  const { port, stop } = await start(0);
  onTestFinished(stop);
  const online = async (): Promise<unknown> => (await fetch(`http://127.0.0.1:${port}/online`)).json();
  expect(await online()).toEqual({ online: 0 });

  const one = await Client.open(`ws://127.0.0.1:${port}/live`);
  const other = await Client.open(`ws://127.0.0.1:${port}/live`);
  one.send("from one");
  expect(await other.text()).toBe("from one");
  other.send("from the other");
  expect(await one.text()).toBe("from the other");

  expect(await online()).toEqual({ online: 2 });
  expect((await fetch(`http://127.0.0.1:${port}/nothing`)).status).toBe(404);
  expect(await refusal(`ws://127.0.0.1:${port}/online`)).toBe(404);
});
