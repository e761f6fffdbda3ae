import { WebSocketConnection, type WebSocketServer } from "hawser";
import { connect } from "hawser/testing";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../../src/errors/errors.ts";
import { startServer } from "../support/live-server.ts";
import { Peer, until } from "../support/peer.ts";
import { closeBody, masked, RawClient } from "../support/raw-client.ts";

/** A server with one client on it. */
async function connected(): Promise<{ ws: WebSocketConnection; peer: Peer; wss: WebSocketServer; port: number }> {
  const { wss, port } = await startServer();
  const peer = await Peer.open(port);
  return { ws: wss.connections[0]!, peer, wss, port };
}

describe("the members of a connection", () => {
  // shows 4D-3-made-by-server
  test("only the server makes connections", () => {
    const make = WebSocketConnection as unknown as new (...given: unknown[]) => unknown;
    for (const core of [undefined, null, {}, 5, { start: 5 }]) {
      expect(() => new make(core, {}, 1, undefined)).toThrow(/made by a WebSocketServer/);
    }
  });

  // shows 4D-3-handler
  test("handler is the same object that onConnection returned", async () => {
    const { wss, port, recorders } = await startServer();
    await Peer.open(port);
    expect(wss.connections[0]!.handler).toBe(recorders[0]);
  });

  // shows 4D-3-wss
  test("wss is the server", async () => {
    const { ws, wss } = await connected();
    expect(ws).toBeInstanceOf(WebSocketConnection);
    expect(ws.wss).toBe(wss);
  });

  // shows 4D-3-id
  test("ids are integers and are never reused, also after connections have closed", async () => {
    const { port, wss, recorders } = await startServer();
    const ids = new Set<number>();
    for (let round = 0; round < 3; round++) {
      const [first, second] = [await Peer.open(port), await Peer.open(port)];
      for (const { id } of wss.connections) ids.add(id);
      first.socket.close();
      second.socket.terminate();
      await Promise.all(recorders.map(async (recorder) => recorder.over));
      expect(wss.connections.length).toBe(0);
    }
    expect(ids.size).toBe(6);
    expect([...ids].every(Number.isInteger)).toBe(true);
  });

  // shows 4D-3-id, 4D-3-status, 4D-3-wss
  test("id, status, wss, protocol, handler and bufferedAmount cannot be set", async () => {
    const { ws, wss } = await connected();
    const writable = ws as unknown as Record<string, unknown>;
    const { id } = ws;
    for (const name of ["id", "status", "wss", "protocol", "handler", "bufferedAmount"]) {
      expect(() => {
        writable[name] = "mine";
      }, name).toThrow(TypeError);
    }
    expect(ws.id).toBe(id);
    expect(ws.wss).toBe(wss);
  });

  test("protocol is the subprotocol that was chosen, or undefined", async () => {
    const { port, wss } = await startServer({
      connection: (event) => {
        event.protocol = event.protocols[1];
      },
    });
    const peer = await Peer.open(port, "/", ["a", "b"]);
    expect(peer.socket.protocol).toBe("b");
    expect(wss.connections[0]!.protocol).toBe("b");
    const other = await Peer.open(port);
    expect(other.socket.protocol).toBe("");
    expect(wss.connections[1]!.protocol).toBeUndefined();
  });

  test("remoteAddress is the client's, also after it has gone", async () => {
    const { port, wss } = await startServer();
    const peers = await Promise.all([Peer.open(port), Peer.open(port, "/", [], { localAddress: "127.0.0.5" })]);
    const both = [...wss.connections];
    expect(both.map((ws) => ws.remoteAddress).sort()).toEqual(["127.0.0.1", "127.0.0.5"]);
    for (const { socket } of peers) socket.terminate();
    await until(() => wss.connections.length === 0);
    expect(both.map((ws) => ws.remoteAddress).sort()).toEqual(["127.0.0.1", "127.0.0.5"]);
  });

  test.each([
    ["203.0.113.7", "203.0.113.7"],
    ["2001:db8::7", "2001:db8::7"],
  ])("and the one that a trusted proxy reports: %s", async (forwarded, remoteAddress) => {
    const { port, wss } = await startServer({}, { trustProxy: 1 });
    await Peer.open(port, "/", [], { headers: { "X-Forwarded-For": forwarded } });
    expect(wss.connections[0]!.remoteAddress).toBe(remoteAddress);
  });

  test("it is empty on a stream without an address", async () => {
    const { wss } = await startServer();
    await connect(wss, { remoteAddress: "" });
    expect(wss.connections[0]!.remoteAddress).toBe("");
  });

  // shows 4D-3-status
  test("status changes from Connected to Closing to Closed", async () => {
    const { port, wss, recorders } = await startServer();
    const client = await RawClient.open(port);
    const ws = wss.connections[0]!;
    expect(ws.status).toBe("Connected");
    ws.terminate(1000);
    expect(ws.status).toBe("Closing");
    expect(wss.connections.length).toBe(1);
    client.write(masked(0x88, closeBody(1000)));
    client.socket.end();
    await recorders[0]!.over;
    expect(ws.status).toBe("Closed");
    expect(wss.connections.length).toBe(0);
  });

  test("bufferedAmount counts what waits for a client that does not read, and is 0 when that is sent", async () => {
    const { port, wss } = await startServer({}, { highWaterMark: 1000 });
    const client = await RawClient.open(port);
    client.socket.pause();
    const ws = wss.connections[0]!;
    expect(ws.bufferedAmount).toBe(0);
    let accepted = 0;
    while (ws.send(Buffer.alloc(1 << 20))) accepted++;
    expect(ws.bufferedAmount).toBeGreaterThan(1000);
    expect(accepted).toBeLessThan(16);
    client.socket.destroy();
    await until(() => ws.status === "Closed");
    expect(ws.bufferedAmount).toBe(0);
  });
});

