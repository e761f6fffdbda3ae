import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";

test("leaves a server", async () => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  expect(server.listening).toBe(true);
});
