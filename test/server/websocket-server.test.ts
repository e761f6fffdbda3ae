import {
  type WSConnectionEvent,
  type ConnectionRequest,
  type WSMessageEvent,
  type WebSocketConnection,
  WebSocketServer,
  type WSHandler,
} from "hawser";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createNetServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../../src/errors/errors.ts";
import { startServer } from "../support/live-server.ts";
import { deferred, Peer, portOf, turn, until } from "../support/peer.ts";
import { handshake, RawClient } from "../support/raw-client.ts";

/** The smallest valid handler. */
const LEAST = { onConnection: () => ({ onMessage: () => {} }) };

describe("the constructor", () => {
  test.each([
    ["nothing", undefined],
    ["null", null],
    ["a text", "handler"],
    ["a function", () => ({ onMessage: () => {} })],
  ])("%s is not a handler", (_what, handler) => {
    const make = (): unknown => new WebSocketServer(handler as unknown as WSHandler);
    expect(make).toThrow(InvalidArgumentError);
    expect(make).toThrow(/^handler: expected an object with onConnection/);
  });

  test.each([[{}], [{ onconnection: () => {} }], [{ onConnection: {} }], [{ onConnection: null }], [[]]])(
    "a handler without onConnection is refused and the error says so: %j",
    (handler) => {
      const make = (): unknown => new WebSocketServer(handler as unknown as WSHandler);
      expect(make).toThrow(InvalidArgumentError);
      expect(make).toThrow(/^handler: onConnection: expected a function/);
    },
  );

  test.each([
    [{ port: 0 }, "The handler is the first argument, the options are the second"],
    [{ port: 0, dataType: "object" }, "The handler is the first argument, the options are the second"],
    [{ onConnect: () => null }, "did you mean onConnection?"],
    [{ onconnection: () => null }, "did you mean onConnection?"],
    [{ path: "/chat", onScore: () => null }, "expected a function"],
  ])("a mistake is named: %o", (handler, said) => {
    const make = (): unknown => new WebSocketServer(handler as unknown as WSHandler);
    expect(make).toThrow(InvalidArgumentError);
    expect(make).toThrow(new RegExp(`${said.replace("?", "\\?")}$`));
  });

  test.each(["onOpen", "onTerminate", "onError", "onRefused"])("%s must be a function if it is there", (name) => {
    for (const callback of [5, "x", {}, null]) {
      const make = (): unknown => new WebSocketServer({ ...LEAST, [name]: callback });
      expect(make).toThrow(new RegExp(`^handler: ${name}: expected a function`));
    }
    expect(new WebSocketServer({ ...LEAST, [name]: undefined }).terminated).toBe(false);
  });

  test("a wrong option is refused, and nothing listens", async () => {
    const server = createServer();
    expect(() => new WebSocketServer(LEAST, { server, path: "chat" })).toThrow(/^path: /);
    expect(() => new WebSocketServer(LEAST, { server, closeTimeout: 0 })).toThrow(/^closeTimeout: /);
    expect(() => new WebSocketServer(LEAST, { port: 0, maxHeaderSize: 0 })).toThrow(/^maxHeaderSize: /);
    expect(server.eventNames().filter((name) => name === "upgrade" || name === "close")).toEqual([]);
    await turn();
  });

  test("an invalid certificate is refused, and the error names the option", () => {
    const make = (): unknown => new WebSocketServer(LEAST, { port: 0, tls: { key: "nonsense", cert: "nonsense" } });
    expect(make).toThrow(InvalidArgumentError);
    expect(make).toThrow(/^tls: /);
  });

  // shows 4D-1-handler-any
  test("any object is allowed, also one without a prototype or with inherited callbacks", async () => {
    const bare = Object.assign(Object.create(null) as object, LEAST);
    const inherited = Object.create(LEAST) as typeof LEAST;
    for (const handler of [bare, inherited, Object.freeze({ ...LEAST })]) {
      const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1" });
      onTestFinished(async () => wss.terminate(0));
      await Peer.open(await portOf(wss));
      expect(wss.connections.length).toBe(1);
    }
  });

  // shows 4D-1-starts
  test("it starts the server", async () => {
    const wss = new WebSocketServer(LEAST, { port: 0, host: "127.0.0.1" });
    onTestFinished(async () => wss.terminate(0));
    const peer = await Peer.open(await portOf(wss));
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
  });
});

