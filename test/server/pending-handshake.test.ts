import {
  type WSConnectionEvent,
  type WSErrorEvent,
  type WSMessageEvent,
  refuse,
  type WebSocketConnection,
  WebSocketServer,
  type WebSocketServerOptions,
  type WSHandler,
} from "hawser";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { deferred, Peer, portOf, turn, until } from "../support/peer.ts";
import { handshake, masked, RawClient } from "../support/raw-client.ts";

interface Asked {
  readonly wss: WebSocketServer;
  readonly port: number;
  /** The first entry of each `onError` event. */
  readonly errors: WSErrorEvent["errors"][number][];
}

/** A server with `answer` as onConnection, whatever it returns. */
async function asking(
  answer: (event: WSConnectionEvent) => unknown,
  options: WebSocketServerOptions<"text"> = {},
): Promise<Asked> {
  const errors: WSErrorEvent["errors"][number][] = [];
  const handler = {
    onConnection: (_wss: unknown, event: WSConnectionEvent) => answer(event),
    onError: (_wss: unknown, event: WSErrorEvent) => void errors.push(event.errors[0]),
  };
  const wss = new WebSocketServer(handler as WSHandler<"text">, { port: 0, host: "127.0.0.1", ...options });
  onTestFinished(async () => wss.terminate(0));
  return { wss, port: await portOf(wss), errors };
}

/** A connection handler that records its calls. */
function listener(): { calls: string[]; messages: string[]; onMessage(ws: unknown, event: WSMessageEvent): void } {
  const calls: string[] = [];
  const messages: string[] = [];
  const onMessage = (_ws: unknown, event: WSMessageEvent): void => void messages.push(event.data);
  return {
    calls,
    messages,
    onMessage,
    ...{ onOpen: () => calls.push("open"), onTerminate: () => calls.push("terminate") },
  };
}

describe("onConnection returns at once", () => {
  // shows 4D-1-handler-accept
  test("a connection handler opens a connection, which is in connections when its onOpen runs", async () => {
    const lengths: unknown[] = [];
    const { port, wss } = await asking(() => {
      lengths.push(wss.connections.length);
      return {
        onOpen: (ws: WebSocketConnection) =>
          lengths.push(ws.wss.connections.length, ws.wss.connections[0] === ws, ws.status),
        onMessage: () => {},
      };
    });
    await Peer.open(port);
    expect(lengths).toEqual([0, 1, true, "Connected"]);
  });

  // shows 4D-1-handler-cancel, 4D-1-handler-403
  test.each([null, undefined])("%s is HTTP 403, before any 101", async (nothing) => {
    const { port, wss, errors } = await asking(() => nothing);
    const client = await RawClient.connect(port);
    client.write(handshake());
    const { statusLine, body } = await client.response();
    expect(statusLine).toBe("HTTP/1.1 403 Forbidden");
    expect(body).toMatch(/^[^\n]+\n$/);
    expect((await client.rest()).length).toBe(0);
    expect(wss.connections.length).toBe(0);
    expect(errors).toEqual([]);
  });

  // shows 4D-1-handler-refuse
  test("a refusal has its status, its body and its headers", async () => {
    const { port } = await asking(() =>
      refuse(401, "Sign in first.", { "WWW-Authenticate": "Bearer", "Set-Cookie": ["a=1", "b=2"], "Retry-After": 7 }),
    );
    const { status, body, headers } = await Peer.refused(port);
    expect(status).toBe(401);
    expect(body).toBe("Sign in first.\n");
    expect(headers).toMatchObject({ "www-authenticate": "Bearer", "set-cookie": ["a=1", "b=2"], "retry-after": "7" });
  });

  test.each([300, 302, 404, 418, 429, 500, 503, 599])("a refusal may be HTTP %d", async (status) => {
    const { port } = await asking(() => refuse(status, "", status === 302 ? { Location: "https://example.com/" } : {}));
    expect((await Peer.refused(port)).status).toBe(status);
  });

  test.each([[5], ["handler"], [true], [false], [{}], [[]], [{ onmessage: () => {} }], [{ onMessage: 5 }], [() => {}]])(
    "a value that is not a handler is an error of the server and HTTP 500: %j",
    async (answer) => {
      const { port, wss, errors } = await asking(() => answer);
      const { status, body } = await Peer.refused(port);
      expect(status).toBe(500);
      expect(body).not.toMatch(/onMessage/);
      expect(errors).toMatchObject([{ errCode: 302, componentSignature: "hwhd" }]);
      expect(errors[0]?.cause).toMatchObject({ code: "HWS_INVALID_HANDLER" });
      expect(wss.connections.length).toBe(0);
    },
  );

  // shows 4D-1-handler-throws
  test("its exception reaches onError, and the client gets 500 without its text", async () => {
    const secret = new Error("secret", { cause: new TypeError("deeper secret") });
    const { port, errors } = await asking(() => {
      throw secret;
    });
    const { status, body, headers } = await Peer.refused(port);
    expect(status).toBe(500);
    expect(body + JSON.stringify(headers)).not.toContain("secret");
    expect(errors).toEqual([{ errCode: 301, message: "secret", componentSignature: "hwhd", cause: secret }]);
  });

  test.each([[undefined], [null], ["text"], [5], [Object.create(null)]])(
    "it may throw even %j",
    async (thrown: unknown) => {
      const { port, errors } = await asking(() => {
        throw thrown;
      });
      expect((await Peer.refused(port)).status).toBe(500);
      expect(errors).toMatchObject([{ errCode: 301, componentSignature: "hwhd", cause: thrown }]);
    },
  );

  test("an invalid refusal is such an error", async () => {
    const { port, errors } = await asking(() => refuse(400, "No.", { "X-A": "1\r\nX-B: 2" }));
    const { status, headers } = await Peer.refused(port);
    expect(status).toBe(500);
    expect(headers["x-b"]).toBeUndefined();
    expect(errors).toHaveLength(1);
  });

  test("a getter that throws is such an error", async () => {
    const { port, errors } = await asking(() => ({
      get onMessage(): never {
        throw new Error("mine");
      },
    }));
    expect((await Peer.refused(port)).status).toBe(500);
    expect(errors).toMatchObject([{ message: "mine" }]);
  });
});

