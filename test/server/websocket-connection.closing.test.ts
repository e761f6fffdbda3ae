import type { WSTerminateEvent, WebSocketConnection, WebSocketServer } from "hawser";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../../src/errors/errors.ts";
import { type Recorder, startServer } from "../support/live-server.ts";
import { Peer, until } from "../support/peer.ts";
import { deferred } from "../support/session.ts";

/** A server with one client on it. */
interface Connected {
  readonly ws: WebSocketConnection;
  readonly peer: Peer;
  readonly wss: WebSocketServer;
  readonly recorder: Recorder;
}

/** Starts one. `message`: what its handler does with a message. */
async function connected(message: () => unknown = () => undefined): Promise<Connected> {
  const { wss, port, recorders } = await startServer({ message });
  const peer = await Peer.open(port);
  return { ws: wss.connections[0]!, peer, wss, recorder: recorders[0]! };
}

/** The codes that a close frame may carry (RFC 6455 7.4, and 1012 to 1014 of its registry). */
function isSendable(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].includes(code);
}

/** What a call throws, or what the client then reads. Such a call needs a connection of its own only if it closes it. */
async function resultsOf(calls: readonly ((ws: WebSocketConnection) => void)[]): Promise<string[]> {
  const results: string[] = [];
  let given: Awaited<ReturnType<typeof connected>> | undefined;
  for (const call of calls) {
    given ??= await connected();
    const { ws, peer } = given;
    try {
      call(ws);
      results.push((await peer.closed).join(" ").trim());
      given = undefined;
    } catch (error) {
      expect(ws.status).toBe("Connected");
      results.push(error instanceof RangeError ? "RangeError" : String(error));
    }
  }
  return results;
}

describe("close and terminate with each code from 0 to 5000", () => {
  const all = Array.from({ length: 5001 }, (_, code) => code);
  /** Each class of codes with its edges. For the others, a row of the table of what arrives is the same. */
  const some = [
    0, 1, 998, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013,
  ].concat([1014, 1015, 1016, 1017, 1999, 2000, 2998, 2999, 3000, 3001, 3002, 3999, 4000, 4001, 4998, 4999, 5000]);

  test("close refuses those that must not be sent, and no other", async () => {
    const { ws } = await connected();
    for (const code of all.filter((one) => !isSendable(one))) {
      for (const reason of [undefined, "", "bye"])
        expect(() => ws.close(code, reason), String(code)).toThrow(OutOfRangeError);
    }
    expect(ws.status).toBe("Connected");
    // On a connection that is closing a call only checks its arguments.
    ws.close();
    for (const code of all.filter(isSendable)) expect(() => ws.close(code, "bye"), String(code)).not.toThrow();
  });

  test("close sends a code that may be sent, and its reason", async () => {
    const codes = some.filter(isSendable);
    expect(await resultsOf(codes.map((code) => (ws) => ws.close(code, "bye")))).toEqual(
      codes.map((code) => `${code} bye`),
    );
    expect(await resultsOf(codes.map((code) => (ws) => ws.close(code)))).toEqual(codes.map(String));
  });

  test("terminate takes all up to 4999", async () => {
    const { ws } = await connected();
    ws.terminate();
    for (const code of all) {
      const calls = [() => ws.terminate(code, "bye"), () => ws.terminate({ code, message: "bye" })];
      for (const call of calls) {
        if (code > 4999) expect(call).toThrow(OutOfRangeError);
        else expect(call, String(code)).not.toThrow();
      }
    }
  });

  test("terminate sends those that may be sent, the message only with one above 3000", async () => {
    const codes = some.filter((code) => code < 5000);
    const sent = codes.map((code) => (!isSendable(code) ? "1005" : code > 3000 ? `${code} bye` : `${code}`));
    expect(await resultsOf(codes.map((code) => (ws) => ws.terminate(code, "bye")))).toEqual(sent);
    expect(await resultsOf(codes.map((code) => (ws) => ws.terminate({ code, message: "bye" })))).toEqual(sent);
  });
});

