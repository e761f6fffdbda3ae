import { WebSocketServer, refuse } from "hawser";
import { expect, onTestFinished, test } from "vitest";
import { ask, explain } from "../../examples/client.ts";
import { start } from "../../examples/echo.ts";

test("each text gets its answer, in order, and then the client ends", async () => {
  const { port, stop } = await start(0);
  onTestFinished(stop);
  const printed: string[] = [];
  await ask(`ws://127.0.0.1:${String(port)}`, ["one", "Straße"], (text) => printed.push(text));
  expect(printed).toEqual(["ONE", "STRASSE"]);
});

test("without a text it connects and ends", async () => {
  const { port, stop } = await start(0);
  onTestFinished(stop);
  await expect(ask(`ws://127.0.0.1:${String(port)}`, [], () => {})).resolves.toBeUndefined();
});

test("a server that refuses, and one that is not there, are explained", async () => {
  const wss = new WebSocketServer({ onConnection: () => refuse(401, "Sign in first.") }, { port: 0 });
  await wss.ready;
  const { port } = wss.address() as { port: number };
  const url = `ws://127.0.0.1:${String(port)}`;
  expect(await ask(url, ["one"], () => {}).catch(explain)).toMatch(/\(HWS_REFUSED, http\) HTTP 401: Sign in first\.$/);
  await wss.terminate(0);
  expect(await ask(url, ["one"], () => {}).catch(explain)).toMatch(/ECONNREFUSED.*\(HWS_CONNECT_FAILED, tcp\)$/);
});
