import assert from "node:assert/strict";
import { test } from "node:test";
import type { Engine } from "./engine.ts";
import { EngineMeter, PARTS } from "./measure.ts";
import { wsEngine } from "./theirs.ts";
import { parseEngineWork } from "./work.ts";

/** ws, but for every `nth` message. */
function forgetting(nth: number): Engine {
  return {
    ...wsEngine,
    parser: (take) => {
      let count = 0;
      return wsEngine.parser((message) => {
        if (++count % nth !== 0) take(message);
      });
    },
  };
}

test("a part is the same number of messages each time and costs something", async () => {
  const meter = new EngineMeter(parseEngineWork("write-text-20"), wsEngine);
  const [first, second] = [await meter.part(), await meter.part()];
  assert.equal(first.messages, second.messages);
  assert.ok(first.messages * PARTS >= 247_000 && first.micros > 0);
});

test("a side that loses a message while it is measured is found out", async () => {
  const meter = new EngineMeter(parseEngineWork("parse-text-1k"), forgetting(10_000));
  await assert.rejects(meter.part(), /more or less/);
});
