import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  InvalidArgumentError,
  type WSConnectionEvent,
  type WSRefusedEvent,
  type WSServerErrorEvent,
  type WebSocketServer,
  refuse,
} from "hawser";
import { WsServer, type WsSocket } from "hawser/ws";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { BOTH, connected, ourPair, startWs, urlOf } from "./ws-servers.ts";

/** A client, which is cut after the test. It may be refused. */
function clientOf(url: string, protocols: string[] = [], headers: Record<string, string> = {}): WebSocket {
  const client = new WebSocket(url, protocols, { headers });
  client.on("error", () => {
    // Whoever waits for something else is rejected with it.
  });
  onTestFinished(() => {
    client.terminate();
  });
  return client;
}

/** Connects, and returns the subprotocol. */
async function protocolOf(url: string, protocols: string[]): Promise<string> {
  const client = clientOf(url, protocols);
  await once(client, "open");
  return client.protocol;
}

/** The status of a refusal. */
async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number> {
  const client = clientOf(url, [], headers);
  const [, response] = (await once(client, "unexpected-response")) as [unknown, { statusCode: number }];
  return response.statusCode;
}

class WithOnError extends WsServer {
  onError(_wss: WebSocketServer, { errors: [{ message }] }: WSServerErrorEvent): void {
    process.emitWarning(`told ${message}`);
  }
}

class WithFailingOnError extends WsServer {
  async onError(): Promise<void> {
    return Promise.reject(new Error("onError"));
  }
}

describe.each(BOTH)("a server of %s", (_name, start) => {
  test("emits the socket and the request of a client, and has it among its clients until it closes", async () => {
    const wss = start();
    await once(wss, "listening");
    const opened = once(wss, "connection") as Promise<[WebSocket, { url: string; headers: { host: string } }]>;
    const client = clientOf(`${urlOf(wss)}/chat?name=ann`);
    const [socket, request] = await opened;
    expect(request.url).toBe("/chat?name=ann");
    expect(request.headers.host).toContain("127.0.0.1:");
    expect([...wss.clients]).toEqual([socket]);
    client.close();
    await once(socket, "close");
    expect(wss.clients.size).toBe(0);
    await new Promise((resolve) => {
      wss.close(resolve);
    });
  });

  test("chooses the subprotocol by handleProtocols, which may be set later", async () => {
    const { wss } = await connected(start);
    const url = urlOf(wss);
    expect(await protocolOf(url, ["a", "b"])).toBe("a");
    wss.options.handleProtocols = (offered) => [...offered].at(-1) ?? false;
    expect(await protocolOf(url, ["a", "b"])).toBe("b");
    wss.options.handleProtocols = () => false;
    await expect(protocolOf(url, ["a", "b"])).rejects.toThrow("Server sent no subprotocol");
  });

  test("calls the callback of its close, and the second time gives it an error", async () => {
    const { wss, client } = await connected(start);
    const close = (): Promise<unknown> =>
      new Promise((resolve) => {
        wss.close(resolve);
      });
    const closed = Promise.all([once(wss, "close"), close()]);
    client.terminate();
    expect((await closed)[1]).toBeUndefined();
    expect(await close()).toEqual(new Error("The server is not running"));
  });
});

