import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { createWebSocketProxy } from "crossws";
import type { NodeOptions } from "crossws/adapters/node";
import { crosswsAdapter } from "hawser/crossws";
import { describe, expect, test, vi } from "vitest";
import { deferred } from "../../../src/util/deferred.ts";
import { BOTH, type Hooks, type Message, type Peer, serve } from "./rig.ts";

/** What both do in the same way. Each test runs on crossws' own adapter first. */
describe.each(BOTH)("%s", (_name, make) => {
  /** An adapter with these hooks. */
  const start = (hooks: Partial<Hooks>, options: Omit<NodeOptions, "serverOptions" | "wss"> = {}) =>
    serve(make({ hooks, ...options }));

  /** Answers each message with what is made of it, as JSON. */
  const answering = (ask: (peer: Peer, message: Message) => unknown) =>
    start({ message: async (peer, message) => void peer.send({ answer: await ask(peer, message) }) });

  describe("hooks", () => {
    test("are called from the opening to the close, with one peer", async () => {
      const called: unknown[] = [];
      const peers = new Set<Peer>();
      const { open } = await start({
        upgrade: ({ url }) => void called.push(["upgrade", new URL(url).pathname]),
        open: (peer) => void (called.push("open"), peers.add(peer), peer.send("welcome")),
        message: (peer, message) => void (called.push(message.text()), peers.add(peer), peer.send(message.text())),
        close: (peer, details) => void (called.push(details), peers.add(peer)),
        error: (_peer, error) => void called.push(error),
      });
      const client = await open("/chat?x=1");
      expect(await client.next()).toBe("welcome");
      expect(await client.ask("hello")).toBe("hello");
      client.socket.close(4001, "bye");
      expect((await client.closed)[0]).toBe(4001);
      await vi.waitFor(() => {
        expect(called).toEqual([["upgrade", "/chat"], "open", "hello", { code: 4001, reason: "bye" }]);
      });
      expect(peers.size).toBe(1);
    });

    test("of the function resolve are called after the common ones, and asked for once", async () => {
      const called: string[] = [];
      let asked = 0;
      const hooksOf = (who: string): Partial<Hooks> => ({
        upgrade: () => ({ headers: { "x-who": who } }),
        open: () => void called.push(`${who} open`),
        message(peer) {
          called.push(`${who} message`);
          if (who === "own") peer.send("done");
        },
      });
      const resolve = async ({ url }: { url: string }): Promise<Partial<Hooks>> => {
        asked++;
        await delay(1);
        return url.endsWith("/own") ? hooksOf("own") : {};
      };
      const { open } = await start(hooksOf("common"), { resolve });
      const client = await open("/own");
      expect(client.headers["x-who"]).toBe("own");
      expect(await client.ask("hello")).toBe("done");
      expect(called).toEqual(["common open", "own open", "common message", "own message"]);
      expect((await open("/other")).headers["x-who"]).toBe("common");
      expect(asked).toBe(2);
    });

    test("are told of a frame that breaks the protocol, and of the end", async () => {
      const called: unknown[] = [];
      const { open, adapter } = await start({
        error: (_peer, error) => void called.push(error.name),
        close: (_peer, { code }) => void called.push(code),
      });
      const client = await open();
      // A text of one byte that is not masked (RFC 6455 5.1).
      (client.socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(Buffer.of(0x81, 1, 0x61));
      expect((await client.closed)[0]).toBe(1002);
      await vi.waitFor(() => {
        expect(called).toEqual(["WSError", 1006]);
      });
      expect(adapter.peers.get("/")?.size ?? 0).toBe(0);
    });

    test("are told of the pong to a ping of theirs", async () => {
      const pongs: string[] = [];
      const { open } = await start({
        open: (peer) => {
          peer.ping("marked");
        },
        pong: (_peer, data) => void pongs.push(Buffer.from(data).toString()),
      });
      await open();
      await vi.waitFor(() => {
        expect(pongs).toEqual(["marked"]);
      });
    });

    test("are told when a slow client takes messages again", async () => {
      const drained = vi.fn();
      const chunk = Buffer.alloc(1 << 20);
      const { open } = await start({
        message: async (peer) => {
          for (let i = 0; i < 12; i++) peer.send(chunk);
          expect(peer.bufferedAmount).toBeGreaterThan(0);
          await peer.waitForDrain();
          expect(peer.bufferedAmount).toBe(0);
          peer.send("all");
        },
        drain: drained,
      });
      const client = await open();
      client.socket.pause();
      client.socket.send("more");
      await delay(50);
      expect(drained).not.toHaveBeenCalled();
      client.socket.resume();
      for (let i = 0; i < 12; i++) expect(await client.next()).toHaveLength(chunk.length);
      expect(await client.next()).toBe("all");
      expect(drained).toHaveBeenCalled();
    });
  });

  describe("the hook upgrade", () => {
    test("sets headers, cookies and the subprotocol", async () => {
      const headers = new Headers([
        ["x-powered-by", "crossws"],
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
      ]);
      const { open } = await start({ upgrade: () => ({ headers, protocol: "two" }) });
      const client = await open("/", { offers: ["one", "two"] });
      expect(client.headers).toMatchObject({ "x-powered-by": "crossws", "set-cookie": ["a=1", "b=2"] });
      expect(client.socket.protocol).toBe("two");
    });

    test("may name the subprotocol in a header", async () => {
      const { open } = await start({ upgrade: () => ({ headers: { "Sec-WebSocket-Protocol": "two" } }) });
      expect((await open("/", { offers: ["one", "two"] })).socket.protocol).toBe("two");
    });

    test("leaves the subprotocol to handleProtocols, or there is none", async () => {
      const chosen = await start({}, { handleProtocols: (offered) => [...offered].at(-1) ?? false });
      expect((await chosen.open("/", { offers: ["one", "two"] })).socket.protocol).toBe("two");
      // The client does not like that.
      const none = await start({});
      await expect(none.open("/", { offers: ["one"] })).rejects.toThrow("Server sent no subprotocol");
    });

    test.each(["returns", "throws"])("refuses with a response that it %s", async (how) => {
      const { refusal } = await start({
        upgrade() {
          const response = new Response("Who are you?", { status: 401, headers: { "www-authenticate": "Basic" } });
          // eslint-disable-next-line @typescript-eslint/only-throw-error -- as crossws has it
          if (how === "throws") throw response;
          return response;
        },
      });
      const { status, headers, body } = await refusal();
      expect([status, headers["www-authenticate"], body]).toEqual([401, "Basic", "Who are you?"]);
    });

    test("answers 500 when it fails", async () => {
      const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
      const { refusal } = await start({ upgrade: () => Promise.reject(new Error("broken")) });
      expect((await refusal()).status).toBe(500);
      warned.mockRestore();
    });

    test("gives the peer its context and its namespace", async () => {
      const { open } = await start({
        upgrade: () => ({ context: { user: "Ann" }, namespace: "ours" }),
        open: (peer) => void peer.send([peer.context["user"], peer.namespace].join()),
      });
      expect(await (await open()).next()).toBe("Ann,ours");
    });

    test("may have taken the socket itself", async () => {
      const adapter = make({ hooks: { upgrade: () => ({ handled: true }) } });
      const { refusal } = await serve({
        ...adapter,
        handleUpgrade: async (request, socket, head) => {
          await adapter.handleUpgrade(request, socket, head);
          socket.end("HTTP/1.1 418 Teapot\r\ncontent-length: 0\r\n\r\n");
        },
      });
      expect((await refusal()).status).toBe(418);
    });

    test("may refuse compression", async () => {
      const { open } = await start({ upgrade: () => ({ perMessageDeflate: false }) });
      expect((await open()).socket.extensions).toBe("");
    });
  });

  describe("a message", () => {
    test("is a text or bytes, in all forms", async () => {
      const { open } = await answering(async (_peer, message) => [
        typeof message.rawData,
        message.text(),
        [...message.uint8Array()],
        message.arrayBuffer().byteLength > 0,
        (await message.blob().text()) === message.text(),
        message.id.length,
        String(message),
      ]);
      const client = await open();
      const bytes = [...Buffer.from("[1]")];
      expect(JSON.parse(String(await client.ask("[1]")))).toEqual({
        answer: ["string", "[1]", bytes, true, true, 36, "[1]"],
      });
      expect(JSON.parse(String(await client.ask(Buffer.from("[1]"))))).toEqual({
        answer: ["object", "[1]", bytes, true, true, 36, "[1]"],
      });
    });

    test("has its data as binaryType says", async () => {
      const { open } = await answering((peer, message) => {
        const before = (message.data as object).constructor.name;
        (peer.websocket as { binaryType: string }).binaryType = "arraybuffer";
        return [before, peer.websocket.binaryType, message.json()];
      });
      const client = await open();
      expect(await client.ask("1")).toBe('{"answer":["Buffer","arraybuffer",1]}');
      expect(await client.ask(Buffer.from("2"))).toBe('{"answer":["ArrayBuffer","arraybuffer",2]}');
    });

    test.each([
      ["a text", "é", "é"],
      ["a number", 7, "7"],
      ["true", true, "true"],
      ["a big number", 7n, "7"],
      ["nothing", undefined, ""],
      ["null", null, ""],
      ["an object", { a: [1] }, '{"a":[1]}'],
      ["bytes", Uint8Array.of(1, 2), Buffer.of(1, 2)],
      ["a buffer", Uint8Array.of(1, 2).buffer, Buffer.of(1, 2)],
      ["an array", [1, 2, 257], Buffer.of(1, 2, 1)],
    ])("that is sent may be %s", async (_what, sent, got) => {
      const { open } = await start({ open: (peer) => void peer.send(sent) });
      expect(await (await open()).next()).toEqual(got);
    });
  });

  describe("a peer", () => {
    test("knows the request, the address, its socket and the others", async () => {
      const { open, url } = await start({
        open: (peer) =>
          void peer.send({
            url: peer.request.url,
            header: peer.request.headers.get("x-test"),
            address: peer.remoteAddress,
            state: peer.websocket.readyState,
            socketUrl: peer.websocket.url,
            protocol: peer.websocket.protocol,
            peers: peer.peers.size,
            isNamed: String(peer) === peer.id && peer.id.length === 36,
            topics: [...peer.topics],
          }),
      });
      await open("/page");
      const client = await open("/page", { headers: { "x-test": "1" } });
      expect(JSON.parse(String(await client.next()))).toEqual({
        url: `${url.replace("ws", "http")}/page`,
        header: "1",
        address: "127.0.0.1",
        state: 1,
        socketUrl: `${url}/page`,
        protocol: "",
        peers: 2,
        isNamed: true,
        topics: [],
      });
    });

    test("closes with a code and a reason, or is cut", async () => {
      const ended: unknown[] = [];
      const { open } = await start({
        message(peer, message) {
          if (message.text() === "close") peer.close(4002, "enough");
          else peer.terminate();
        },
        close: (_peer, { code, reason }) => void ended.push([code, reason]),
      });
      const [one, other] = [await open(), await open()];
      one.socket.send("close");
      expect(await one.closed).toEqual([4002, "enough"]);
      other.socket.send("cut");
      expect(await other.closed).toEqual([1006, ""]);
      await vi.waitFor(() => {
        expect(ended).toEqual([
          [4002, "enough"],
          [1006, ""],
        ]);
      });
    });

    test("takes no message while its socket is paused", async () => {
      const { open, adapter } = await start({ message: (peer, message) => void peer.send(message.text()) });
      const client = await open();
      const [peer] = [...adapter.peers.get("/")!];
      const socket = peer!.websocket as unknown as { pause(): void; resume(): void; isPaused: boolean };
      socket.pause();
      expect(socket.isPaused).toBe(true);
      const answer = client.ask("hello");
      expect(await Promise.race([answer, delay(50, "none")])).toBe("none");
      socket.resume();
      expect(await answer).toBe("hello");
    });
  });

  describe("topics", () => {
    const joining = (): Partial<Hooks> => ({
      message(peer, message) {
        const [verb, topic = "", text] = message.text().split(" ");
        if (verb === "join") peer.subscribe(topic);
        else if (verb === "leave") peer.unsubscribe(topic);
        else peer.publish(topic, { text });
        peer.send([...peer.topics].join() || "none");
      },
    });

    test("reach the others that have subscribed, and not the sender", async () => {
      const { open } = await start(joining());
      const [ann, ben, eve] = [await open(), await open(), await open()];
      expect(await ann.ask("join news")).toBe("news");
      expect(await ben.ask("join news")).toBe("news");
      expect(await ben.ask("join sport")).toBe("news,sport");
      expect(await eve.ask("join sport")).toBe("sport");
      expect(await ann.ask("say news hello")).toBe("news");
      expect(await ben.next()).toBe('{"text":"hello"}');
      expect(await ben.ask("leave news")).toBe("sport");
      expect(await ann.ask("say news again")).toBe("news");
      expect(await eve.ask("say sport goal")).toBe("sport");
      expect(await ben.next()).toBe('{"text":"goal"}');
    });

    test("stay within a namespace, but the adapter reaches all", async () => {
      const { open, adapter } = await start(joining());
      const [ann, ben] = [await open("/one"), await open("/two")];
      await ann.ask("join news");
      await ben.ask("join news");
      expect(await ben.ask("say news alone")).toBe("news");
      adapter.publish("news", "to one", { namespace: "/one" });
      adapter.publish("news", Uint8Array.of(1));
      expect(await ann.next()).toBe("to one");
      expect(await ann.next()).toEqual(Buffer.of(1));
      expect(await ben.next()).toEqual(Buffer.of(1));
      expect([...adapter.peers.keys()]).toEqual(["/one", "/two"]);
    });

    test("go through the driver of sync to the peers of another adapter", async () => {
      type Sync = NonNullable<NodeOptions["sync"]>;
      const nodes: ((message: never) => void)[] = [];
      const sync: Sync = () => {
        let own: ((message: never) => void) | undefined;
        return {
          subscribe: (deliver) => void nodes.push((own = deliver as typeof own & object)),
          publish: (message) => {
            for (const node of nodes) if (node !== own) node(message as never);
          },
        };
      };
      const [one, two] = [await start(joining(), { sync }), await start(joining(), { sync })];
      const [ann, ben] = [await one.open(), await two.open()];
      await ann.ask("join news");
      await ben.ask("join news");
      await ann.ask("say news far");
      expect(await ben.next()).toBe('{"text":"far"}');
    });
  });

  describe("the adapter", () => {
    test("forgets peers that have gone", async () => {
      const { open, adapter } = await start({});
      const [one] = [await open(), await open()];
      await vi.waitFor(() => {
        expect(adapter.peers.get("/")!.size).toBe(2);
      });
      one.socket.close();
      await vi.waitFor(() => {
        expect(adapter.peers.get("/")!.size).toBe(1);
      });
    });

    test("closes all, or cuts all", async () => {
      const { open, adapter } = await start({});
      const [one, other] = [await open("/a"), await open("/b")];
      await vi.waitFor(() => {
        expect(adapter.peers.size).toBe(2);
      });
      adapter.closeAll(1012, "soon");
      expect(await Promise.all([one.closed, other.closed])).toEqual([
        [1012, "soon"],
        [1012, "soon"],
      ]);
      const third = await open();
      await vi.waitFor(() => {
        expect(adapter.peers.get("/")!.size).toBe(1);
      });
      adapter.closeAll(undefined, undefined, true);
      expect((await third.closed)[0]).toBe(1006);
    });

    test("closes in order", async () => {
      const { open, adapter } = await start({ open: (peer) => void peer.send("ready") });
      const client = await open();
      await client.next();
      await adapter.close(1001, "over");
      expect(await client.closed).toEqual([1001, "over"]);
    });

    test("cuts a client that answers no ping", async () => {
      const ended: unknown[] = [];
      const { open } = await start({ close: (_peer, { code }) => void ended.push(code) }, { idleTimeout: 0.25 });
      const quick = await open();
      const silent = await open("/", { autoPong: false });
      expect((await silent.closed)[0]).toBe(1006);
      await vi.waitFor(() => {
        expect(ended).toEqual([1006]);
      });
      expect(quick.socket.readyState).toBe(1);
    });

    test("runs the proxy of crossws", async () => {
      const upstream = await start({ message: (peer, message) => void peer.send(`${message.text()} there`) });
      const { open } = await start(createWebSocketProxy(upstream.url));
      const client = await open();
      expect(await client.ask("hello")).toBe("hello there");
      client.socket.close(4001, "bye");
      await client.closed;
      await vi.waitFor(() => {
        expect(upstream.adapter.peers.get("/")?.size ?? 0).toBe(0);
      });
    });
  });
});

describe("crosswsAdapter", () => {
  test("refuses pages of other sites, after the hook upgrade", async () => {
    const upgrade = vi.fn();
    const { refusal, adapter } = await serve(crosswsAdapter({ hooks: { upgrade } }));
    expect((await refusal("/", { origin: "https://evil.example" })).status).toBe(403);
    expect(upgrade).toHaveBeenCalledOnce();
    expect(adapter.hawser.counters.refused.origin).toBe(1);
  });

  test("takes options of the server", async () => {
    const { open, adapter } = await serve(
      crosswsAdapter({
        hooks: { message: (peer, message) => void peer.send(message.text()) },
        serverOptions: { origins: ["*"], maxMessageSize: 5 },
      }),
    );
    const client = await open("/", { origin: "https://other.example" });
    expect(await client.ask("12345")).toBe("12345");
    client.socket.send("123456");
    expect((await client.closed)[0]).toBe(1009);
    expect(adapter.hawser.counters.connections.opened).toBe(1);
  });

  test("refuses new clients after its end", async () => {
    const { open, refusal, adapter } = await serve(crosswsAdapter());
    const client = await open();
    await adapter.close();
    await client.closed;
    expect((await refusal()).status).toBe(503);
  });

  test("refuses new clients while it waits for the driver of sync, and after that has failed", async () => {
    const asked = deferred();
    let close = (): Promise<void> => asked.promise.then(() => Promise.reject(new Error("redis is gone")));
    const driver = { publish: () => undefined, subscribe: () => undefined, close: () => close() };
    const { refusal, adapter } = await serve(crosswsAdapter({ sync: () => driver }));
    const closing = expect(adapter.close()).rejects.toThrow("redis is gone");
    expect((await refusal()).status).toBe(503);
    asked.resolve();
    await closing;
    expect((await refusal()).status).toBe(503);
    close = () => Promise.resolve();
  });

  test.each(["getNamespace", "handleProtocols"] as const)("tells what %s fails with", async (name) => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const fail = (): never => {
      throw new Error(`${name} is broken`);
    };
    const { refusal } = await serve(crosswsAdapter({ [name]: fail }));
    expect((await refusal("/", { offers: ["a"] })).status).toBe(500);
    expect(String(warned.mock.calls[0]?.[0])).toBe(`An error that no onError handled: ${name} is broken`);
    warned.mockRestore();
  });

  test.each(["a/admin?", "a/admin#", "u@b", "a b"])(
    "refuses the host %o, before it is asked for hooks",
    async (host) => {
      const upgrade = vi.fn();
      const { refusal, adapter } = await serve(crosswsAdapter({ hooks: { upgrade } }));
      expect((await refusal("/public", { headers: { host } })).status).toBe(400);
      expect(upgrade).not.toHaveBeenCalled();
      expect(adapter.hawser.counters.refused.malformed).toBe(1);
    },
  );

  test("keeps no namespace whose peers have gone", async () => {
    const { open, adapter } = await serve(crosswsAdapter());
    const clients = await Promise.all(["/a", "/b", "/b"].map((path) => open(path)));
    expect([...adapter.peers.keys()].sort()).toEqual(["/a", "/b"]);
    clients[0]?.socket.close();
    clients[1]?.socket.close();
    await vi.waitFor(() => {
      expect([...adapter.peers.keys()]).toEqual(["/b"]);
    });
    expect(adapter.peers.get("/b")?.size).toBe(1);
  });

  test("a client that resets its connection while a hook decides is no failure", async () => {
    const asked = deferred();
    const reset = deferred();
    const { open, url, adapter } = await serve(
      crosswsAdapter({
        hooks: {
          upgrade: async ({ url }) => {
            if (!url.endsWith("/slow")) return;
            asked.resolve();
            await reset.promise;
          },
          open: (peer) => void peer.send("open"),
        },
      }),
    );
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    socket.write(
      `GET /slow HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    await asked.promise;
    socket.resetAndDestroy();
    await delay(20);
    reset.resolve();
    expect(await (await open()).next()).toBe("open");
    expect([...adapter.peers.keys()]).toEqual(["/"]);
  });

  test("cuts a client whose refusal has a body that fails", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const body = new ReadableStream({ pull: () => Promise.reject(new Error("broken")) });
    const { open } = await serve(crosswsAdapter({ hooks: { upgrade: () => new Response(body, { status: 403 }) } }));
    await expect(open()).rejects.toThrow();
    expect(String(warned.mock.calls[0]?.[0])).toBe("An error that no onError handled: broken");
    warned.mockRestore();
  });

  test("with idleTimeout 0 sends no pings", () => {
    expect(() => crosswsAdapter({ idleTimeout: 0 })).not.toThrow();
  });
});
