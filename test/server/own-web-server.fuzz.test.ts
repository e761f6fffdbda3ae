import { expect, test } from "vitest";
import { startServer } from "../support/live-server.ts";
import { RawClient, handshake } from "../support/raw-client.ts";

// Found by `npm run fuzz` in the own web server: each of these inputs once got two responses, or a wrong one.

const PLAIN = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/** All bytes of a server until it ends the connection, and how many clients it has accepted. */
async function conversation(request: string): Promise<{ readonly written: string; readonly letIn: number }> {
  const { port, recorders } = await startServer();
  const client = await RawClient.connect(port);
  client.write(request);
  const written = (await client.rest()).toString("latin1");
  return { written, letIn: recorders.length };
}

/** The statuses of all responses in the written bytes, also of those after another. */
function statusesIn(written: string): string[] {
  return [...written.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = ""]) => status);
}

test("bytes that are not HTTP after a plain request get no response of their own", async () => {
  const { written } = await conversation(`${PLAIN}no HTTP\r\n\r\n`);
  expect(statusesIn(written)).toEqual(["426"]);
});

test("a handshake after a plain request is not answered: the response to the request closes the connection", async () => {
  const { written, letIn } = await conversation(PLAIN + handshake());
  expect(statusesIn(written)).toEqual(["426"]);
  expect(letIn).toBe(0);
});

test("a handshake after a request that Node itself refuses is not answered", async () => {
  const { written, letIn } = await conversation(`GET / HTTP/1.1\r\n\r\n${handshake()}`);
  expect(statusesIn(written)).toEqual(["400"]);
  expect(letIn).toBe(0);
});

test("a request with an unknown Expect is refused like any other, and its connection closed", async () => {
  const { written } = await conversation("POST / HTTP/1.1\r\nHost: x\r\nExpect: x\r\n\r\n");
  expect(written).toMatch(/^HTTP\/1\.1 405 /);
  expect(written).toMatch(/\r\nConnection: close\r\n/);
});

test("an upgrade by HEAD is refused without a body (RFC 9110 9.3.2)", async () => {
  const { written } = await conversation(handshake().replace("GET", "HEAD"));
  expect(statusesIn(written)).toEqual(["405"]);
  expect(written).toMatch(/\r\n\r\n$/);
});
