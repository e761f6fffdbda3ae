import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, afterEach, expect, test } from "vitest";
import { type CampaignOptions, campaign } from "../../../fuzz/engine/campaign.ts";
import { readCorpus, writeCorpus } from "../../../fuzz/engine/corpus.ts";
import { Coverage } from "../../../fuzz/engine/coverage.ts";
import { readCrash } from "../../../fuzz/engine/crash.ts";
import { isToy, loop, toy } from "../toy/target.ts";

const coverage = new Coverage(isToy);
afterAll(() => {
  coverage.close();
});

const seeds = [{ name: "four bytes", input: Buffer.from("0000") }];
let corpus = "";
beforeEach(() => {
  corpus = mkdtempSync(join(tmpdir(), "hawser-fuzz-"));
});
afterEach(() => {
  rmSync(corpus, { recursive: true });
});

/** A run of this many inputs. What it logs is kept in `logged`. */
function options(runs: number, logged: string[] = []): CampaignOptions {
  const crashes = join(corpus, "crashes");
  const log = (line: string): void => void logged.push(line);
  return { seed: 5, coverage, milliseconds: Infinity, runs, save: false, corpus, crashes, log };
}

test("a campaign writes the planted bug to a file, says so, and counts it", async () => {
  writeCorpus(toy, seeds, corpus);
  const logged: string[] = [];
  const result = await campaign(toy, options(2000, logged));
  expect(result.crashes).toHaveLength(1);
  expect(result.inputs).toBeGreaterThanOrEqual(2000);
  const [message, file = ""] = logged[0]!.split("\n").map((line) => line.trim());
  expect(message).toBe("toy: the planted bug, at 4 bytes");
  expect(readCrash(file).input.toString("hex")).toMatch(/^6.b.1.e.$/);
});

test("a campaign saves the inputs that reached something new, shrunk, after those that were there", async () => {
  writeCorpus(loop, seeds, corpus);
  const result = await campaign(loop, { ...options(1000), save: true });
  const saved = readCorpus(loop, corpus);
  expect(saved[0]).toEqual(seeds[0]);
  expect(saved.length).toBeGreaterThan(1);
  expect(saved.slice(1).every(({ name, input }) => name.startsWith("found ") && input.length === 1)).toBe(true);
  expect(result.corpus[0]).toBe(1);
  // The saved inputs reach as much: the next campaign begins where this one ended.
  const next = await campaign(loop, options(0));
  expect(next.features[0]).toBe(result.features[1]);
});

test("a campaign without saving does not change the corpus", async () => {
  writeCorpus(loop, seeds, corpus);
  await campaign(loop, options(300));
  expect(readCorpus(loop, corpus)).toEqual(seeds);
});