describe("send", () => {
  // shows 4D-3-send-text, 4D-3-send-blob, 4D-3-send-object, 4D-3-send-by-argument
  test("the argument's type decides the frame, in the order of the calls", async () => {
    const { ws, peer } = await connected();
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const messages = [
      "caf\u00e9",
      bytes,
      bytes.buffer,
      new Uint16Array(bytes.buffer, 2, 1),
      new Blob([bytes]),
      "after the Blob",
      { a: [1, null], b: undefined },
      [1, "x"],
      new Date(0),
      new (class Mine {
        readonly mine = true;
      })(),
      "",
    ];
    expect(messages.map((message) => ws.send(message))).toEqual(messages.map(() => true));
    expect(await peer.received(messages.length)).toEqual([
      "caf\u00e9",
      Buffer.of(1, 2, 3, 4),
      Buffer.of(1, 2, 3, 4),
      Buffer.of(3, 4),
      Buffer.of(1, 2, 3, 4),
      "after the Blob",
      '{"a":[1,null]}',
      '[1,"x"]',
      '"1970-01-01T00:00:00.000Z"',
      '{"mine":true}',
      "",
    ]);
  });

  // shows 4D-3-send-type-error
  test.each([[5], [true], [undefined], [null], [5n], [Symbol("x")], [() => {}], [new Map()], [new Set([1])]])(
    "%s is refused with a TypeError that says what was expected",
    async (message) => {
      const { ws, peer } = await connected();
      const call = (): unknown => ws.send(message as unknown as string);
      expect(call).toThrow(InvalidArgumentError);
      expect(call).toThrow(TypeError);
      expect(call).toThrow(/^message: expected a string, bytes /);
      // The connection still works.
      ws.send("still here");
      expect(await peer.received(1)).toEqual(["still here"]);
    },
  );

  // shows 4D-3-send-dropped
  test("on a connection that is not Connected it drops the message and returns false", async () => {
    const { ws, peer } = await connected();
    ws.terminate(4001);
    expect(ws.send("too late")).toBe(false);
    expect(await peer.closed).toEqual([4001, ""]);
    await until(() => ws.status === "Closed");
    expect(ws.send("much too late")).toBe(false);
    expect(() => ws.send(5 as unknown as string)).toThrow(TypeError);
    expect(peer.messages).toEqual([]);
  });
});