describe("the subprotocol", () => {
  // shows 4D-1-handler-subprotocol
  test("none is chosen by default, and a chosen one is in the response", async () => {
    const { port } = await asking((event) => {
      if (event.request.url === "/pick") event.protocol = event.protocols.find((name) => name.startsWith("v2"));
      return listener();
    });
    expect((await Peer.open(port, "/pick", ["v1.chat", "v2.chat"])).socket.protocol).toBe("v2.chat");
    const client = await RawClient.connect(port);
    client.write(handshake("/", { "Sec-WebSocket-Protocol": "v1.chat, v2.chat" }));
    expect((await client.response()).headers.has("sec-websocket-protocol")).toBe(false);
  });

  test("one that was not offered is an error of onConnection", async () => {
    const { port, errors } = await asking((event) => {
      event.protocol = "other";
      return listener();
    });
    expect((await Peer.refused(port)).status).toBe(500);
    expect(errors[0]?.message).toMatch(/^protocol: expected one that the client offered \(none\)/);
  });

  test("it may be chosen after a while", async () => {
    const { port } = await asking(async (event) => {
      await turn();
      event.protocol = "b";
      return listener();
    });
    expect((await Peer.open(port, "/", ["a", "b"])).socket.protocol).toBe("b");
  });
});

describe("onConnection settles later", () => {
  // shows 4D-1-handler-async
  test("bytes that arrive meanwhile are kept, in their order", async () => {
    const asked = deferred();
    const answer = deferred<unknown>();
    const { port, wss } = await asking(async () => {
      asked.resolve();
      return answer.promise;
    });
    const client = await RawClient.connect(port);
    client.write(handshake(), masked(0x81, "with the handshake"));
    await asked.promise;
    client.write(masked(0x81, "a little later"));
    client.write(masked(0x81, "x".repeat(300_000)).subarray(0, 200_000));
    await turn();
    expect(wss.connections.length).toBe(0);
    const handler = listener();
    answer.resolve(handler);
    expect((await client.response()).status).toBe(101);
    client.write(masked(0x81, "x".repeat(300_000)).subarray(200_000), masked(0x81, "last"));
    await until(() => handler.messages.length === 4);
    expect(handler.messages.map((message) => message.slice(0, 20))).toEqual([
      "with the handshake",
      "a little later",
      "x".repeat(20),
      "last",
    ]);
  });

  test("nothing is written to the client before it settles", async () => {
    const asked = deferred();
    const answer = deferred<unknown>();
    const { port } = await asking(async () => {
      asked.resolve();
      return answer.promise;
    });
    const client = await RawClient.connect(port);
    client.write(handshake());
    await asked.promise;
    for (let i = 0; i < 10; i++) await turn();
    expect(client.socket.bytesRead).toBe(0);
    answer.resolve(null);
    expect((await client.response()).status).toBe(403);
  });

  test("null, a refusal and an invalid handler have the same effect as at once", async () => {
    const { port, errors } = await asking(async ({ request }) => {
      await turn();
      if (request.url === "/null") return null;
      return request.url === "/refuse" ? refuse(404) : "nonsense";
    });
    expect((await Peer.refused(port, "/null")).status).toBe(403);
    expect((await Peer.refused(port, "/refuse")).status).toBe(404);
    expect(errors).toEqual([]);
    expect((await Peer.refused(port, "/other")).status).toBe(500);
    expect(errors).toMatchObject([{ errCode: 302 }]);
  });

  // shows 4D-1-handler-throws
  test("a rejection is an error of the server and HTTP 500 without its text", async () => {
    const { port, errors } = await asking(async () => {
      await turn();
      throw new Error("secret");
    });
    const { status, body } = await Peer.refused(port);
    expect(status).toBe(500);
    expect(body).not.toContain("secret");
    expect(errors).toMatchObject([{ errCode: 301, message: "secret" }]);
  });

  test("any thenable is allowed, also one that settles twice or throws", async () => {
    const { port, errors } = await asking(({ request }) => ({
      then(resolve: (value: unknown) => void) {
        if (request.url === "/throws") throw new Error("mine");
        resolve(listener());
        resolve(null);
        throw new Error("unheard");
      },
    }));
    expect((await Peer.refused(port, "/throws")).status).toBe(500);
    const peer = await Peer.open(port);
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
    expect(errors.map(({ message }) => message)).toEqual(["mine"]);
  });

  test("after the deadline the client gets 503, and a late result accepts no client", async () => {
    const answer = deferred<unknown>();
    const handler = listener();
    const { port, wss, errors } = await asking(async () => answer.promise, { handshakeTimeout: 50 });
    const { status, body } = await Peer.refused(port);
    expect(status).toBe(503);
    expect(body).toMatch(/too long/);
    answer.resolve(handler);
    await turn();
    expect(wss.connections.length).toBe(0);
    expect(errors).toEqual([]);
  });

  test("a rejection after the deadline is not swallowed", async () => {
    const answer = deferred<unknown>();
    const { port, errors } = await asking(async () => answer.promise, { handshakeTimeout: 50 });
    expect((await Peer.refused(port)).status).toBe(503);
    answer.reject(new Error("late"));
    await until(() => errors.length > 0);
    expect(errors).toMatchObject([{ message: "late" }]);
  });

  test.each(["reset", "end"] as const)(
    "a client that has disconnected meanwhile by %s leaves no connection open",
    async (how) => {
      const asked = deferred();
      const answer = deferred<unknown>();
      const handler = listener();
      const { port, wss, errors } = await asking(async () => {
        asked.resolve();
        return answer.promise;
      });
      const client = await RawClient.connect(port);
      client.write(handshake());
      await asked.promise;
      if (how === "reset") client.socket.resetAndDestroy();
      else client.socket.destroy();
      // The server sees the end in one of the next turns. The following is true in each of them.
      for (let i = 0; i < 20; i++) await turn();
      answer.resolve(handler);
      for (let i = 0; i < 20; i++) await turn();
      expect(wss.connections.length).toBe(0);
      expect(handler.calls).toEqual(["terminate"]);
      expect(errors).toEqual([]);
    },
  );

  test("clients do not wait for each other", async () => {
    const answer = deferred<unknown>();
    const { port, wss } = await asking(async ({ request }) => (request.url === "/slow" ? answer.promise : listener()));
    const slow = Peer.begin(port, "/slow");
    await Peer.open(port, "/quick");
    expect(wss.connections.length).toBe(1);
    expect(slow.socket.readyState).toBe(slow.socket.CONNECTING);
    answer.resolve(listener());
    await until(() => wss.connections.length === 2);
    expect(wss.connections.length).toBe(2);
  });
});

