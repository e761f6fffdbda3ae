import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { afterAll, expect, onTestFinished, test, vi } from "vitest";

const timer = setTimeout(() => {}, 3_600_000);
afterAll(() => clearTimeout(timer));

test("closes everything, some of it at the very end", async () => {
  const server = createServer((socket) => void socket.resume());
  onTestFinished(() => void server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  onTestFinished(() => void socket.end());
  await once(socket, "connect");
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"]);
  onTestFinished(() => void child.stdin.end());
  await once(child, "spawn");
  // These stay open, and the file is awaited too.
  vi.useFakeTimers();
  expect(child.exitCode).toBe(null);
});
