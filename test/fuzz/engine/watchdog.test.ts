import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readCrash } from "../../../fuzz/engine/crash.ts";

test("an input that never ends is saved, and its process is ended", () => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-fuzz-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const script = join(import.meta.dirname, "../toy/hang.ts");
  const { signal, stderr } = spawnSync(process.execPath, ["--import", "tsx", script, folder], { encoding: "utf8" });
  expect(signal).toBe("SIGKILL");
  expect(stderr).toMatch(/toy: an input does not end, see /);
  const [file = ""] = readdirSync(folder);
  expect(readCrash(join(folder, file))).toEqual({ target: "toy", input: Buffer.from("endless") });
});