describe("the request", () => {
  // shows 4D-1-request-headers, 4D-1-request-query, 4D-1-request-url, 4D-1-request-address, 4D-1-request-prototype
  test("it has what the client sent", async () => {
    const requests: WSConnectionEvent["request"][] = [];
    const { port } = await asking(({ request }) => void requests.push(request));
    const client = await RawClient.connect(port);
    client.write(
      handshake("/status?name=r%79an&a=1&a=2&__proto__=x", {
        "X-One": "1",
        "X-Two": "a\r\nx-two: b",
        constructor: "mine",
      }),
    );
    expect((await client.response()).status).toBe(403);
    const { headers, query, url, remoteAddress } = requests[0]!;
    expect(url).toBe("/status?name=r%79an&a=1&a=2&__proto__=x");
    expect(Object.entries(query)).toEqual([
      ["name", "ryan"],
      ["a", ["1", "2"]],
      ["__proto__", "x"],
    ]);
    expect(headers).toMatchObject({ host: "127.0.0.1", "x-one": "1", "x-two": ["a", "b"], constructor: "mine" });
    expect("hasOwnProperty" in headers).toBe(false);
    expect(Object.getPrototypeOf(headers)).toBeNull();
    expect(remoteAddress).toBe("127.0.0.1");
  });

  test("it is still readable when the client has disconnected", async () => {
    const { port, wss } = await asking(async ({ request }) => {
      await turn();
      return Object.assign(listener(), { request });
    });
    const peer = await Peer.open(port, "/?a=1");
    const { request } = wss.connections[0]!.handler as unknown as WSConnectionEvent;
    peer.socket.terminate();
    await until(() => wss.connections.length === 0);
    expect(request.remoteAddress).toBe("127.0.0.1");
    expect(request.query["a"]).toBe("1");
  });
});