describe("the members of a server", () => {
  // shows 4D-1-dataType, 4D-1-handler, 4D-1-path-member, 4D-1-terminated
  test("dataType, handler, path and terminated have the values of the constructor, and cannot be set", () => {
    const wss = new WebSocketServer(LEAST, { path: "/chat", dataType: "blob" });
    expect(wss.dataType).toBe("blob");
    expect(wss.handler).toBe(LEAST);
    expect(wss.path).toBe("/chat");
    expect(wss.terminated).toBe(false);
    const writable = wss as unknown as Record<string, unknown>;
    for (const name of ["dataType", "handler", "path", "terminated", "connections"]) {
      expect(() => {
        writable[name] = "mine";
      }, name).toThrow(TypeError);
    }
    expect(wss.path).toBe("/chat");
  });

  // shows 4D-1-dataType-default
  test("without options the type is text and the path any", () => {
    const wss = new WebSocketServer(LEAST);
    expect(wss.dataType).toBe("text");
    expect(wss.path).toBeUndefined();
    expect(wss.address()).toBeNull();
  });

  // shows 4D-1-connections, 4D-1-connections-live, 4D-1-connections-get
  test("connections has the open connections", async () => {
    const { wss, port, recorders } = await startServer();
    expect(wss.connections.length).toBe(0);
    const peers = [await Peer.open(port), await Peer.open(port), await Peer.open(port)];
    expect(wss.connections.length).toBe(3);
    expect(wss.connections.map(({ handler }) => handler)).toEqual(recorders);
    for (const client of wss.connections) expect(wss.connections.get(client.id)).toBe(client);
    const [, second] = wss.connections;
    peers[1]!.socket.close();
    await recorders[1]!.over;
    expect(wss.connections.length).toBe(2);
    expect(wss.connections.some((client) => client === second)).toBe(false);
    expect(wss.connections.get(second!.id)).toBeUndefined();
    expect([...wss.connections]).toEqual([wss.connections.at(0), wss.connections.at(-1)]);
  });

  // shows 4D-1-connections-safe
  test("a loop over connections sees each once, though some close during it", async () => {
    const { wss, port, recorders } = await startServer();
    for (let i = 0; i < 4; i++) await Peer.open(port);
    const ids = wss.connections.map(({ id }) => id);
    const seen: number[] = [];
    for (const client of wss.connections) {
      seen.push(client.id);
      client.terminate();
      // In the second round those of the first have closed.
      await recorders[seen.length - 1]!.over;
    }
    expect(seen).toEqual(ids);
    expect(wss.connections.length).toBe(0);
  });
});

