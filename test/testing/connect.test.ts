import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { WebSocketServer, type WSConnectionEvent, type WSMessageEvent, type WebSocketConnection, refuse } from "hawser";
import { RefusedError, connect } from "hawser/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";

/** A server whose handler answers each message with its name. */
class Site {
  readonly ended: string[] = [];
  readonly errors: unknown[] = [];

  onConnection(_wss: unknown, { request, protocols }: WSConnectionEvent): Member | ReturnType<typeof refuse> {
    if (request.headers.authorization === "no") return refuse(401, "Sign in first.", { "WWW-Authenticate": "Basic" });
    return new Member(this, `${String(request.query["name"])}@${request.remoteAddress}/${protocols.join("+")}`);
  }

  onError(_wss: unknown, event: unknown): void {
    this.errors.push(event);
  }
}

class Member {
  readonly site: Site;
  readonly name: string;

  constructor(site: Site, name: string) {
    this.site = site;
    this.name = name;
  }

  onMessage(ws: WebSocketConnection<Member>, { data }: WSMessageEvent<string | Buffer>): void {
    if (data === "boom") throw new Error("boom");
    ws.send(typeof data === "string" ? `${this.name}: ${data}` : data);
  }

  onError(): void {
    // The test looks at the end.
  }

  onTerminate(_ws: unknown, { code, initiator }: { code: number; initiator: string }): void {
    this.site.ended.push(`${String(code)} ${initiator}`);
  }
}

function start(options = {}): { site: Site; wss: WebSocketServer<Site, "auto"> } {
  const site = new Site();
  const wss = new WebSocketServer(site, { dataType: "auto", ...options });
  onTestFinished(() => wss.terminate(0));
  return { site, wss };
}

describe("a client", () => {
  test("talks with its handler: query, address, subprotocols, texts and bytes", async () => {
    const { wss, site } = start();
    const client = await connect(wss, { url: "/?name=ann", remoteAddress: "203.0.113.7", protocols: ["a", "b"] });
    expect(client.send("hello")).toBe(true);
    expect(client.send(Buffer.from([1, 2]))).toBe(true);
    expect(client.send({ a: 1 })).toBe(true);
    expect(await client.next()).toEqual({ done: false, value: "ann@203.0.113.7/a+b: hello" });
    expect((await client.next()).value).toEqual(Buffer.from([1, 2]));
    expect((await client.next()).value).toBe(`ann@203.0.113.7/a+b: {"a":1}`);
    expect(await client.ping()).toBeGreaterThanOrEqual(0);
    client.close(4000, "bye");
    expect(await client.closed).toMatchObject({ code: 4000, initiator: "local" });
    expect(await client.next()).toEqual({ done: true, value: undefined });
    expect(client.status).toBe("Closed");
    expect(client.send("late")).toBe(false);
    await wss.terminate();
    expect(site).toMatchObject({ ended: ["4000 peer"], errors: [] });
  });

  test("gets the chosen subprotocol and the answer's headers", async () => {
    class Picky {
      onConnection(_wss: unknown, event: WSConnectionEvent): { onMessage(): void } {
        event.protocol = "b";
        return { onMessage: () => undefined };
      }
    }
    const client = await connect(new WebSocketServer(new Picky()), { protocols: ["a", "b"] });
    expect(client.protocol).toBe("b");
    expect(client.responseHeaders.get("upgrade")).toBe("websocket");
    client.destroy();
  });

  test("reads JSON with dataType, and all messages with for await", async () => {
    const { wss } = start();
    const client = await connect(wss, { dataType: "blob" });
    for (let i = 0; i < 3; i++) client.send(String(i));
    const got: string[] = [];
    for await (const data of client) {
      got.push(data.toString());
      if (got.length === 3) client.close();
    }
    expect(got.map((text) => text.at(-1))).toEqual(["0", "1", "2"]);
    expect((await client.closed).code).toBe(1005);
  });

  test("sees the code and the reason with which the server closes", async () => {
    const { wss, site } = start();
    const client = await connect(wss);
    const waiting = client.next();
    client.send("boom");
    expect(await client.closed).toMatchObject({ code: 1011, initiator: "peer" });
    expect(await waiting).toEqual({ done: true, value: undefined });
    await wss.terminate();
    expect(site.ended).toEqual(["1011 local"]);
  });

  test("that is destroyed is lost for the server", async () => {
    const { wss, site } = start();
    const client = await connect(wss);
    client.destroy();
    await client.closed;
    await wss.terminate();
    expect(site.ended).toEqual(["1006 network"]);
  });

  test("that pauses makes the server's send return false, and reads on later", async () => {
    const { wss } = start({ highWaterMark: 64 * 1024 });
    const client = await connect(wss);
    client.pause();
    const [ws] = wss.connections;
    const message = Buffer.alloc(32 * 1024);
    let sent = 1;
    while (ws!.send(message)) sent++;
    client.resume();
    expect(await ws!.drained()).toBe(true);
    for (let i = 0; i < sent; i++) expect((await client.next()).value).toHaveLength(message.length);
    client.destroy();
  });
});

