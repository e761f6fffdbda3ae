import { expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors/errors.ts";
import { respondAccepted, respondRefused } from "../../src/handshake/http2-response.ts";
import { Refusal } from "../../src/handshake/refusal.ts";
import { answerTo, restOf, streamPair } from "../support/http2-client.ts";

test("an answer opens the WebSocket with 200, and has no Upgrade", async () => {
  const { client, server } = await streamPair();
  respondAccepted(server, undefined, {
    protocol: "chat",
    extensions: [{ name: "permessage-deflate", parameters: [] }],
    headers: { "Set-Cookie": ["a=1", "b=2"], "X-Number": 7 },
  });
  const headers = await answerTo(client);
  expect(headers).toMatchObject({
    ":status": 200,
    "sec-websocket-protocol": "chat",
    "sec-websocket-extensions": "permessage-deflate",
    "set-cookie": ["a=1", "b=2"],
    "x-number": "7",
  });
  expect(Object.keys(headers)).not.toContain("sec-websocket-accept");
  expect(Object.keys(headers)).not.toContain("upgrade");
});

test("headers about a connection of HTTP/1.1 are left out, and lists are joined, but for cookies", async () => {
  const [accepted, refused] = [await streamPair(), await streamPair()];
  const answers = Promise.all([answerTo(accepted.client), answerTo(refused.client)]);
  respondAccepted(accepted.server, undefined, { headers: { "Keep-Alive": "timeout=5", Vary: ["a", "b"] } });
  respondRefused(refused.server, new Refusal(503, "Later.", { "Keep-Alive": "1", "Retry-After": ["1", "2"] }));
  const [answer, refusal] = await answers;
  expect(answer).toMatchObject({ ":status": 200, vary: "a, b" });
  expect(answer).not.toHaveProperty("keep-alive");
  expect(refusal).toMatchObject({ ":status": 503, "retry-after": "1, 2" });
});

test("a client that has sent a key gets its answer", async () => {
  const { client, server } = await streamPair();
  respondAccepted(server, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", {});
  expect(await answerTo(client)).toMatchObject({ "sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" });
});

test("a header that only the library sets is refused before anything is sent", async () => {
  const { server } = await streamPair();
  expect(() => respondAccepted(server, undefined, { headers: { Connection: "close" } })).toThrow(InvalidArgumentError);
  expect(server.headersSent).toBe(false);
});

test("a refusal is a status and a line of text, without headers that HTTP/2 does not have", async () => {
  const { client, server } = await streamPair();
  respondRefused(server, new Refusal(426, "No.", { Upgrade: "websocket", "Retry-After": "3" }, "version"));
  const headers = await answerTo(client);
  expect(headers).toMatchObject({ ":status": 426, "retry-after": "3", "content-type": "text/plain; charset=utf-8" });
  expect(Object.keys(headers)).not.toContain("upgrade");
  expect((await restOf(client)).toString()).toBe("No.\n");
  expect(client.rstCode).toBe(0);
});
