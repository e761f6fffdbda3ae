import assert from "node:assert/strict";
import { test } from "node:test";
import { selectPeers } from "../peers.ts";
import { enginesOf } from "./rounds.ts";
import { summarizeEngine } from "./summary.ts";
import { parseEngineWork } from "./work.ts";

test("a row has the median of its rounds, and the ratio of the first engine's cost to its own", () => {
  const [hawser, ws] = enginesOf(selectPeers([]));
  const samplesOf = (...costs: number[]) => costs.map((micros) => ({ messages: 10, micros }));
  const { rows } = summarizeEngine(parseEngineWork("parse-text-20"), [
    { peer: hawser!, samples: samplesOf(10, 40, 90) },
    { peer: ws!, samples: samplesOf(10, 20, 30) },
  ]);
  assert.deepEqual(
    rows.map(({ peer, micros, cost }) => ({ peer, micros, cost })),
    [
      { peer: "hawser", micros: 4, cost: null },
      { peer: "ws", micros: 2, cost: { median: 2, lowest: 1, highest: 3 } },
    ],
  );
});

test("an engine that failed in the first round has no figure and no ratio", () => {
  const [hawser, ws] = enginesOf(selectPeers(["hawser", "ws", "bun"]));
  const { rows } = summarizeEngine(parseEngineWork("parse-text-20"), [
    { peer: hawser!, samples: [{ messages: 10, micros: 5 }] },
    { peer: ws!, samples: [], failed: "it wrote other bytes" },
  ]);
  assert.deepEqual([rows[1]?.micros, rows[1]?.cost, rows[1]?.failed], [null, null, "it wrote other bytes"]);
});
