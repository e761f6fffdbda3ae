import { describe, expect, test } from "vitest";
import { type Live, startServer } from "../support/live-server.ts";
import { closeBody, masked, type Raw, RawClient, type RawFrame } from "../support/raw-client.ts";

/** A new server and a client that has sent `parts`; the frames the server sent until it closed. */
async function closeWith(...parts: readonly Raw[]): Promise<Live & { frames: readonly RawFrame[] }> {
  const live = await startServer();
  const client = await RawClient.open(live.port);
  client.write(...parts);
  const frames = await client.frames();
  client.end();
  await live.recorders[0]!.over;
  return { ...live, frames };
}

const bodies = (frames: readonly RawFrame[]): Buffer[] => frames.map((frame) => frame.payload);

describe("the client closes", () => {
  // shows 6455-5.5.1-5, 6455-7.1.5-1
  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])(
    "a close frame with %i is answered with the same code",
    async (code) => {
      const { frames, recorders } = await closeWith(masked(0x88, closeBody(code)));
      expect(frames.map((frame) => frame.opcode)).toEqual([0x8]);
      expect(bodies(frames)).toEqual([closeBody(code)]);
      expect(recorders[0]?.calls).toEqual([["open"], ["terminate", code, undefined]]);
    },
  );

  // shows 6455-7.1.5-2, 6455-7.4.1-1
  test("a close frame without a code counts as 1005, which is not sent back", async () => {
    const { frames, recorders } = await closeWith(masked(0x88));
    expect(bodies(frames)).toEqual([Buffer.alloc(0)]);
    expect(recorders[0]?.calls).toEqual([["open"], ["terminate", 1005, undefined]]);
  });

  // shows 6455-7.1.6-1
  test("the reason is delivered", async () => {
    const { recorders } = await closeWith(masked(0x88, closeBody(4001, "au revoir, à bientôt €")));
    expect(recorders[0]?.end).toEqual([4001, "au revoir, à bientôt €"]);
  });

  // shows 6455-7.1.6-1
  test("a reason may fill the frame", async () => {
    const { recorders } = await closeWith(masked(0x88, closeBody(1000, "r".repeat(123))));
    expect(recorders[0]?.end).toEqual([1000, "r".repeat(123)]);
  });

  // shows 6455-5.5.1-7
  test("the server closes TCP at once, while the client's half is still open", async () => {
    const { port, recorders } = await startServer();
    const client = await RawClient.open(port);
    client.write(masked(0x88, closeBody(1000)));
    expect((await client.frame())?.opcode).toBe(0x8);
    expect(await client.rest()).toEqual(Buffer.alloc(0));
    expect(client.socket.writableEnded).toBe(false);
    client.end();
    await recorders[0]!.over;
    expect(recorders[0]?.end).toEqual([1000, undefined]);
  });

  // shows 6455-7.1.5-1
  test("the first close frame counts, what follows does not", async () => {
    const { frames, recorders } = await closeWith(
      masked(0x88, closeBody(4001)),
      masked(0x88, closeBody(4002)),
      masked(0x81, "late"),
      [0xff, 0xff],
    );
    expect(bodies(frames)).toEqual([closeBody(4001)]);
    expect(recorders[0]?.calls).toEqual([["open"], ["terminate", 4001, undefined]]);
  });

  // shows 6455-5.5.1-4
  test("no data frame follows the server's close frame, whatever the handler sends", async () => {
    const results: boolean[] = [];
    const { port } = await startServer({
      message(ws, data) {
        if (data !== "go") return;
        results.push(ws.send("before"));
        ws.terminate(1000);
        results.push(ws.send("after"));
      },
    });
    const client = await RawClient.open(port);
    client.write(masked(0x81, "go"));
    const first = await client.frame();
    const second = await client.frame();
    client.write(masked(0x81, "go on"), masked(0x88, closeBody(1000)));
    expect([first?.payload.toString(), second?.opcode]).toEqual(["before", 0x8]);
    expect(await client.frames()).toEqual([]);
    expect(results).toEqual([true, false]);
  });
});

