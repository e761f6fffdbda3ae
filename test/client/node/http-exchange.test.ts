import { describe, expect, test } from "vitest";
import { type Exchange, exchange, headersOf, isSwitched, shown } from "../../../src/client/node/http-exchange.ts";
import { utf8 } from "../../support/bytes.ts";
import { Wire, turns } from "../../support/wire.ts";

const GET: Exchange = { method: "GET", path: "/a?b", headers: ["Host", "h", "A", "1", "A", "2"], maxHeaderSize: 1024 };

function start(request: Partial<Exchange> = {}, signal = new AbortController().signal) {
  const wire = new Wire();
  return { wire, answer: exchange(wire, { ...GET, ...request }, signal) };
}

const UPGRADED = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

test("the request has the headers that were given, in their order, and no body", async () => {
  const { wire, answer } = start();
  await turns();
  const [line, ...headers] = Buffer.from(wire.taken).toString().split("\r\n");
  expect(line).toBe("GET /a?b HTTP/1.1");
  expect(headers.slice(0, 3)).toEqual(["Host: h", "A: 1", "A: 2"]);
  expect(headers.join()).not.toMatch(/content-length|transfer-encoding/i);
  wire.reset();
  await expect(answer).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
});

test("a switched stream comes with the bytes that followed the answer, and is not destroyed", async () => {
  const { wire, answer } = start();
  await turns();
  wire.arrive(utf8(`${UPGRADED}more`));
  const switched = await answer;
  expect(isSwitched(switched) && switched.head.toString()).toBe("more");
  expect(isSwitched(switched) && switched.stream).toBe(wire);
  expect(wire.destroyed).toBe(false);
  // It has a listener until a connection takes it.
  wire.reset();
  await turns();
  expect(wire.destroyed).toBe(true);
});

test("a CONNECT that is answered with 200 switches too", async () => {
  const { wire, answer } = start({ method: "CONNECT", path: "a:1" });
  await turns();
  expect(Buffer.from(wire.taken).toString()).toMatch(/^CONNECT a:1 HTTP\/1.1\r\n/);
  wire.arrive(utf8("HTTP/1.1 200 OK\r\n\r\n"));
  expect(isSwitched(await answer)).toBe(true);
  wire.destroy();
});

test("a refusal has the status and the body, and the stream is destroyed", async () => {
  const { wire, answer } = start();
  await turns();
  wire.arrive(utf8("HTTP/1.1 404 No\r\nA: 1\r\nA: 2\r\nContent-Length: 4\r\n\r\nbody"));
  const refused = await answer;
  expect(refused).toMatchObject({ response: { statusCode: 404 }, body: "body" });
  expect(headersOf(refused.response).get("a")).toBe("1, 2");
  expect(wire.destroyed).toBe(true);
});

const CUT = "HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nabc";

describe("the first final answer counts, whatever follows it", () => {
  test.each<[string, string, ((wire: Wire) => void) | undefined]>([
    ["a reset in its body", CUT, (wire) => wire.reset()],
    ["an end in its body", CUT, (wire) => wire.arriveEnd()],
    ["a bad chunk", "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", undefined],
    ["an answer 101", `HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nabc${UPGRADED}`, undefined],
    ["no HTTP", "HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nabcwhat", undefined],
  ])("%s", async (_what, text, then) => {
    const { wire, answer } = start();
    await turns();
    wire.arrive(utf8(text));
    await turns();
    then?.(wire);
    expect(await answer).toMatchObject({ response: { statusCode: 403 }, body: "abc" });
    expect(wire.destroyed).toBe(true);
  });
});

describe("what fails, destroys the stream", () => {
  test.each<[string, string | undefined, object]>([
    ["the end before an answer", undefined, { code: "HWS_CONNECT_FAILED", stage: "tcp" }],
    ["bytes that are not HTTP", "what\r\n\r\n", { code: "HWS_BAD_HANDSHAKE", stage: "http" }],
    ["101 without the headers", "HTTP/1.1 101 X\r\n\r\n", { code: "HWS_BAD_HANDSHAKE", stage: "handshake" }],
    ["too long a header", `HTTP/1.1 101 X\r\nA: ${"x".repeat(2_000)}`, { code: "HWS_BAD_HANDSHAKE", stage: "http" }],
    ["too many answers before", "HTTP/1.1 102 Wait\r\n\r\n".repeat(100), { code: "HWS_BAD_HANDSHAKE", stage: "http" }],
    [
      "an answer that is too long with those before",
      `HTTP/1.1 102 Wait\r\n\r\n`.repeat(30) + UPGRADED.replace("\r\n\r\n", `\r\nA: ${"x".repeat(600)}\r\n\r\n`),
      { code: "HWS_BAD_HANDSHAKE", stage: "http" },
    ],
  ])("%s", async (_what, bytes, error) => {
    const { wire, answer } = start();
    await turns();
    if (bytes === undefined) wire.arriveEnd();
    else wire.arrive(utf8(bytes));
    await expect(answer).rejects.toMatchObject(error);
    expect(wire.destroyed).toBe(true);
  });

  test("the signal, with its reason, also when it had aborted before", async () => {
    const controller = new AbortController();
    const { wire, answer } = start({}, controller.signal);
    await turns();
    controller.abort(new Error("no time"));
    await expect(answer).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", cause: { message: "no time" } });
    expect(wire.destroyed).toBe(true);

    const late = start({}, AbortSignal.abort(new Error("too late")));
    await expect(late.answer).rejects.toMatchObject({ cause: { message: "too late" } });
    await turns();
    expect(late.wire.destroyed).toBe(true);
  });

  test("an alert of TLS in place of the answer is told as one", async () => {
    const { wire, answer } = start();
    await turns();
    wire.destroy(Object.assign(new Error("alert"), { code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" }));
    await expect(answer).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tls" });
  });

  test.each<[string, (wire: Wire) => unknown, object]>([
    ["closes", (wire) => wire.destroy(), { message: expect.stringContaining("closed") as string }],
    ["fails", (wire) => wire.destroy(new Error("broken")), { cause: new Error("broken") }],
  ])("a stream that %s before Node listens to it", async (_what, end, error) => {
    const { wire, answer } = start();
    end(wire);
    await expect(answer).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp", ...error });
  });

  test("an error of the stream's own is no invalid answer", async () => {
    const { wire, answer } = start();
    await turns();
    wire.destroy(new Error("broken"));
    await expect(answer).rejects.toMatchObject({
      code: "HWS_CONNECT_FAILED",
      stage: "tcp",
      cause: { message: "broken" },
    });
  });

  test("a stream that is destroyed already", async () => {
    const wire = new Wire();
    wire.destroy();
    await expect(exchange(wire, GET, new AbortController().signal)).rejects.toMatchObject({
      code: "HWS_CONNECT_FAILED",
      stage: "tcp",
    });
  });
});

test.each([
  ["plain", "plain"],
  ["\u001b[2J\0\n", "\\u{1b}[2J\\u{0}\\u{a}"],
  ["\u009b\u202e\u2028\u200b", "\\u{9b}\\u{202e}\\u{2028}\\u{200b}"],
  ["ü世😀", "ü世😀"],
  ["x".repeat(201), `${"x".repeat(200)}…`],
])("shown(%j)", (text, expected) => {
  expect(shown(text)).toBe(expected);
});

test("headers that Headers refuses are left out", () => {
  const headers = headersOf({ rawHeaders: ["A", "1", "B", "\u0100", "", "x", "C", "3"] });
  expect([...headers]).toEqual([
    ["a", "1"],
    ["c", "3"],
  ]);
});