describe("a refusal", () => {
  test("of the handler has its status, headers and text", async () => {
    const { wss } = start();
    const refused = await connect(wss, { headers: { authorization: "no" } }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RefusedError);
    expect(refused).toMatchObject({ code: "HWS_REFUSED", status: 401, body: "Sign in first." });
    expect((refused as RefusedError).headers.get("www-authenticate")).toBe("Basic");
  });

  test("by origin, by path and by a limit is the real one", async () => {
    const { wss } = start({ path: "/chat", maxConnections: 1 });
    await expect(connect(wss, { headers: { origin: "https://evil.example" } })).rejects.toMatchObject({ status: 403 });
    await expect(connect(wss, { url: "/other" })).rejects.toMatchObject({ status: 404 });
    const first = await connect(wss, { headers: { origin: "http://localhost" } });
    await expect(connect(wss)).rejects.toMatchObject({ status: 503 });
    first.destroy();
  });

  test("is a failure to connect when the server cuts the connection", async () => {
    const wss = {
      path: undefined,
      handleUpgrade: (_message: unknown, socket: { destroy(): void }) => socket.destroy(),
    };
    await expect(connect(wss as never)).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED" });
  });

  test("a client that goes while the handler waits rejects with its reason, and the handler's signal aborts", async () => {
    const signals: AbortSignal[] = [];
    const wss = new WebSocketServer({
      async onConnection(_wss: unknown, event: WSConnectionEvent) {
        signals.push(event.signal);
        await new Promise<void>((resolve) => {
          event.signal.addEventListener("abort", () => {
            resolve();
          });
        });
        throw event.signal.reason;
      },
    });
    const leaving = new AbortController();
    const connecting = connect(wss, { signal: leaving.signal });
    await vi.waitFor(() => expect(signals).toHaveLength(1));
    leaving.abort(new Error("left"));
    await expect(connecting).rejects.toThrow("left");
    await vi.waitFor(() => expect(signals[0]!.aborted).toBe(true));
    await wss.terminate();
  });
});

test.each([
  ["an unknown option", { uri: "/" }, /uri: there is no such option/],
  ["no object", null, /expected an object/],
])("%s is an InvalidArgumentError", async (_name, options, message) => {
  const { wss } = start();
  await expect(connect(wss, options as never)).rejects.toMatchObject({
    code: "HWS_INVALID_ARGUMENT",
    message: expect.stringMatching(message) as string,
  });
});

test("the server may have a web server, which is not used", async () => {
  const { wss } = start({ server: createServer(), path: "/chat" });
  const client = await connect(wss);
  client.send("x");
  expect((await client.next()).value).toContain("x");
  client.destroy();
});

describe("simulated timers", () => {
  test("of vitest: an idle timeout closes, a heartbeat is answered, a silent peer is lost", async () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { wss, site } = start({ idleTimeout: 60_000 });
    const client = await connect(wss);
    client.send("hello");
    await client.next();
    await vi.advanceTimersByTimeAsync(59_000);
    expect(client.status).toBe("Connected");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await client.closed).toMatchObject({ code: 1001, reason: "idle timeout" });
    await vi.waitFor(() => expect(site.ended).toHaveLength(1));
  });

  test("a client that does not answer pings is lost after pingInterval and pingTimeout", async () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { wss, site } = start();
    const client = await connect(wss);
    client.pause();
    await vi.advanceTimersByTimeAsync(25_000);
    expect(wss.connections).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(25_000);
    expect(wss.connections).toHaveLength(0);
    await vi.waitFor(() => expect(site.ended).toEqual(["1006 network"]));
    client.destroy();
  });

  test("of Node's own test runner work too", () => {
    const program = fileURLToPath(new URL("programs/mock-timers.ts", import.meta.url));
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "--test", program], {
      encoding: "utf8",
      env,
    });
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/pass 1\b/);
  });
});
