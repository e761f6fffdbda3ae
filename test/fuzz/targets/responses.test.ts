import { describe, expect, test } from "vitest";
import { readResponses, valueOf } from "../../../fuzz/targets/handshake/responses.ts";

function read(text: string, methods: readonly string[] = []): ReturnType<typeof readResponses> {
  return readResponses(Buffer.from(text, "latin1"), methods);
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("responses", () => {
  test("are read one after the other, each with its body", () => {
    const responses = read(OK + OK);
    expect(responses.map(({ status, body }) => [status, body.toString()])).toEqual([
      [200, "ok"],
      [200, "ok"],
    ]);
    expect(valueOf(responses[0]!, "content-length")).toBe("2");
  });

  test("end with a 101: what follows is not HTTP", () => {
    expect(read("HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x00").map(({ status }) => status)).toEqual([101]);
  });

  test("do not count the one before the response", () => {
    expect(read(`HTTP/1.1 100 Continue\r\n\r\n${OK}`)).toHaveLength(1);
  });

  test("to HEAD have no body", () => {
    expect(read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", ["HEAD"])).toHaveLength(1);
    expect(() => read(OK, ["HEAD"])).toThrow();
  });

  test("may be in chunks, or end with the connection", () => {
    expect(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")).toHaveLength(1);
    expect(read("HTTP/1.1 200 OK\r\n\r\nall the rest")[0]!.body.toString()).toBe("all the rest");
  });

  const broken: readonly [what: string, text: string, why: RegExp][] = [
    ["a head without an end", "HTTP/1.1 200 OK\r\n", /head of a response does not end/],
    ["a bad status line", "HTTP/1.1 OK\r\n\r\n", /bad status line/],
    ["a header with a space in its name", "HTTP/1.1 200 OK\r\na b: c\r\n\r\n", /bad header/],
    ["a header with a line end in its value", "HTTP/1.1 200 OK\r\na: b\nc\r\n\r\n", /bad header/],
    ["a body that is cut off", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", /cut off/],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", /two lengths/],
    ["a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", /bad length/],
    ["one that hides in the body of another", `HTTP/1.1 200 OK\r\n\r\nbody${OK}`, /more than one response/],
  ];
  test.each(broken)("are not well-formed with %s", (_what, text, why) => {
    expect(() => read(text)).toThrow(why);
  });
});