describe("broadcast", () => {
  test("all get the message, and it returns their number", async () => {
    const { wss, port } = await startServer();
    expect(wss.broadcast("nobody is here")).toBe(0);
    const peers = [await Peer.open(port), await Peer.open(port), await Peer.open(port)];
    const messages = [
      "caf\u00e9",
      Uint8Array.of(1, 2),
      { a: 1 },
      [2],
      "",
      "x".repeat(100_000),
      Buffer.alloc(100_000, 1),
    ];
    for (const message of messages) expect(wss.broadcast(message)).toBe(3);
    for (const peer of peers) {
      expect(await peer.received(messages.length)).toEqual([
        "caf\u00e9",
        Buffer.of(1, 2),
        '{"a":1}',
        "[2]",
        "",
        "x".repeat(100_000),
        Buffer.alloc(100_000, 1),
      ]);
    }
  });

  test("one is left out, or several, as an array, a set or the collection itself", async () => {
    const { wss, port } = await startServer();
    const peers = [await Peer.open(port), await Peer.open(port), await Peer.open(port)];
    const [a, b, c] = [...wss.connections] as [WebSocketConnection, WebSocketConnection, WebSocketConnection];
    expect(wss.broadcast("not a", { except: a })).toBe(2);
    expect(wss.broadcast("only c", { except: [a, b] })).toBe(1);
    expect(wss.broadcast("only b", { except: new Set([c, a]) })).toBe(1);
    expect(wss.broadcast("nobody", { except: wss.connections })).toBe(0);
    expect(wss.broadcast("all", { except: [] })).toBe(3);
    expect(wss.broadcast("all again", { except: undefined })).toBe(3);
    const all = ["all", "all again"];
    expect(await peers[0]!.received(2)).toEqual(all);
    expect(await peers[1]!.received(4)).toEqual(["not a", "only b", ...all]);
    expect(await peers[2]!.received(4)).toEqual(["not a", "only c", ...all]);
  });

  test("a Blob reaches all, in its place among the other messages", async () => {
    const { wss, port } = await startServer();
    const peers = [await Peer.open(port), await Peer.open(port)];
    expect(wss.broadcast("before")).toBe(2);
    expect(wss.broadcast(new Blob(["blob"]))).toBe(2);
    expect(wss.broadcast("after")).toBe(2);
    expect(wss.broadcast(Buffer.from("bytes"), { except: wss.connections[1] })).toBe(1);
    expect(await peers[0]!.received(4)).toEqual(["before", Buffer.from("blob"), "after", Buffer.from("bytes")]);
    expect(await peers[1]!.received(3)).toEqual(["before", Buffer.from("blob"), "after"]);
  });

  test("those who are closing get nothing and are not counted", async () => {
    const { wss, port } = await startServer();
    const client = await RawClient.open(port);
    const peer = await Peer.open(port);
    wss.connections[0]!.terminate(4000);
    expect(wss.connections.length).toBe(2);
    expect(wss.broadcast("hello")).toBe(1);
    expect(await peer.received(1)).toEqual(["hello"]);
    expect(await client.frame()).toMatchObject({ opcode: 8 });
  });

  test("it refuses the same values as send, also without connections", async () => {
    const { wss } = await startServer();
    for (const message of [5, null, undefined, new Map()]) {
      expect(() => wss.broadcast(message as unknown as string)).toThrow(InvalidArgumentError);
    }
  });

  test("from onTerminate it reaches the remaining connections", async () => {
    const reached: number[] = [];
    class RandomHandler {
      onMessage(): void {}
      onTerminate(ws: WebSocketConnection<RandomHandler>): void {
        reached.push(ws.wss.broadcast("client left"));
      }
    }
    const wss = new WebSocketServer({ onConnection: () => new RandomHandler() }, { port: 0, host: "127.0.0.1" });
    onTestFinished(async () => wss.terminate(0));
    const port = await portOf(wss);
    const [first, second] = [await Peer.open(port), await Peer.open(port)];
    first.socket.terminate();
    expect(await second.received(1)).toEqual(["client left"]);
    expect(reached).toEqual([1]);
  });
});

describe("dataType", () => {
  // shows 4D-3-receive-text-text, 4D-3-receive-text-binary, 4D-3-receive-blob-text, 4D-3-receive-blob-binary, 4D-3-receive-object, 4D-3-receive-auto
  test.each([
    ["text", "caf\u00e9", "caf\u00e9"],
    ["blob", Buffer.from("caf\u00e9"), Buffer.from("caf\u00e9")],
    ["auto", "caf\u00e9", Buffer.from("caf\u00e9")],
  ] as const)("under %s a text frame and a binary frame are delivered in that form", async (dataType, text, binary) => {
    const seen: unknown[] = [];
    const handler = {
      onConnection: () => ({ onMessage: (_ws: unknown, { data }: WSMessageEvent<unknown>) => seen.push(data) }),
    };
    const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", dataType });
    onTestFinished(async () => wss.terminate(0));
    const peer = await Peer.open(await portOf(wss));
    peer.socket.send("caf\u00e9");
    peer.socket.send(Buffer.from("caf\u00e9"));
    await until(() => seen.length === 2);
    expect(seen).toEqual([text, binary]);
  });

  // shows 4D-3-receive-object
  test("under object it is the result of JSON.parse for both, without access to a prototype", async () => {
    const seen: unknown[] = [];
    const handler = {
      onConnection: () => ({ onMessage: (_ws: unknown, { data }: WSMessageEvent<unknown>) => seen.push(data) }),
    };
    const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", dataType: "object" });
    onTestFinished(async () => wss.terminate(0));
    const peer = await Peer.open(await portOf(wss));
    for (const json of ['{"a":[1,"\u00e9",null]}', "5", '"x"', "null", ' {"__proto__":{"b":1},"a":1} ']) {
      peer.socket.send(json);
      peer.socket.send(Buffer.from(json));
    }
    await until(() => seen.length === 10);
    const expected = [{ a: [1, "\u00e9", null] }, 5, "x", null, { a: 1 }];
    expect(seen).toEqual(expected.flatMap((one) => [one, one]));
    expect(({} as { b?: number }).b).toBeUndefined();
  });

  // shows 4D-3-receive-text-binary, 4D-3-receive-not-json
  test.each([
    ["text", Buffer.of(0xff), 113, "invalid UTF-8"],
    ["object", Buffer.of(0xff), 113, "invalid UTF-8"],
    ["object", "{", 201, "invalid JSON"],
    ["object", "", 201, "invalid JSON"],
  ] as const)(
    "under %s data of another type reaches onError and closes with 1007",
    async (dataType, message, errCode, reason) => {
      const { port, recorders } = await startServer({}, { dataType });
      const peer = await Peer.open(port);
      peer.socket.send(message);
      expect(await peer.closed).toEqual([1007, reason]);
      await recorders[0]!.over;
      expect(recorders[0]!.calls).toEqual([["open"], ["error", errCode], ["terminate", 1006, undefined]]);
    },
  );
});

