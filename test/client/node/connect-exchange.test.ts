import { describe, expect, test } from "vitest";
import { connectExchange } from "../../../src/client/node/connect-exchange.ts";
import { isSwitched } from "../../../src/client/node/http-exchange.ts";
import { utf8 } from "../../support/bytes.ts";
import { Wire, turns } from "../../support/wire.ts";

const never = new AbortController().signal;

async function start(maxHeaderSize = 1024, signal = never) {
  const wire = new Wire();
  const answer = connectExchange(wire, { path: "a:1", headers: ["Host", "a:1"], maxHeaderSize }, signal);
  await turns();
  return { wire, answer };
}

const OK = "HTTP/1.1 200 OK\r\n\r\n";

describe("answers 1xx before the final one are skipped", () => {
  test.each([
    ["at once", ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\nA: b\r\n\r\n" + OK]],
    ["each by itself", ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Hints\r\n\r\n", OK]],
    ["cut anywhere", Array.from("HTTP/1.1 100 Continue\r\n\r\n" + OK)],
  ])("%s", async (_what, parts) => {
    const { wire, answer } = await start();
    for (const part of parts) {
      wire.arrive(utf8(part));
      await turns(1);
    }
    const switched = await answer;
    expect(switched.response.statusCode).toBe(200);
    expect(isSwitched(switched) && [switched.stream === wire, switched.head.length]).toEqual([true, 0]);
    // The request went out once.
    expect(
      Buffer.from(wire.taken)
        .toString()
        .match(/CONNECT/g),
    ).toHaveLength(1);
    expect(wire.listenerCount("data")).toBe(0);
    // It can be used on.
    const read: string[] = [];
    wire.on("data", (chunk: Buffer) => read.push(chunk.toString()));
    wire.arrive(utf8("more"));
    await turns();
    expect(read).toEqual(["more"]);
    wire.destroy();
  });

  test("bytes that came with the final answer are kept", async () => {
    const { wire, answer } = await start();
    wire.arrive(utf8(`HTTP/1.1 100 Continue\r\n\r\n${OK}early`));
    const switched = await answer;
    expect(isSwitched(switched) && switched.head.toString()).toBe("early");
    wire.destroy();
  });

  test("a refusal after them is told with its status", async () => {
    const { wire, answer } = await start();
    wire.arrive(utf8("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 407 Auth\r\nContent-Length: 0\r\n\r\n"));
    const refused = await answer;
    expect([refused.response.statusCode, isSwitched(refused)]).toEqual([407, true]);
    wire.destroy();
  });
});

test("101 is a final answer: it was not asked for", async () => {
  const { wire, answer } = await start();
  wire.arrive(utf8("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"));
  expect((await answer).response.statusCode).toBe(101);
  wire.destroy();
});

describe("what fails after an answer 1xx, destroys the stream", () => {
  test("answers 1xx without an end", async () => {
    const { wire, answer } = await start(500);
    wire.arrive(utf8("HTTP/1.1 100 Continue\r\n\r\n".repeat(100)));
    await expect(answer).rejects.toMatchObject({ code: "HWS_BAD_HANDSHAKE", stage: "http" });
    await turns();
    expect(wire.destroyed).toBe(true);
  });

  test.each<[string, (wire: Wire) => void]>([
    ["the end", (wire) => wire.arriveEnd()],
    ["a reset", (wire) => wire.reset()],
    ["a close", (wire) => void wire.destroy()],
  ])("%s", async (_what, end) => {
    const { wire, answer } = await start();
    wire.arrive(utf8("HTTP/1.1 100 Continue\r\n\r\n"));
    await turns();
    end(wire);
    await expect(answer).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
    expect(wire.destroyed).toBe(true);
  });

  test("the end that came with it", async () => {
    const { wire, answer } = await start();
    wire.arrive(utf8("HTTP/1.1 100 Continue\r\n\r\n"));
    wire.arriveEnd();
    await expect(answer).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
    expect(wire.destroyed).toBe(true);
  });

  test("a dial that is given up", async () => {
    const controller = new AbortController();
    const { wire, answer } = await start(1024, controller.signal);
    wire.arrive(utf8("HTTP/1.1 100 Continue\r\n\r\n"));
    await turns();
    controller.abort(new Error("given up"));
    await expect(answer).rejects.toThrow("given up");
    await turns();
    expect(wire.destroyed).toBe(true);
  });
});
