import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { Client } from "./client.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

// Chat and "npm start" have theirs in chat-server.test.ts.
test.each([
  ["echo", "/"],
  ["json", "/"],
  ["paths", "/visitors"],
  ["express", "/live"],
  ["fastify", "/live"],
] as const)("on SIGTERM %s closes its connections with 1001, and ends", async (name, path) => {
  const child = spawn(process.execPath, ["--import", "tsx", `examples/${name}.ts`], {
    cwd: root,
    env: { ...process.env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = once(child, "exit") as Promise<[code: number | null, signal: string | null]>;
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  const port = /localhost:(\d+)/.exec(said.toString())?.[1] ?? "";
  const client = await Client.open(`ws://127.0.0.1:${port}${path}`);
  const closed = client.closed();
  child.kill("SIGTERM");
  expect(await closed).toBe(1001);
  expect(await ended).toEqual([0, null]);
});
