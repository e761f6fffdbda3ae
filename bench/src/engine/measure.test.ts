import assert from "node:assert/strict";
import { test } from "node:test";
import type { Engine } from "./engine.ts";
import { EngineMeter, PARTS } from "./measure.ts";
import { wsEngine } from "./theirs.ts";
import { parseEngineWork } from "./work.ts";

/** ws, but it loses every `nth` message. */
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

test("each part has the same number of messages and takes some CPU time", async () => {
  const meter = new EngineMeter(parseEngineWork("write-text-20"), wsEngine);
  const [first, second] = [await meter.part(), await meter.part()];
  assert.equal(first.messages, second.messages);
  assert.ok(first.messages * PARTS >= 247_000 && first.micros > 0);
});

test("an engine that loses a message while it is measured fails", async () => {
  const meter = new EngineMeter(parseEngineWork("parse-text-1k"), forgetting(10_000));
  await assert.rejects(meter.part(), /amount of output/);
});