describe("the chat of 4D's documentation", () => {
  test("welcome, new client, messages to all others, client left", async () => {
    class RandomHandler {
      name = "somebody";
      onOpen(ws: WebSocketConnection<RandomHandler>): void {
        ws.send("Welcome on the chat!");
        ws.wss.broadcast("New client connected", { except: ws });
      }
      onMessage(ws: WebSocketConnection<RandomHandler>, event: WSMessageEvent): void {
        for (const client of ws.wss.connections) if (client.id !== ws.id) client.send(`${this.name}: ${event.data}`);
      }
      onTerminate(ws: WebSocketConnection<RandomHandler>): void {
        ws.wss.broadcast("Client disconnected");
      }
    }
    const chat = {
      onConnection: (_wss: unknown, { request }: WSConnectionEvent) =>
        Object.assign(new RandomHandler(), { name: request.query["name"] as string }),
    };
    const wss = new WebSocketServer(chat, { port: 0, host: "127.0.0.1" });
    onTestFinished(async () => wss.terminate(0));
    const port = await portOf(wss);
    const ada = await Peer.open(port, "/?name=ada");
    await ada.received(1);
    const grace = await Peer.open(port, "/?name=grace");
    await grace.received(1);
    await ada.received(2);
    grace.socket.send("hi");
    await ada.received(3);
    grace.socket.close();
    expect(await ada.received(4)).toEqual([
      "Welcome on the chat!",
      "New client connected",
      "grace: hi",
      "Client disconnected",
    ]);
    expect(grace.messages).toEqual(["Welcome on the chat!"]);
  });
});

describe("the argument of terminate", () => {
  test("it is a number of seconds, from zero to the longest delay of a timer", () => {
    const wss = new WebSocketServer(LEAST);
    for (const timeout of ["1", null, true, {}]) {
      expect(() => void wss.terminate(timeout as number)).toThrow(InvalidArgumentError);
      expect(() => void wss.terminate(timeout as number)).toThrow(/^terminate: timeout: /);
    }
    for (const timeout of [-1, NaN, Infinity, 2_147_484]) {
      expect(() => void wss.terminate(timeout)).toThrow(OutOfRangeError);
      expect(() => void wss.terminate(timeout)).toThrow(/^terminate: timeout: /);
    }
    expect(wss.terminated).toBe(false);
  });
});

