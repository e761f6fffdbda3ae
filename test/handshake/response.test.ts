import { once } from "node:events";
import { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { Refusal } from "../../src/handshake/refusal.ts";
import { sendRefusal, switchingProtocols } from "../../src/handshake/response.ts";

/** One end of a connection. It keeps the written bytes, and the test ends the other half. */
class Half extends Duplex {
  written = "";

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString("latin1");
    done();
  }
}

const nothing = (): void => undefined;

/** The bytes of a refusal, when the client closes right after it. */
async function sent(refusal: Refusal, method = "GET"): Promise<string> {
  const half = new Half();
  sendRefusal(half, refusal, method, nothing);
  half.push(null);
  await once(half, "close");
  return half.written;
}

describe("the response that accepts", () => {
  test("it is the RFC's own, without a subprotocol when none is chosen", () => {
    expect(switchingProtocols("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", {})).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
  });

  test("it names the subprotocol that is chosen, once", () => {
    expect(switchingProtocols("x", { protocol: "v1.chat" })).toMatch(/\r\nSec-WebSocket-Protocol: v1\.chat\r\n\r\n$/);
  });
});

describe("the response that refuses", () => {
  test("it is a status, one line of text and its length, and the connection ends", async () => {
    expect(await sent(new Refusal(403, "No."), "GET")).toBe(
      "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\nNo.\n",
    );
  });

  test("the length is that of the bytes", async () => {
    const text = await sent(new Refusal(400, "\u00e9\u20ac"));
    expect(text).toContain("Content-Length: 6\r\n");
    expect(Buffer.from(text.slice(text.indexOf("\r\n\r\n") + 4), "latin1").toString()).toBe("\u00e9\u20ac\n");
  });

  test("it has the headers it was given, an array as several", async () => {
    const text = await sent(new Refusal(401, "No.", { "Set-Cookie": ["a=1", "b=2"], "Retry-After": 5 }));
    expect(text).toContain("\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nRetry-After: 5\r\n");
  });

  test("a content type that was given takes the place of ours, whatever its case", async () => {
    const text = await sent(new Refusal(400, "{}", { "content-TYPE": "application/json" }));
    expect(text.match(/content-type/gi)).toEqual(["content-TYPE"]);
  });

  test("a status that HTTP does not name has a reason phrase too", async () => {
    expect(await sent(new Refusal(499, "No."))).toMatch(/^HTTP\/1\.1 499 Refused\r\n/);
  });

  test("the answer to HEAD has no body, but tells its length", async () => {
    const text = await sent(new Refusal(403, "No."), "HEAD");
    expect(text).toMatch(/\r\nContent-Length: 4\r\n\r\n$/);
  });

  test("nothing is done to a destroyed socket", () => {
    const half = new Half();
    half.destroy();
    sendRefusal(half, new Refusal(403, "No."), "GET", nothing);
    expect(half.written).toBe("");
    expect(half.listenerCount("end")).toBe(0);
  });

  test("a socket that was ended is not written to", async () => {
    const half = new Half();
    half.end("HTTP/1.1 101 Mine\r\n\r\n");
    await once(half, "finish");
    sendRefusal(half, new Refusal(403, "No."), "GET", nothing);
    expect(half.written).toBe("HTTP/1.1 101 Mine\r\n\r\n");
  });

  test("an error of the socket ends it and nothing more", async () => {
    const half = new Half();
    sendRefusal(half, new Refusal(403, "No."), "GET", nothing);
    const closed = new Promise((resolve) => half.once("close", resolve));
    half.destroy(new Error("reset"));
    await closed;
    expect(half.destroyed).toBe(true);
  });

  test("later bytes of the client are read and discarded, so that it gets the response", async () => {
    const half = new Half();
    sendRefusal(half, new Refusal(403, "No."), "GET", nothing);
    half.push(Buffer.alloc(1 << 20));
    half.push(null);
    await once(half, "close");
    expect(half.written).toMatch(/^HTTP\/1\.1 403 /);
  });

  test("the socket is passed on when its answer was written, and only then", () => {
    const half = new Half();
    const passed: unknown[] = [];
    sendRefusal(half, new Refusal(403, "No."), "GET", (socket) => passed.push(socket, half.written.slice(0, 12)));
    sendRefusal(half, new Refusal(403, "No."), "GET", () => passed.push("again"));
    expect(passed).toEqual([half, "HTTP/1.1 403"]);
  });

  test("a socket whose end throws is passed on too", () => {
    const half = new Half();
    const passed: unknown[] = [];
    half.end = () => {
      throw new Error("mine");
    };
    const send = (): void => sendRefusal(half, new Refusal(403, "No."), "GET", (socket) => passed.push(socket));
    expect(send).toThrow("mine");
    expect(passed).toEqual([half]);
  });
});
