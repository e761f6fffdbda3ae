import { type IncomingMessage, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import {
  WebSocketServer,
  type WSConnectionEvent,
  type WSServerErrorEvent,
  type WSTerminateEvent,
  refuse,
} from "hawser";
import { connect } from "hawser/testing";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { refusal } from "../examples/client.ts";

/** A handler that answers with what `tell` says of the event. */
function telling(tell: (event: WSConnectionEvent) => unknown) {
  return {
    errors: [] as string[],
    onConnection: (_wss: unknown, event: WSConnectionEvent) => {
      const told = JSON.stringify(tell(event)) as string | undefined;
      return { onOpen: (ws: { send(text: string): unknown }) => void ws.send(told ?? "undefined"), onMessage() {} };
    },
    onError(_wss: unknown, { errors: [error] }: WSServerErrorEvent) {
      this.errors.push(error.message);
    },
  };
}

async function firstOf(url: string, headers: Record<string, string> = {}): Promise<unknown> {
  const socket = new WebSocket(url, { headers });
  onTestFinished(() => {
    socket.terminate();
  });
  return new Promise((resolve, reject) => {
    socket.on("message", (data: Buffer) => {
      resolve(JSON.parse(data.toString()));
    });
    socket.on("error", reject);
  });
}

/** Several servers on one web server. Returns its URL. */
async function several(paths: readonly ConstructorParameters<typeof WebSocketServer>[1][]): Promise<string> {
  const web = createServer();
  for (const [i, options] of paths.entries()) {
    const wss = new WebSocketServer(
      telling(({ request }) => [i, request.params]),
      { ...options, server: web },
    );
    onTestFinished(() => wss.terminate(0));
  }
  await new Promise<void>((listening) => web.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void web.close());
  return `ws://127.0.0.1:${String((web.address() as AddressInfo).port)}`;
}

test("the handler sees path, cookies, headers and Node's own request", async () => {
  const handler = telling(({ request }) => {
    const { headers, path, cookies, raw, url } = request;
    return [path, { ...cookies }, headers["x-a"], headers.host, raw.url === url, raw.socket.remotePort !== undefined];
  });
  const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1" });
  onTestFinished(() => wss.terminate(0));
  await wss.ready;
  const { port } = wss.address() as AddressInfo;
  expect(await firstOf(`ws://127.0.0.1:${String(port)}/a?b`, { cookie: "session=x%20y; b=2", "x-a": "1" })).toEqual([
    "/a",
    { session: "x y", b: "2" },
    "1",
    `127.0.0.1:${String(port)}`,
    true,
    true,
  ]);
});

test("exact paths come before named segments, these before functions, and none comes last", async () => {
  const url = await several([
    {},
    { path: ({ path, query }) => path.startsWith("/f") && { name: String(query["name"]) } },
    { path: ({ path }) => path === "/never" },
    { path: "/rooms/:id" },
    { path: "/files/*" },
    { path: "/rooms/all" },
  ]);
  expect(await firstOf(`${url}/rooms/all`)).toEqual([5, {}]);
  expect(await firstOf(`${url}/rooms/a%20b`)).toEqual([3, { id: "a b" }]);
  expect(await firstOf(`${url}/files/a/b.txt`)).toEqual([4, { "*": "a/b.txt" }]);
  expect(await firstOf(`${url}/friends?name=ann`)).toEqual([1, { name: "ann" }]);
  expect(await firstOf(`${url}/never`)).toEqual([2, {}]);
  expect(await firstOf(`${url}/rooms/a/b`)).toEqual([0, {}]);
});

test("a path that every server declines gets 404", async () => {
  const url = await several([{ path: () => false }, { path: "/rooms/:id" }]);
  expect(await refusal(`${url}/rooms/`)).toBe(404);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("broken");
    },
    "broken",
  ],
  ["returns a promise", async () => true, "expected the function to return true, false, or an object of strings"],
  ["returns a number", () => 1, "got a number"],
])("a function that %s declines, and onError is told", async (_what, path, message) => {
  const handler = telling(() => undefined);
  const wss = new WebSocketServer(handler, { path: path as unknown as () => boolean });
  await expect(connect(wss)).rejects.toMatchObject({ status: 404 });
  expect(handler.errors).toEqual([expect.stringContaining(message)]);
});

