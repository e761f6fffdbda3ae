import { once } from "node:events";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { CapturedResponse } from "../../../src/adapters/fastify/captured-response.ts";

function respond(): CapturedResponse {
  const socket = new Socket();
  onTestFinished(() => void socket.destroy());
  const request = new IncomingMessage(socket);
  request.httpVersionMajor = request.httpVersionMinor = 1;
  return new CapturedResponse(request);
}

describe("CapturedResponse", () => {
  test("gives the status, the headers and the body that were written", async () => {
    const response = respond();
    response.setHeader("set-cookie", ["a=1", "b=2"]);
    response.writeHead(401, { "Content-Type": "application/json", "WWW-Authenticate": "Bearer" });
    response.write('{"error":');
    response.end('"é"}');
    await once(response, "finish");
    expect(response.refusal()).toMatchObject({
      status: 401,
      body: '{"error":"é"}',
      headers: { "content-type": "application/json", "www-authenticate": "Bearer", "set-cookie": ["a=1", "b=2"] },
    });
  });

  test("an answer that is no refusal is 403", async () => {
    const response = respond();
    response.end("hello");
    await once(response, "finish");
    expect(response.refusal()).toMatchObject({ status: 403, body: "hello" });
  });

  test.each([undefined, "Later."])("answers 1xx before it are left out: %s", async (body) => {
    const response = respond();
    response.writeContinue();
    response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    response.writeHead(429).end(body);
    await once(response, "finish");
    expect(response.refusal()).toMatchObject({ status: 429, body: body ?? "Too Many Requests", headers: {} });
  });

  test("a stream is written to its end, however long it is", async () => {
    const response = respond();
    response.writeHead(403, { "content-type": "text/plain" });
    await pipeline(Readable.from(Array.from({ length: 3 }, () => "a".repeat(20_000))), response);
    expect(response.refusal().body).toHaveLength(60_000);
  });

  test("without a body the status is the body", async () => {
    const response = respond();
    response.writeHead(429).end();
    await once(response, "finish");
    expect(response.refusal()).toMatchObject({ status: 429, body: "Too Many Requests", headers: {} });
  });

  test.each([
    ["too long", {}, Buffer.alloc(70_000, "a")],
    ["compressed", { "content-encoding": "gzip" }, Buffer.from([31, 139])],
  ])("a body that is %s is left out", async (_what, headers, body) => {
    const response = respond();
    response.writeHead(403, { "content-type": "text/plain", ...headers });
    response.end(body);
    await once(response, "finish");
    expect(response.refusal()).toMatchObject({ status: 403, body: "Forbidden", headers: {} });
  });

  test("that is cut before its head is 403, and its error ends no process", async () => {
    const response = respond();
    response.destroy(new Error("cut"));
    await once(response, "close");
    expect(response.refusal()).toMatchObject({ status: 403, body: "Forbidden", headers: {} });
  });

  test("that is cut in its body keeps the status, and leaves the body out", async () => {
    const response = respond();
    response.writeHead(401, { "content-type": "text/plain", "www-authenticate": "Bearer" });
    response.write("sign");
    // Node writes the head in the next turn.
    await turn();
    response.destroy();
    await once(response, "close");
    expect(response.refusal()).toMatchObject({
      status: 401,
      body: "Unauthorized",
      headers: { "www-authenticate": "Bearer" },
    });
    expect(response.refusal().headers).not.toHaveProperty("content-type");
  });
});
