// runs on: node:cluster | Node | nothing to do: workers share a port
import assert from "node:assert/strict";
import { before, test, type TestContext } from "node:test";
import { Client, type Running, start } from "./support.js";

let program: Running;
before(async () => {
  program = await start("cluster.js", { WORKERS: "2" });
});

/** A client, and the process that serves it. */
async function open(t: TestContext): Promise<{ client: Client; pid: number }> {
  const client = await Client.open(t, `ws://127.0.0.1:${program.port}/`);
  return { client, pid: Number((await client.ask("hello")).split(" from ")[1]) };
}

/** Clients until each of two processes, none of which is in `but`, has one. */
async function openOnTwo(t: TestContext, but: readonly number[] = []): Promise<Map<number, Client>> {
  const clients = new Map<number, Client>();
  while (clients.size < 2) {
    const { client, pid } = await open(t);
    if (!but.includes(pid)) clients.set(pid, client);
  }
  return clients;
}

test("two workers share a port, and are replaced one after the other while clients come and go", async (t) => {
  const old = await openOnTwo(t);
  program.process.kill("SIGHUP");
  const ends = Promise.all([...old.values()].map(async ({ closed }) => (await closed).code));
  const next = await openOnTwo(t, [...old.keys()]);
  assert.deepEqual(await ends, [1001, 1001]);
  for (const client of next.values()) assert.match(await client.ask("still"), /^still from /);

  const code = program.stop();
  for (const { closed } of next.values()) assert.equal((await closed).code, 1001);
  assert.equal(await code, 0);
});