describe("a refusal that is thrown", () => {
  test.each([
    [
      "by onConnection",
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- a refusal may be thrown
        throw refuse(401, "Sign in first.");
      },
      {},
    ],
    ["by an async onConnection", () => Promise.reject(refuse(401, "Sign in first.") as unknown as Error), {}],
    [
      "by the origins function",
      () => null,
      {
        origins: () => {
          // eslint-disable-next-line @typescript-eslint/only-throw-error -- a refusal may be thrown
          throw refuse(401, "Sign in first.");
        },
      },
    ],
  ])("%s is sent, and is no error", async (_who, answer, options) => {
    const { wss, port, errors } = await asking(answer, options);
    const client = await RawClient.connect(port);
    client.write(handshake("/", { Origin: "https://a.test" }).replace("127.0.0.1", "a.test"));
    expect(await client.response()).toMatchObject({ status: 401, body: "Sign in first.\n" });
    expect([errors, wss.counters.refused.handler]).toEqual([[], 1]);
  });
});

describe("something that cannot be asked what it is, thrown", () => {
  const revoked = Proxy.revocable(new Error("x"), {});
  revoked.revoke();
  test.each([
    [
      "by onConnection",
      () => {
        throw revoked.proxy;
      },
      {},
    ],
    ["by an async onConnection", () => Promise.reject(revoked.proxy), {}],
    [
      "by the origins function",
      () => null,
      {
        origins: () => {
          throw revoked.proxy;
        },
      },
    ],
  ])("%s is HTTP 500 and an error", async (_who, answer, options) => {
    const { port, errors } = await asking(answer, options);
    const client = await RawClient.connect(port);
    client.write(handshake("/", { Origin: "https://a.test" }).replace("127.0.0.1", "a.test"));
    expect(await client.response()).toMatchObject({ status: 500 });
    expect(errors.map(({ errCode, message }) => [errCode, message])).toEqual([[301, "<Revoked Proxy>"]]);
  });
});

test("a forgotten return is a warning, once, and null is none", async () => {
  const warnings: string[] = [];
  const warn = vi.spyOn(process, "emitWarning").mockImplementation((text) => void warnings.push(String(text)));
  onTestFinished(() => warn.mockRestore());
  const { port } = await asking(({ request }) => (request.url === "/no" ? null : undefined));
  for (const path of ["/no", "/", "/"]) expect((await Peer.refused(port, path)).status).toBe(403);
  expect(warnings).toEqual([expect.stringMatching(/^onConnection returned undefined/)]);
});

test("a class instead of an object is named", async () => {
  class Member {
    onMessage(): void {}
  }
  const { port, errors } = await asking(() => Member);
  expect((await Peer.refused(port)).status).toBe(500);
  expect(errors[0]?.message).toContain('got a class: did you mean "new Member()"?');
  expect(() => new WebSocketServer(Member as unknown as WSHandler)).toThrow('did you mean "new Member()"?');
});

describe("the option protocols", () => {
  test("chooses the first of ours that the client offers, and onConnection may override it", async () => {
    const { port } = await asking(
      (event) => {
        if (event.request.url === "/b") event.protocol = "b";
        return { onMessage: () => {} };
      },
      { protocols: ["c", "a"] },
    );
    expect((await Peer.open(port, "/", ["b", "a", "c"])).socket.protocol).toBe("c");
    expect((await Peer.open(port, "/b", ["b", "a"])).socket.protocol).toBe("b");
    expect(() => new WebSocketServer({ onConnection: () => null }, { protocols: ["a b"] })).toThrow(/^protocols: /);
  });

  test("none chosen of those that are offered is a warning, once", async () => {
    const warnings: string[] = [];
    const warn = vi.spyOn(process, "emitWarning").mockImplementation((text) => void warnings.push(String(text)));
    onTestFinished(() => warn.mockRestore());
    const { port } = await asking(() => ({ onMessage: () => {} }));
    for (let i = 0; i < 2; i++) await RawClient.open(port, "/", { "Sec-WebSocket-Protocol": "mqtt" });
    expect(warnings).toEqual([expect.stringMatching(/^A client offered subprotocols and none was chosen/)]);
  });
});
