import assert from "node:assert/strict";
import { test } from "node:test";
import { formatMarkdown } from "./markdown.ts";
import type { Result } from "./summary.ts";

const ratio = { median: 2, lowest: 1.5, highest: 3 };

function result(node: string, rows: readonly object[], id = "echo-20-1"): Result {
  const machine = { node, processor: "a processor", cores: 2, system: "a system" };
  const works = [{ work: { id, title: `title of ${id}`, kind: "echo" }, rows }];
  return {
    date: "2026-11-26T10:00:00Z",
    machine,
    pace: { rounds: 3, seconds: 1 },
    works,
    engine: [],
  } as unknown as Result;
}

test("the table has a column for each Node and server, and a row for each workload", () => {
  const table = formatMarkdown([
    result("v20.1.0", [{ peer: "hawser" }, { peer: "ws", throughput: ratio, cost: ratio }]),
    result("v26.2.0", [{ peer: "bun-deflate", throughput: null, cost: ratio }], "deflate-1k-16"),
  ]);
  const [head, rule, ...rows] = table.split("\n");
  assert.equal(
    head,
    "| workload | `ws` + bufferutil, Node 20 | native Bun.serve, Node 20 | `ws` + bufferutil, Node 26 | native Bun.serve, Node 26 |",
  );
  assert.equal(rule, "| --- | --- | --- | --- | --- |");
  assert.equal(rows[0], "| title of echo-20-1 | /s 2.00× [1.50–3.00], CPU 2.00× [1.50–3.00] |  |  |  |");
  assert.equal(rows[1], "| title of deflate-1k-16 |  |  |  | CPU 2.00× [1.50–3.00] |");
  assert.equal(rows[3], "- 2026-11-26, Node v20.1.0, a processor, 2 cores, a system; 3 rounds of 1 s");
});

test("a server that failed is named as failed", () => {
  const table = formatMarkdown([result("v20.1.0", [{ peer: "ws", failed: "it did not start" }])]);
  assert.match(table, /\| title of echo-20-1 \| failed \|/);
});
