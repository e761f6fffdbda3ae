import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";

test("leaves a child process", async () => {
  // It ends with its parent.
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"]);
  await once(child, "spawn");
  expect(child.exitCode).toBe(null);
});
