// runs on: node:cluster | Node | nothing to do: workers share a port
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { type Running, openOnTwo, start } from "./support.js";

let program: Running;
before(async () => {
  program = await start("cluster.js", { WORKERS: "2" });
});

test("two workers share a port, and are replaced one after the other while clients come and go", async (t) => {
  const old = await openOnTwo(t, program.port);
  program.process.kill("SIGHUP");
  const ends = Promise.all([...old.values()].map(async ({ closed }) => (await closed).code));
  const next = await openOnTwo(t, program.port, [...old.keys()]);
  assert.deepEqual(await ends, [1001, 1001]);
  for (const client of next.values()) assert.match(await client.ask("still"), /^still from /);

  const code = program.stop();
  for (const { closed } of next.values()) assert.equal((await closed).code, 1001);
  assert.equal(await code, 0);
});