describe("the server closes", () => {
  // shows 6455-7.1.2-1
  test("terminate sends the code and the reason in one close frame", async () => {
    const { port } = await startServer({ open: (ws) => ws.terminate(4001, "à bientôt") });
    const client = await RawClient.open(port);
    const close = await client.frame();
    expect([close?.opcode, close?.fin, close?.payload]).toEqual([0x8, true, closeBody(4001, "à bientôt")]);
  });

  // shows 6455-5.5.1-5
  test("the client's answer is not answered again", async () => {
    const { port, recorders } = await startServer({ open: (ws) => ws.terminate(4001) });
    const client = await RawClient.open(port);
    expect((await client.frame())?.opcode).toBe(0x8);
    client.write(masked(0x88, closeBody(4001)));
    expect(await client.frames()).toEqual([]);
    client.end();
    await recorders[0]!.over;
    expect(recorders[0]?.end).toEqual([4001, undefined]);
  });

  // shows 6455-5.5.1-7
  test("the server closes TCP as soon as the answer is there", async () => {
    const { port } = await startServer({ open: (ws) => ws.terminate(1000) });
    const client = await RawClient.open(port);
    expect((await client.frame())?.opcode).toBe(0x8);
    client.write(masked(0x88, closeBody(1000)));
    expect(await client.rest()).toEqual(Buffer.alloc(0));
    expect(client.socket.writableEnded).toBe(false);
  });

  // RFC 6455 5.5.2 makes an exception only after a *received* close frame; 5.5.1 forbids only data frames.
  // shows 6455-5.5.2-1
  test("a ping that comes between the two close frames is answered", async () => {
    const { port } = await startServer({ open: (ws) => ws.terminate(1000) });
    const client = await RawClient.open(port);
    expect((await client.frame())?.opcode).toBe(0x8);
    client.write(masked(0x89, "still here"), masked(0x88, closeBody(1000)));
    expect((await client.frames()).map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [0xa, "still here"],
    ]);
  });

  // shows 6455-7.1.5-1
  test("when both close at the same time, each sees the other's code", async () => {
    const { port, recorders } = await startServer({ message: (ws) => ws.terminate(4002) });
    const client = await RawClient.open(port);
    client.write(masked(0x81, "close"), masked(0x88, closeBody(4001)));
    expect(bodies(await client.frames())).toEqual([closeBody(4002)]);
    client.end();
    await recorders[0]!.over;
    expect(recorders[0]?.end).toEqual([4001, undefined]);
  });

  // shows 6455-6.1-1
  test("nothing is sent on a connection that is closed", async () => {
    const results: unknown[] = [];
    const { port, wss, recorders } = await startServer();
    const client = await RawClient.open(port);
    client.write(masked(0x81, "hello"));
    const [ws] = wss.connections;
    client.write(masked(0x88, closeBody(1000)));
    expect((await client.frames()).map((frame) => frame.opcode)).toEqual([0x8]);
    client.end();
    await recorders[0]!.over;
    results.push(ws?.status, ws?.send("late"));
    expect(results).toEqual(["Closed", false]);
  });

  // shows 6455-7.4.1-1, 6455-7.4.1-2, 6455-7.4.1-3, 6455-7.4.2-1
  test.each([1005, 1006, 1015, 0, 999, 1004, 1016, 2999])(
    "terminate sends no %i: its close frame is empty",
    async (code) => {
      const { port } = await startServer({ open: (ws) => ws.terminate(code, "not sent") });
      const client = await RawClient.open(port);
      const frame = await client.frame();
      expect([frame?.opcode, frame?.payload.length]).toEqual([0x8, 0]);
    },
  );

  // shows 6455-7.4.1-1, 6455-7.4.1-2, 6455-7.4.1-3, 6455-7.4.2-1
  test.each([
    ...([1005, 1006, 1015, 0, 999, 1004, 1016, 2999] as const).map((code) => ["close", code] as const),
    ...([5000, 65_536] as const).flatMap((code) => [["close", code] as const, ["terminate", code] as const]),
  ])("%s does not take %i", async (method, code) => {
    const thrown: unknown[] = [];
    const { port } = await startServer({
      open(ws) {
        try {
          ws[method](code);
        } catch (error) {
          thrown.push(error);
        }
        ws.send("still here");
      },
    });
    const client = await RawClient.open(port);
    const frame = await client.frame();
    expect([frame?.opcode, frame?.payload.toString()]).toEqual([0x1, "still here"]);
    expect(thrown).toEqual([expect.any(RangeError)]);
  });
});

