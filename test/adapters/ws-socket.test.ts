import { once } from "node:events";
import { InvalidArgumentError, OutOfRangeError } from "hawser";
import { WsSocket } from "hawser/ws";
import { describe, expect, test } from "vitest";
import { BOTH, connected, ourPair } from "./ws-servers.ts";

/** The text of a message. */
function textOf(data: unknown): string {
  return (data as Buffer).toString();
}

describe.each(BOTH)("a socket of %s", (_name, start) => {
  test("has the constants and properties of an open one", async () => {
    const { socket } = await connected(start, ["a", "b"]);
    expect([socket.CONNECTING, socket.OPEN, socket.CLOSING, socket.CLOSED]).toEqual([0, 1, 2, 3]);
    const { readyState, protocol, extensions, bufferedAmount, binaryType, isPaused } = socket;
    const found = { readyState, protocol, extensions, bufferedAmount, binaryType, isPaused };
    expect(found).toEqual({
      readyState: 1,
      protocol: "a",
      extensions: "",
      bufferedAmount: 0,
      binaryType: "nodebuffer",
      isPaused: false,
    });
    expect([socket.onopen, socket.onmessage, socket.onclose, socket.onerror]).toEqual([null, null, null, null]);
  });

  test("emits texts and bytes as buffers, and says which they are", async () => {
    const { client, socket } = await connected(start);
    const found: unknown[] = [];
    socket.on("message", (data, isBinary) => found.push([data, isBinary]));
    client.send("Grüße");
    client.send(Buffer.from([1, 2]));
    client.send("");
    client.close();
    await once(socket, "close");
    expect(found).toEqual([
      [Buffer.from("Grüße"), false],
      [Buffer.from([1, 2]), true],
      [Buffer.alloc(0), false],
    ]);
  });

  test("gives an ArrayBuffer of its own for bytes, and a Buffer for texts, with that binaryType", async () => {
    const { client, socket } = await connected(start);
    socket.binaryType = "arraybuffer";
    const found: unknown[] = [];
    socket.on("message", (data) => found.push(data));
    client.send(Buffer.from([1, 2]));
    client.send("text");
    client.close();
    await once(socket, "close");
    expect(found).toEqual([new Uint8Array([1, 2]).buffer, Buffer.from("text")]);
  });

  test("sends what ws can send", async () => {
    const { client, socket } = await connected(start);
    const found: unknown[] = [];
    client.on("message", (data: Buffer, isBinary) => found.push([isBinary, data.toString()]));
    const bytes = Buffer.from("bytes");
    const { buffer } = new Uint8Array(bytes);
    socket.send("text");
    socket.send(12);
    socket.send(bytes);
    socket.send(new Uint8Array(bytes));
    socket.send(buffer);
    socket.send(new DataView(buffer, 1, 2));
    socket.send(new Blob(["blob"]));
    socket.send("text as bytes", { binary: true });
    socket.send(bytes, { binary: false });
    socket.send(buffer, { binary: false });
    socket.send("not compressed", { compress: false });
    socket.close();
    await once(client, "close");
    expect(found).toEqual([
      [false, "text"],
      [false, "12"],
      [true, "bytes"],
      [true, "bytes"],
      [true, "bytes"],
      [true, "yt"],
      [true, "blob"],
      [true, "text as bytes"],
      [false, "bytes"],
      [false, "bytes"],
      [false, "not compressed"],
    ]);
  });

  test("calls the callback of a send later, without an error", async () => {
    const { socket } = await connected(start);
    let isLater = false;
    const called = new Promise<unknown>((resolve) => {
      socket.send("a", {}, (error) => {
        resolve([isLater, error ?? undefined]);
      });
    });
    isLater = true;
    expect(await called).toEqual([true, undefined]);
    const second = new Promise<unknown>((resolve) => {
      socket.send("b", resolve);
    });
    expect((await second) ?? undefined).toBeUndefined();
  });

  test("after its close, a send and a ping give their callbacks an error, and do not throw", async () => {
    const { client, socket } = await connected(start);
    client.close();
    await once(socket, "close");
    expect(socket.readyState).toBe(3);
    for (const method of ["send", "ping"] as const) {
      const error = await new Promise((resolve) => {
        socket[method]("late", {} as never, resolve);
      });
      expect(error, method).toBeInstanceOf(Error);
      socket[method]("late");
    }
    socket.close();
    socket.terminate();
  });

  test("closes with a code and a reason, and emits those of the peer", async () => {
    const { client, socket } = await connected(start);
    const closed = once(client, "close");
    socket.close(4001, Buffer.from("bye"));
    expect(socket.readyState).toBe(2);
    expect(await once(socket, "close")).toEqual([4001, Buffer.from("bye")]);
    expect(await closed).toEqual([4001, Buffer.from("bye")]);
  });

  test("emits 1005 for a close frame without a code", async () => {
    const { client, socket } = await connected(start);
    client.close();
    expect(await once(socket, "close")).toEqual([1005, Buffer.alloc(0)]);
  });

  test("emits 1006 when it is terminated, and when the peer is cut, and no error", async () => {
    for (const ends of ["socket", "client"] as const) {
      const pair = await connected(start);
      const errors: unknown[] = [];
      pair.socket.on("error", (error) => errors.push(error));
      const closed = once(pair.socket, "close");
      pair[ends].terminate();
      expect(await closed).toEqual([1006, Buffer.alloc(0)]);
      expect(errors).toEqual([]);
    }
  });

  test("throws for a code that must not be sent", async () => {
    const { socket } = await connected(start);
    expect(() => {
      socket.close(1005);
    }).toThrow();
    expect(socket.readyState).toBe(1);
  });

  test("emits the data of its ping with the pong, and calls the callback", async () => {
    const { socket } = await connected(start);
    const pong = once(socket, "pong");
    const called = new Promise((resolve) => {
      socket.ping("abc", false, resolve);
    });
    expect(await pong).toEqual([Buffer.from("abc")]);
    expect((await called) ?? undefined).toBeUndefined();
    const second = once(socket, "pong");
    socket.ping();
    expect(await second).toEqual([Buffer.alloc(0)]);
    expect(() => {
      socket.ping(Buffer.alloc(126));
    }).toThrow(RangeError);
  });

  test("emits an error, and closes with 1002, when the peer breaks the protocol", async () => {
    const { client, socket } = await connected(start);
    const error = once(socket, "error");
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const peer = once(client, "close");
    // A frame with a reserved opcode.
    (client as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
      Buffer.from([0x83, 0x80, 1, 2, 3, 4]),
    );
    expect(((await error) as [Error])[0]).toBeInstanceOf(Error);
    expect(((await peer) as [number])[0]).toBe(1002);
    await closed;
    expect(socket.readyState).toBe(3);
  });

  test("holds messages back while it is paused", async () => {
    const { client, socket } = await connected(start);
    const found: string[] = [];
    socket.on("message", (data) => {
      found.push(textOf(data));
      if (found.length === 1) socket.pause();
    });
    client.send("a");
    await once(socket, "message");
    expect(socket.isPaused).toBe(true);
    client.send("b");
    socket.send("c");
    await once(client, "message");
    expect(found).toEqual(["a"]);
    const next = once(socket, "message");
    socket.resume();
    expect(socket.isPaused).toBe(false);
    await next;
    expect(found).toEqual(["a", "b"]);
  });

  test("emits what came before the end after a pause, and pauses no more", async () => {
    const { client, socket } = await connected(start);
    const found: string[] = [];
    socket.on("message", (data) => found.push(textOf(data)));
    socket.pause();
    client.send("a");
    client.close(4000);
    socket.resume();
    await once(socket, "close");
    socket.pause();
    socket.resume();
    expect(found).toEqual(["a"]);
  });

  test("takes the listeners of the web platform", async () => {
    const { client, socket } = await connected(start);
    const found: unknown[] = [];
    const onMessage = (event: { type: string; target: unknown; data: unknown }): void => {
      found.push([event.type, event.target === socket, event.data]);
    };
    socket.addEventListener("message", onMessage);
    socket.addEventListener("message", onMessage);
    socket.addEventListener("message", { handleEvent: ({ data }) => found.push(["object", data]) }, { once: true });
    socket.onmessage = ({ data }) => found.push(["replaced", data]);
    socket.onmessage = ({ data }) => found.push(["attribute", data]);
    expect(socket.onmessage).toBeTypeOf("function");
    const ended = new Promise((resolve) => {
      socket.onclose = ({ code, reason, wasClean }) => {
        resolve({ code, reason, wasClean });
      };
    });
    client.send("a");
    await once(socket, "message");
    socket.removeEventListener("message", onMessage);
    client.send(Buffer.from("b"));
    await once(socket, "message");
    socket.onmessage = null;
    client.send("c");
    await once(socket, "message");
    client.close(4000, "end");
    expect(await ended).toEqual({ code: 4000, reason: "end", wasClean: true });
    expect(found).toEqual([
      ["message", true, "a"],
      ["object", "a"],
      ["attribute", "a"],
      ["attribute", Buffer.from("b")],
    ]);
  });
});