describe("terminate", () => {
  // shows 4D-3-terminate-forms, 4D-3-terminate-app-code
  test.each([3001, 4000, 4999])("code %d is sent with the message, in either form", async (code) => {
    const one = await connected();
    one.ws.terminate(code, "caf\u00e9");
    expect(await one.peer.closed).toEqual([code, "caf\u00e9"]);
    const other = await connected();
    other.ws.terminate({ code, message: "caf\u00e9" });
    expect(await other.peer.closed).toEqual([code, "caf\u00e9"]);
  });

  // shows 4D-3-terminate-small-code
  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000])(
    "code %d is sent without the message",
    async (code) => {
      const { ws, peer } = await connected();
      ws.terminate(code, "not sent");
      expect(await peer.closed).toEqual([code, ""]);
    },
  );

  // shows 4D-3-terminate-forms
  test.each([[[]], [[undefined]], [[{}]], [[undefined, "not sent"]], [[{ message: "not sent" }]]])(
    "without a code none is sent: %j",
    async (given: readonly unknown[]) => {
      const { ws, peer } = await connected();
      (ws.terminate.bind(ws) as (...all: readonly unknown[]) => void)(...given);
      expect(await peer.closed).toEqual([1005, ""]);
    },
  );

  // shows 4D-3-terminate-small-code
  test.each([-1, 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999])(
    "code %d, which must not be sent, closes without a code, and without the message",
    async (code) => {
      const { ws, peer } = await connected();
      ws.terminate(code, "not sent");
      expect(await peer.closed).toEqual([1005, ""]);
    },
  );

  // shows 4D-3-terminate-small-code
  test.each([undefined, 0, 1000, 1005, 3000])(
    "with code %s nothing about the message throws: not its type, not its length, not its getter",
    async (code) => {
      const messages = ["x".repeat(124), 5, null, {}, Symbol("no text")] as unknown as string[];
      const getter = {
        code,
        get message(): string {
          throw new Error("read");
        },
      };
      for (const act of [
        ...messages.map((message) => (ws: WebSocketConnection) => ws.terminate(code, message)),
        ...messages.map((message) => (ws: WebSocketConnection) => ws.terminate({ code, message })),
        (ws: WebSocketConnection) => ws.terminate(getter),
      ]) {
        const { ws, peer } = await connected();
        act(ws);
        expect(await peer.closed).toEqual([code === 1000 || code === 3000 ? code : 1005, ""]);
      }
    },
  );

  // shows 4D-3-terminate-impossible
  test.each([5000, 65_536, 1000.5, -0.5, NaN, Infinity, -Infinity])(
    "code %d is a RangeError, and nothing is closed",
    async (code) => {
      const { ws } = await connected();
      for (const call of [() => ws.terminate(code), () => ws.terminate({ code, message: "x" })]) {
        expect(call).toThrow(OutOfRangeError);
        expect(call).toThrow(/^terminate: code: expected /);
      }
      expect(ws.status).toBe("Connected");
    },
  );

  test("its options are read once: a getter that returns something else the second time changes nothing", async () => {
    const { ws, peer } = await connected();
    let reads = 0;
    ws.terminate({
      get code() {
        return reads++ === 0 ? 4001 : 5;
      },
      get message() {
        return reads++ < 2 ? "mine" : "x".repeat(500);
      },
    });
    expect(await peer.closed).toEqual([4001, "mine"]);
    expect(reads).toBe(2);
  });

  // shows 4D-3-terminate-long
  test("a message of 123 bytes is sent, one of 124 is a RangeError", async () => {
    const { ws, peer } = await connected();
    for (const message of ["x".repeat(124), "\u00e9".repeat(62), "\u{1f600}".repeat(31)]) {
      expect(() => ws.terminate(4000, message)).toThrow(OutOfRangeError);
      expect(() => ws.terminate({ code: 3001, message })).toThrow(/^terminate: message: expected at most 123 bytes/);
    }
    expect(ws.status).toBe("Connected");
    ws.terminate(4000, `${"\u00e9".repeat(61)}x`);
    expect(await peer.closed).toEqual([4000, `${"\u00e9".repeat(61)}x`]);
  });

  test("arguments of another type are a TypeError, and nothing is closed", async () => {
    const { ws } = await connected();
    const terminate = ws.terminate.bind(ws) as (...given: readonly unknown[]) => void;
    for (const code of ["1000", null, true, 1000n, { code: "1000" }, { code: null }]) {
      expect(() => terminate(code)).toThrow(InvalidArgumentError);
      expect(() => terminate(code)).toThrow(/^terminate: code: expected a number, got /);
    }
    for (const message of [5, null, {}]) {
      expect(() => terminate(4000, message)).toThrow(/^terminate: message: expected a string, got /);
      expect(() => terminate({ code: 4000, message })).toThrow(/^terminate: message: expected a string, got /);
    }
    expect(ws.status).toBe("Connected");
  });

  // shows 4D-3-terminate-twice
  test("calling it again does nothing", async () => {
    const { ws, peer } = await connected();
    ws.terminate(4001, "first");
    ws.terminate(4002, "second");
    ws.terminate();
    expect(await peer.closed).toEqual([4001, "first"]);
    await until(() => ws.status === "Closed");
    ws.terminate(4003);
    expect(ws.status).toBe("Closed");
    // A wrong argument is always an error.
    expect(() => ws.terminate(5000)).toThrow(RangeError);
  });

  test("earlier messages are still sent", async () => {
    const { ws, peer } = await connected();
    ws.send("one");
    ws.send(new Blob(["two"]));
    ws.terminate(4000, "done");
    expect(await peer.closed).toEqual([4000, "done"]);
    expect(peer.messages).toEqual(["one", Buffer.from("two")]);
  });
});