describe("the connection is lost", () => {
  // shows 6455-7.1.5-3
  test("a client that ends without a close frame counts as 1006", async () => {
    const { port, recorders } = await startServer();
    const client = await RawClient.open(port);
    client.end();
    await client.rest();
    await recorders[0]!.over;
    expect(recorders[0]?.end).toEqual([1006, undefined]);
  });

  // shows 6455-7.1.5-3
  test("a client that resets the connection counts as 1006", async () => {
    const { port, recorders } = await startServer();
    const client = await RawClient.open(port);
    client.socket.resetAndDestroy();
    await recorders[0]!.over;
    expect(recorders[0]?.end).toEqual([1006, undefined]);
  });
});

describe("a close frame that breaks a rule", () => {
  /** One close frame with `code`, and a handler that is told of the error. */
  async function expectFailing(code: number, ...parts: readonly Raw[]): Promise<void> {
    const { frames, recorders } = await closeWith(...parts);
    expect(frames.map((frame) => frame.opcode)).toEqual([0x8]);
    expect(frames[0]?.payload.readUInt16BE()).toBe(code);
    expect(recorders[0]?.calls).toEqual([["open"], ["error", expect.any(Number)], ["terminate", 1006, undefined]]);
  }

  // shows 6455-5.5.1-1
  test.each([0x03, 0x0f])("a body of one byte (%i) fails with 1002", async (byte) => {
    await expectFailing(1002, masked(0x88, [byte]));
  });

  // shows 6455-7.4.1-4
  test.each([1005, 1006, 1015])("the code %i fails with 1002", async (code) => {
    await expectFailing(1002, masked(0x88, closeBody(code)));
  });

  // shows 6455-7.4.2-1
  test.each([0, 1, 999, 1004, 1016, 1100, 2000, 2999, 5000, 65_535])("the code %i fails with 1002", async (code) => {
    await expectFailing(1002, masked(0x88, closeBody(code)));
  });

  // shows 6455-8.1-1
  test("a reason that is not UTF-8 fails with 1007", async () => {
    await expectFailing(1007, masked(0x88, [0x03, 0xe8, 0xc3, 0x28]));
  });
});

describe("the connection fails", () => {
  // shows 6455-7.1.7-2, 6455-7.1.7-3
  test("nothing after the bad frame is processed, and the server closes TCP", async () => {
    const { port, recorders } = await startServer();
    const client = await RawClient.open(port);
    client.write(
      masked(0x81, "good"),
      masked(0x83, "bad"),
      masked(0x89, "ping"),
      masked(0x81, "late"),
      masked(0x88, closeBody(4001)),
    );
    const frames = await client.frames();
    expect(client.socket.writableEnded).toBe(false);
    client.end();
    await recorders[0]!.over;
    expect(frames.map((frame) => frame.opcode)).toEqual([0x8]);
    expect(recorders[0]?.calls).toEqual([
      ["open"],
      ["message", "good"],
      ["error", expect.any(Number)],
      ["terminate", 1006, undefined],
    ]);
  });

  // shows 6455-7.1.7-3
  test("a close frame that answers the failure is not processed", async () => {
    const { port, recorders } = await startServer();
    const client = await RawClient.open(port);
    client.write(masked(0x83, "bad"));
    expect((await client.frame())?.payload.readUInt16BE()).toBe(1002);
    client.write(masked(0x88, closeBody(1002)), masked(0x81, "late"));
    client.end();
    await recorders[0]!.over;
    expect(recorders[0]?.calls).toEqual([["open"], ["error", expect.any(Number)], ["terminate", 1006, undefined]]);
  });

  test("other connections go on", async () => {
    const { port, recorders } = await startServer({ message: (ws, data) => void ws.send(data) });
    const other = await RawClient.open(port);
    const client = await RawClient.open(port);
    client.write(masked(0x83, "bad"));
    await client.frames();
    other.write(masked(0x81, "still there?"));
    expect((await other.frame())?.payload.toString()).toBe("still there?");
    expect(recorders[0]?.end).toBeUndefined();
  });
});