describe("a socket of ours", () => {
  test("throws for what it does not have", async () => {
    const { socket } = await ourPair();
    expect(() => {
      socket.pong();
    }).toThrow(InvalidArgumentError);
    expect(() => socket.on("ping", () => {})).toThrow("the library answers pings itself");
    expect(() => socket.once("ping", () => {})).toThrow(InvalidArgumentError);
    expect(() => socket.addListener("ping", () => {})).toThrow(InvalidArgumentError);
    expect(() => {
      socket.binaryType = "fragments" as never;
    }).toThrow(InvalidArgumentError);
    expect(() => {
      socket.ping(Buffer.alloc(126));
    }).toThrow(OutOfRangeError);
  });

  test("is the handler's connection too: topics, counters", async () => {
    const { client, socket, wss } = await ourPair();
    await socket.connection.subscribe("news");
    void socket.connection.wss.publish("news", "hello");
    expect(String((await once(client, "message"))[0])).toBe("hello");
    expect(wss.clients.has(socket)).toBe(true);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("boom");
      },
    ],
    ["rejects", () => Promise.reject(new Error("boom"))],
  ] as const)("a listener that %s closes its connection with 1011, and the process lives", async (_how, fail) => {
    const { client, socket } = await ourPair();
    const error = once(socket, "error");
    const listener = fail as () => undefined;
    socket.on("message", listener);
    client.send("a");
    expect(await once(client, "close")).toEqual([1011, Buffer.alloc(0)]);
    expect(((await error) as [Error])[0].message).toBe("boom");
  });

  test.each([
    ["addEventListener", (socket: WsSocket, listener: () => void) => socket.addEventListener("message", listener)],
    ["onmessage", (socket: WsSocket, listener: () => void) => (socket.onmessage = listener)],
    [
      "handleEvent",
      (socket: WsSocket, listener: () => void) => socket.addEventListener("message", { handleEvent: listener }),
    ],
  ] as const)("so does one of the web platform's that rejects: %s", async (_how, add) => {
    const { client, socket } = await ourPair();
    const error = once(socket, "error");
    add(socket, () => Promise.reject(new Error("boom")) as never);
    client.send("a");
    expect(await once(client, "close")).toEqual([1011, Buffer.alloc(0)]);
    expect(((await error) as [Error])[0].message).toBe("boom");
  });

  test("a listener of pong that throws does so too", async () => {
    const { client, socket } = await ourPair();
    socket.on("error", () => {});
    socket.on("pong", () => {
      throw new Error("boom");
    });
    socket.ping();
    expect(((await once(client, "close")) as [number])[0]).toBe(1011);
  });

  test("is made of a connection only", () => {
    expect(() => new WsSocket({} as never)).toThrow(TypeError);
  });

  test("ends its pause when the peer is gone, so that the end is not held back", async () => {
    const { client, socket } = await ourPair();
    const found: string[] = [];
    socket.on("message", (data) => found.push(textOf(data)));
    socket.pause();
    socket.pause();
    client.send("a");
    client.close(4000);
    expect(await once(socket, "close")).toEqual([4000, Buffer.alloc(0)]);
    expect(found).toEqual(["a"]);
  });

  test("does not emit an error without a listener: the server's onError is told", async () => {
    const { client, socket, wss } = await ourPair();
    const errors: unknown[] = [];
    Object.assign(wss, {
      onError: (_wss: unknown, event: { errors: { message: string }[] }) => errors.push(event.errors[0]?.message),
    });
    socket.on("message", () => {
      throw new Error("boom");
    });
    client.send("a");
    await once(client, "close");
    expect(errors).toEqual(["boom"]);
  });
});

test.each(["close", "terminate"] as const)(
  "after %s() a message that a pause holds back is not emitted",
  async (end) => {
    const { client, socket } = await ourPair();
    const found: string[] = [];
    socket.on("message", (data) => found.push(textOf(data)));
    socket.pause();
    for (const text of ["a", "b"]) client.send(text);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    const closed = once(socket, "close");
    socket[end]();
    socket.resume();
    await closed;
    expect(found).toEqual([]);
  },
);