describe("close", () => {
  test.each<[given: readonly [code?: number | undefined, reason?: string | undefined], expected: [number, string]]>([
    [[], [1005, ""]],
    [
      [undefined, undefined],
      [1005, ""],
    ],
    [
      [undefined, ""],
      [1005, ""],
    ],
    [
      [undefined, "bye"],
      [1000, "bye"],
    ],
    [
      [1000, ""],
      [1000, ""],
    ],
    [
      [1000, "bye"],
      [1000, "bye"],
    ],
    [
      [1001, "caf\u00e9"],
      [1001, "caf\u00e9"],
    ],
    [
      [3000, "x".repeat(123)],
      [3000, "x".repeat(123)],
    ],
    [
      [4999, `${"\u00e9".repeat(61)}x`],
      [4999, `${"\u00e9".repeat(61)}x`],
    ],
  ])("%j sends what browsers send", async (given, expected) => {
    const { ws, peer } = await connected();
    ws.close(...given);
    expect(ws.status).toBe("Closing");
    expect(await peer.closed).toEqual(expected);
  });

  test("a wrong argument is an error, and nothing is closed", async () => {
    const { ws } = await connected();
    const close = ws.close.bind(ws) as (...given: readonly unknown[]) => void;
    for (const code of [1000.5, NaN, Infinity, -1, 65_536]) expect(() => close(code)).toThrow(OutOfRangeError);
    for (const code of ["1000", null, true, 1000n, {}]) {
      expect(() => close(code)).toThrow(InvalidArgumentError);
      expect(() => close(code)).toThrow(/^close: code: expected a number, got /);
    }
    for (const reason of [5, null, {}]) {
      expect(() => close(1000, reason)).toThrow(/^close: reason: expected a string, got /);
      expect(() => close(undefined, reason)).toThrow(InvalidArgumentError);
    }
    for (const reason of ["x".repeat(124), "\u00e9".repeat(62)]) {
      expect(() => close(1000, reason)).toThrow(/^close: reason: expected at most 123 bytes/);
      expect(() => close(undefined, reason)).toThrow(OutOfRangeError);
    }
    expect(ws.status).toBe("Connected");
  });

  test("earlier messages are still sent, and calling it again does nothing", async () => {
    const { ws, peer } = await connected();
    ws.send("one");
    ws.close(1000, "first");
    ws.close(1001, "second");
    ws.terminate(4000, "third");
    expect(await peer.closed).toEqual([1000, "first"]);
    expect(peer.messages).toEqual(["one"]);
  });
});

describe("destroy", () => {
  test("cuts the socket at once, without a close frame, and calls onTerminate with 1006 and no cause", async () => {
    const { ws, wss, peer, recorder } = await connected();
    ws.destroy();
    expect(ws.status).toBe("Closing");
    expect(ws.send("too late")).toBe(false);
    expect(await peer.closed).toEqual([1006, ""]);
    await recorder.over;
    expect(ws.status).toBe("Closed");
    expect(wss.connections.length).toBe(0);
    ws.destroy();
    const expected: WSTerminateEvent = {
      type: "terminate",
      code: 1006,
      reason: undefined,
      initiator: "local",
      cause: undefined,
    };
    expect(recorder.terminated).toEqual(expected);
  });

  test("onTerminate waits for the running callback, and messages that wait are not delivered", async () => {
    const work = deferred();
    const { ws, peer, recorder } = await connected(() => work.promise);
    peer.socket.send("one");
    peer.socket.send("two");
    await until(() => recorder.messages.length === 1);
    ws.destroy();
    await until(() => ws.status === "Closed");
    expect(recorder.calls).toEqual([["open"], ["message", "one"]]);
    work.resolve();
    await recorder.over;
    expect(recorder.calls).toEqual([["open"], ["message", "one"], ["terminate", 1006, undefined]]);
  });

  test.each(["destroy", "terminate"] as const)(
    "what the system had not taken then counts as dropped: %s",
    async (end) => {
      const { wss, port, recorders } = await startServer({}, { closeTimeout: 50, maxSendQueue: 2 ** 30 });
      const peer = await Peer.open(port);
      peer.socket.pause();
      const ws = wss.connections[0]!;
      // More than the buffers of both systems hold.
      ws.send(Buffer.alloc(64 * 1024 * 1024));
      ws.send("after it");
      await until(() => ws.bufferedAmount > 0 && ws.counters.written === 1);
      ws[end]();
      await recorders[0]!.over;
      expect(ws.counters).toEqual({ accepted: 2, written: 0, dropped: 2, pending: 0 });
      expect(wss.counters.messages).toEqual(ws.counters);
      expect(recorders[0]!.terminated).toMatchObject({
        code: 1006,
        initiator: "local",
        cause: end === "destroy" ? undefined : { code: "HWS_CLOSE_TIMEOUT" },
      });
    },
  );

  test("a handler that never settles holds back the answer to a close frame for closeTimeout at most", async () => {
    const never = (): Promise<void> => new Promise(() => undefined);
    const { wss, port, recorders } = await startServer({ message: never }, { closeTimeout: 50 });
    const peer = await Peer.open(port);
    for (const text of ["one", "two", "three"]) peer.socket.send(text);
    peer.socket.close(4000, "bye");
    expect(await peer.closed).toEqual([4000, ""]);
    await until(() => wss.connections.length === 0);
    expect(wss.counters.limits.closeTimeout).toBe(1);
    // `onTerminate` waits for the handler.
    expect(recorders[0]!.calls).toEqual([["open"], ["message", "one"]]);
    void wss.terminate(0);
    await recorders[0]!.over;
    expect(recorders[0]!.terminated).toMatchObject({ code: 4000, reason: "bye", initiator: "peer", cause: undefined });
  });

  test("while the connection is closing it does not wait for the peer, and is no cause either", async () => {
    const { ws, peer, recorder } = await connected();
    peer.socket.pause();
    ws.close(1000, "bye");
    ws.destroy();
    await recorder.over;
    expect(recorder.terminated).toMatchObject({ code: 1006, initiator: "local", cause: undefined });
  });
});
