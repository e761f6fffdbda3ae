import assert from "node:assert/strict";
import { test } from "node:test";
import { clientChunks, payloadsOf } from "./messages.ts";
import { parseEngineWork } from "./work.ts";

function chunksOf(id: string): Buffer[] {
  const work = parseEngineWork(id);
  return clientChunks(work, payloadsOf(work));
}

test("successive payloads differ and have the given length", () => {
  const [first, second] = payloadsOf(parseEngineWork("parse-fragments-256"));
  assert.equal(first?.length, 16 * 256);
  assert.ok(!first.equals(second!));
});

test("frames are delivered in chunks of the maximum size of a socket", () => {
  const chunks = chunksOf("parse-text-20");
  assert.deepEqual([...new Set(chunks.slice(0, -1).map((chunk) => chunk.length))], [65536]);
});

test("chunks that are cut anywhere have the same bytes, and are the same each time", () => {
  const chunks = chunksOf("parse-cut-20");
  assert.ok(Buffer.concat(chunks).equals(Buffer.concat(chunksOf("parse-text-20"))));
  assert.deepEqual(chunks, chunksOf("parse-cut-20"));
  const lengths = new Set(chunks.slice(0, -1).map((chunk) => chunk.length));
  assert.deepEqual([Math.min(...lengths), Math.max(...lengths)], [1, 51]);
});