test.each(["/rooms/:id", "/chat"])("two servers with the path %s on one web server are refused", (path) => {
  const server = createServer();
  const wss = new WebSocketServer(
    telling(() => undefined),
    { server, path },
  );
  onTestFinished(() => wss.terminate(0));
  expect(
    () =>
      new WebSocketServer(
        telling(() => undefined),
        { server, path },
      ),
  ).toThrow(`has "${path}"`);
});

test("handleUpgrade passes a context to the handler, and only its path is taken", async () => {
  const handler = telling((event) => [event.context, event.request.params]);
  const wss = new WebSocketServer(handler, { path: "/users/:id" });
  const web = createServer();
  web.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    wss.handleUpgrade(request, socket, head, { user: "ann" });
  });
  await new Promise<void>((listening) => web.listen(0, "127.0.0.1", listening));
  onTestFinished(async () => {
    await wss.terminate(0);
    web.close();
  });
  const url = `ws://127.0.0.1:${String((web.address() as AddressInfo).port)}`;
  expect(await firstOf(`${url}/users/7`)).toEqual([{ user: "ann" }, { id: "7" }]);
  expect(await refusal(`${url}/other`)).toBe(404);
});

test("the context has the type that onConnection declares", () => {
  class Users {
    onConnection(_wss: unknown, event: WSConnectionEvent<{ readonly name: string }>) {
      const { name } = event.context;
      return { name, onMessage() {} };
    }
  }
  const wss = new WebSocketServer(new Users());
  const check = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    wss.handleUpgrade(request, socket, head, { name: "ann" });
    // @ts-expect-error -- another type
    wss.handleUpgrade(request, socket, head, { name: 1 });
  };
  expect(check).toBeTypeOf("function");
});

test("responseHeaders go out with the 101, each cookie in a line of its own", async () => {
  const wss = new WebSocketServer(
    telling(({ responseHeaders }) => {
      responseHeaders.append("Set-Cookie", "a=1; HttpOnly");
      responseHeaders.append("Set-Cookie", "b=2");
      responseHeaders.set("X-One", "1");
    }),
  );
  const client = await connect(wss);
  expect(client.responseHeaders.getSetCookie()).toEqual(["a=1; HttpOnly", "b=2"]);
  expect(client.responseHeaders.get("x-one")).toBe("1");
  client.destroy();
});

test("a response header with a line break throws, and one of the handshake is 500 and onError", async () => {
  const broken = telling(({ responseHeaders }) => {
    responseHeaders.set("x", "a\r\nb: c");
  });
  await expect(connect(new WebSocketServer(broken))).rejects.toMatchObject({ status: 500 });
  const reserved = telling(({ responseHeaders }) => {
    responseHeaders.set("sec-websocket-accept", "x");
  });
  await expect(connect(new WebSocketServer(reserved))).rejects.toMatchObject({ status: 500 });
  expect(broken.errors).toHaveLength(1);
  expect(reserved.errors).toEqual([expect.stringContaining("sec-websocket-accept is set by the library")]);
});

test("the handler of a client that is refused because of its response headers gets onTerminate", async () => {
  const calls: unknown[] = [];
  const wss = new WebSocketServer({
    async onConnection(_wss: unknown, { responseHeaders }: WSConnectionEvent) {
      await Promise.resolve();
      responseHeaders.set("upgrade", "x");
      return {
        onOpen: () => void calls.push("open"),
        onMessage() {},
        onTerminate: (_ws: unknown, { code, cause }: WSTerminateEvent) => void calls.push(code, cause?.code),
      };
    },
    onError: () => undefined,
  });
  await expect(connect(wss)).rejects.toMatchObject({ status: 500 });
  await wss.terminate();
  expect(calls).toEqual([1006, "HWS_INVALID_ARGUMENT"]);
  expect(wss.counters.connections).toMatchObject({ opened: 0, leaving: 0 });
});

test("response headers do not go out with a refusal", async () => {
  const wss = new WebSocketServer({
    onConnection(_wss: unknown, { responseHeaders }: WSConnectionEvent) {
      responseHeaders.set("x-one", "1");
      return refuse(401);
    },
  });
  const error = await connect(wss).catch((reason: unknown) => reason);
  expect((error as { headers: Headers }).headers.has("x-one")).toBe(false);
});