describe("a server of ours", () => {
  test("closes its clients with 1001", async () => {
    const { wss, client } = await ourPair();
    const closed = once(client, "close");
    wss.close();
    expect(((await closed) as [number])[0]).toBe(1001);
    await once(wss, "close");
  });

  test("takes a client by handleUpgrade, and calls the callback instead of the listeners", async () => {
    const wss = new WsServer({ path: "/live" });
    wss.on("connection", () => {
      throw new Error("not for handleUpgrade");
    });
    expect([wss.path, wss.address()]).toEqual(["/live", null]);
    const web = createServer().listen(0, "127.0.0.1");
    await once(web, "listening");
    const opened = new Promise<[WsSocket, string | undefined]>((resolve) => {
      web.on("upgrade", (request, socket, head: Buffer) => {
        wss.handleUpgrade(request, socket, head, (one, its) => {
          resolve([one, its.url]);
        });
      });
    });
    const client = clientOf(`ws://127.0.0.1:${String((web.address() as AddressInfo).port)}/live`);
    const [socket, url] = await opened;
    expect(url).toBe("/live");
    expect([...wss.clients]).toEqual([socket]);
    expect(() => {
      wss.handleUpgrade({} as never, {} as never, Buffer.alloc(0), undefined as never);
    }).toThrow(InvalidArgumentError);
    client.terminate();
    await once(socket, "close");
    web.close();
    await wss.hawser.terminate(0);
  });

  test("attaches to a web server, and emits listening with it", async () => {
    const web = createServer();
    const listened: string[] = [];
    const wss = new WsServer({ server: web }, () => listened.push("argument"));
    web.listen(0, "127.0.0.1");
    await once(wss, "listening");
    expect(listened).toEqual(["argument"]);
    expect(wss.hawser.httpServer).toBe(web);
    expect(wss.address()).toEqual(web.address());
    await wss.hawser.terminate(0);
    web.close();
    await once(web, "close");
  });

  test("emits an error when it cannot listen, and none when it was closed before", async () => {
    const first = startWs();
    await once(first, "listening");
    const second = new WsServer({ port: (first.address() as AddressInfo).port, host: "127.0.0.1" });
    const [error] = (await once(second, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("EADDRINUSE");
    await second.hawser.terminate(0);
    const third = new WsServer({ port: 0 });
    const errors: unknown[] = [];
    third.on("error", (one) => errors.push(one));
    await new Promise((resolve) => {
      third.close(resolve);
    });
    expect(errors).toEqual([]);
  });

  test("warns when the promise of a listener of errors rejects, and does not call it again", async () => {
    const first = startWs();
    await once(first, "listening");
    const warned = once(process, "warning") as Promise<[Error]>;
    const second = new WsServer({ port: (first.address() as AddressInfo).port, host: "127.0.0.1" });
    const failing = vi.fn((): unknown => Promise.reject(new Error("boom")));
    second.on("error", failing);
    expect((await warned)[0].message).toBe("An error that no onError handled: boom");
    await new Promise((resolve) => setImmediate(resolve));
    expect(failing).toHaveBeenCalledOnce();
    await second.hawser.terminate(0);
  });

  test.each([
    ["warns", WsServer, "An error that no onError handled: boom"],
    ["calls onError of a subclass", WithOnError, "told boom"],
    ["warns when that fails too", WithFailingOnError, "An error that no onError handled: onError"],
  ])("%s when the promise of a listener of refusals rejects", async (_what, Server, text) => {
    const warned = once(process, "warning") as Promise<[Error]>;
    const wss = new Server({ port: 0, host: "127.0.0.1" });
    onTestFinished(() => wss.hawser.terminate(0));
    wss.on("refused", (): unknown => Promise.reject(new Error("boom")));
    await once(wss, "listening");
    expect((await fetch(urlOf(wss).replace("ws:", "http:"))).status).toBe(426);
    expect((await warned)[0].message).toBe(text);
  });

  test("emits refused, and prefers the option protocols", async () => {
    const wss = startWs({ protocols: ["b"] });
    await once(wss, "listening");
    expect(await protocolOf(urlOf(wss), ["a", "b"])).toBe("b");
    const refused = once(wss, "refused") as Promise<[WSRefusedEvent]>;
    expect(await statusOf(urlOf(wss), { origin: "https://evil.example" })).toBe(403);
    expect((await refused)[0].reason).toBe("origin");
  });

  test("lets a subclass decide who may connect", async () => {
    class Members extends WsServer {
      override onConnection(wss: WebSocketServer, event: WSConnectionEvent): ReturnType<WsServer["onConnection"]> {
        return event.request.headers.authorization === "ann" ? super.onConnection(wss, event) : refuse(401);
      }
    }
    const wss = new Members({ port: 0, host: "127.0.0.1" });
    await once(wss, "listening");
    expect(await statusOf(urlOf(wss))).toBe(401);
    const opened = once(wss, "connection");
    const client = clientOf(urlOf(wss), [], { authorization: "ann" });
    await opened;
    client.terminate();
    await wss.hawser.terminate(0);
  });

  test("throws for what it does not have", () => {
    const wss = new WsServer();
    expect(() => wss.shouldHandle({} as never)).toThrow(InvalidArgumentError);
    expect(() => wss.on("headers", () => {})).toThrow("responseHeaders");
    expect(() => wss.addListener("wsClientError", () => {})).toThrow(InvalidArgumentError);
    expect(() => new WsServer({ noServer: true } as never)).toThrow('there is no option "noServer"');
    expect(() => new WsServer({ dataType: "text" } as never)).toThrow("dataType");
    expect(() => new WsServer({ handleProtocols: 1 as never })).toThrow(InvalidArgumentError);
  });

  test("a failure of handleProtocols refuses one client with 500, and closes nobody else", async () => {
    const { wss, socket } = await ourPair();
    const warned = once(process, "warning");
    wss.options.handleProtocols = () => {
      throw new Error("boom");
    };
    const client = clientOf(urlOf(wss), ["a"]);
    const [, response] = (await once(client, "unexpected-response")) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(500);
    expect(((await warned) as [Error])[0].message).toContain("boom");
    expect(socket.readyState).toBe(socket.OPEN);
    client.terminate();
  });
});