describe("handleUpgrade", () => {
  // shows 4D-1-handleUpgrade
  test("it takes a request of the user's own web server, with the bytes after it", async () => {
    const messages: string[] = [];
    const got = deferred();
    const wss = new WebSocketServer({
      onConnection: () => ({
        onMessage(_ws, event) {
          messages.push(event.data);
          got.resolve();
        },
      }),
    });
    onTestFinished(async () => wss.terminate(0));
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    server.on("upgrade", (request, socket, head) => {
      wss.handleUpgrade(request, socket, head);
    });
    const client = await RawClient.connect(await portOf(server));
    client.write(handshake("/any?thing"), [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
    expect((await client.response()).status).toBe(101);
    await got.promise;
    expect(messages).toEqual(["hi"]);
    expect(wss.address()).toBeNull();
  });

  test("the bytes after it may be a plain Uint8Array", async () => {
    const { promise, resolve } = deferred<string>();
    const wss = new WebSocketServer({ onConnection: () => ({ onMessage: (_ws, event) => resolve(event.data) }) });
    onTestFinished(async () => wss.terminate(0));
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    server.on("upgrade", (request, socket) => {
      wss.handleUpgrade(request, socket, Uint8Array.of(9, 0x81, 0x81, 0, 0, 0, 0, 0x68).subarray(1));
    });
    await Peer.open(await portOf(server));
    expect(await promise).toBe("h");
  });

  test("for another path it answers 404", async () => {
    const wss = new WebSocketServer(LEAST, { path: "/chat" });
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    server.on("upgrade", (request, socket, head) => {
      wss.handleUpgrade(request, socket, head);
    });
    const port = await portOf(server);
    expect((await Peer.refused(port, "/other")).status).toBe(404);
    await Peer.open(port, "/chat?x=1");
    expect(wss.connections.length).toBe(1);
    await wss.terminate(0);
    expect((await Peer.refused(port, "/chat")).status).toBe(503);
  });

  test("the same socket a second time is refused with an exception, and stays with its owner", async () => {
    const [one, other] = [new WebSocketServer(LEAST), new WebSocketServer(LEAST, { path: "/other" })];
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    const thrown: unknown[] = [];
    server.on("upgrade", (request, socket, head) => {
      one.handleUpgrade(request, socket, head);
      for (const wss of [one, other]) {
        try {
          wss.handleUpgrade(request, socket, head);
        } catch (error) {
          thrown.push(error);
        }
      }
    });
    const peer = await Peer.open(await portOf(server));
    expect(thrown.map((error) => error instanceof InvalidArgumentError)).toEqual([true, true]);
    expect([one.connections.length, other.connections.length]).toEqual([1, 0]);
    peer.socket.terminate();
    await one.terminate(0);
    await other.terminate(0);
  });

  test("a kept request still has the address when the client has disconnected", async () => {
    let request: ConnectionRequest | undefined;
    const wss = new WebSocketServer(
      {
        onConnection(_wss: unknown, event: WSConnectionEvent) {
          ({ request } = event);
          return { onMessage: () => {} };
        },
      },
      { port: 0, host: "127.0.0.1" },
    );
    onTestFinished(async () => wss.terminate(0));
    const peer = await Peer.open(await portOf(wss));
    peer.socket.terminate();
    await until(() => wss.connections.length === 0);
    expect(request?.remoteAddress).toBe("127.0.0.1");
  });

  // shows 4D-1-handler-open-order
  test("right after the constructor, onOpen still comes first and onConnection after it", async () => {
    const calls: string[] = [];
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    const done = deferred();
    server.on("upgrade", (request, socket, head) => {
      const wss = new WebSocketServer({
        onOpen: () => calls.push("onOpen"),
        onConnection: () => {
          calls.push("onConnection");
          return { onMessage: () => {} };
        },
      });
      calls.push("made");
      wss.handleUpgrade(request, socket, head);
      onTestFinished(async () => wss.terminate(0));
      done.resolve();
    });
    await Peer.open(await portOf(server));
    await done.promise;
    await turn();
    expect(calls).toEqual(["made", "onOpen", "onConnection"]);
  });
});

describe("address", () => {
  test("it returns where the server listens, and null before and after", async () => {
    const wss = new WebSocketServer(LEAST, { port: 0, host: "127.0.0.1" });
    const port = await portOf(wss);
    expect(wss.address()).toEqual({ address: "127.0.0.1", family: "IPv4", port });
    await wss.terminate(0);
    expect(wss.address()).toBeNull();
  });

  test("attached to a web server it returns the web server's", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    expect(new WebSocketServer(LEAST, { server }).address()).toEqual(server.address());
  });

  test("a port that is free again can be taken at once", async () => {
    const first = new WebSocketServer(LEAST, { port: 0, host: "127.0.0.1" });
    const port = await portOf(first);
    await Peer.open(port);
    await first.terminate(0);
    const taken = createNetServer().listen(port, "127.0.0.1");
    onTestFinished(() => void taken.close());
    await once(taken, "listening");
    await until(() => first.terminated);
    expect(first.terminated).toBe(true);
  });
});
