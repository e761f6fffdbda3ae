import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type ClientOptions, WebSocket } from "ws";
import { certificate } from "../support/certificate.ts";
import { SLOW, emptyProject } from "../support/page-project.ts";
import { RawClient, closeBody, handshake, masked } from "../support/raw-client.ts";
import { describeWith } from "../support/system.ts";

/** How a connection has ended, as its handler has seen it. */
interface End {
  readonly name: string;
  readonly code: number;
  readonly reason?: string;
  readonly initiator: string;
  readonly cause?: string;
  readonly error?: string;
}

type Ports = readonly [number, number, number];

const program = fileURLToPath(new URL("runtimes/server.ts", import.meta.url));

/** A server under another runtime, from the packed package. */
class OtherRuntime {
  readonly #child: ChildProcess;
  readonly #folder: string;
  /** The ports of the application's own web server, of the library's, and of the library's with TLS. */
  readonly #ports: Ports;

  private constructor(child: ChildProcess, folder: string, ports: Ports) {
    this.#child = child;
    this.#folder = folder;
    this.#ports = ports;
  }

  static async start([file = "", ...args]: readonly string[]): Promise<OtherRuntime> {
    const folder = await emptyProject();
    await copyFile(program, join(folder, "server.ts"));
    await writeFile(join(folder, "key.pem"), certificate.key);
    await writeFile(join(folder, "cert.pem"), certificate.cert);
    const child = spawn(file, [...args, "server.ts"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    return new OtherRuntime(child, folder, JSON.parse(await firstLine(child)) as Ports);
  }

  get port(): number {
    return this.#ports[0];
  }

  get ownPort(): number {
    return this.#ports[1];
  }

  get securePort(): number {
    return this.#ports[2];
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    await rm(this.#folder, { recursive: true });
  }

  /** The text that the web server answers to an ordinary request. */
  async get(path: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${String(this.port)}${path}`);
    return response.text();
  }

  /** Waits until the connection of this name has ended. */
  async end(name: string): Promise<End> {
    for (;;) {
      const found = (JSON.parse(await this.get("/ends")) as End[]).find((one) => one.name === name);
      if (found !== undefined) return found;
      await delay(20);
    }
  }

  /** A client that is not open yet. */
  client(path: string, options: ClientOptions = {}, protocols: string[] = []): WebSocket {
    const client = new WebSocket(`ws://127.0.0.1:${String(this.port)}${path}`, protocols, options);
    // A refused client is still connecting at the end of its test: ws calls that an error.
    client.on("error", () => {});
    onTestFinished(() => client.terminate());
    return client;
  }

  async connect(path: string): Promise<WebSocket> {
    const client = this.client(path);
    await once(client, "open");
    return client;
  }

  raw(path: string): Promise<RawClient> {
    return RawClient.open(this.port, path);
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) return line;
  throw new Error("The server has ended without a line.");
}

/** The next message: a string for a text. */
async function next(client: WebSocket): Promise<string | Buffer> {
  const [data, isBinary] = (await once(client, "message")) as [Buffer, boolean];
  return isBinary ? data : data.toString();
}

/** The code and the reason that a client gets. */
async function closed(client: WebSocket): Promise<[number, string]> {
  const [code, reason] = (await once(client, "close")) as [number, Buffer];
  return [code, reason.toString()];
}

/** What a client that is refused gets. */
async function refusal(client: WebSocket): Promise<[number | undefined, string]> {
  const [, response] = (await once(client, "unexpected-response")) as [unknown, IncomingMessage];
  let body = "";
  for await (const part of response) body += String(part);
  return [response.statusCode, body.trim()];
}

/** @param command how the runtime runs a program, without the program */
function runChecks(command: readonly string[]): void {
  let server: OtherRuntime;

  beforeAll(async () => {
    server = await OtherRuntime.start(command);
  }, SLOW);

  afterAll(() => server.stop());

  test("texts and bytes come back as they are", async () => {
    const client = await server.connect("/echo");
    for (const message of ["hello", "", "h\u{e9}\u{1F6A2}", Buffer.from([0, 255, 128]), Buffer.alloc(70_000, 7)]) {
      client.send(message);
      expect(await next(client)).toEqual(message);
    }
  });

  test("a thousand messages at once come back in order", async () => {
    const client = await server.connect("/echo");
    const got: string[] = [];
    client.on("message", (data: Buffer) => got.push(data.toString()));
    const sent = Array.from({ length: 1000 }, (_, i) => String(i));
    for (const text of sent) client.send(text);
    while (got.length < sent.length) await once(client, "message");
    expect(got).toEqual(sent);
  });

  test("a message in fragments, with a ping between them, is one message", async () => {
    const client = await server.raw("/echo");
    client.write(masked(0x01, "one "), masked(0x89, "?"));
    expect(await client.frame()).toMatchObject({ opcode: 0x0a, payload: Buffer.from("?") });
    client.write(masked(0x00, "two "), masked(0x80, "three"));
    expect(await client.frame()).toMatchObject({ opcode: 1, fin: true, payload: Buffer.from("one two three") });
  });

  test("a message of 1 MiB comes back, and one byte more is refused with 1009", async () => {
    const client = await server.connect("/echo?name=big");
    const message = Buffer.alloc(1024 * 1024, 5);
    client.send(message);
    expect(message.equals((await next(client)) as Buffer)).toBe(true);
    client.send(Buffer.alloc(1024 * 1024 + 1));
    expect((await closed(client))[0]).toBe(1009);
    expect(await server.end("big")).toMatchObject({ cause: "HWS_MESSAGE_TOO_BIG" });
  });

  test("a message may come byte by byte, and right after the request", async () => {
    const client = await RawClient.connect(server.port);
    client.write(handshake("/echo"), masked(0x81, "early"));
    expect((await client.response()).status).toBe(101);
    expect((await client.frame())?.payload.toString()).toBe("early");
    for (const byte of masked(0x81, "slow")) {
      client.write([byte]);
      await delay(1);
    }
    expect((await client.frame())?.payload.toString()).toBe("slow");
  });

  test("objects are JSON, and what is not JSON is refused with 1007", async () => {
    const client = await server.connect("/json?name=json");
    client.send('{"a":[1,"\u{e9}"]}');
    expect(JSON.parse(String(await next(client)))).toEqual({ got: { a: [1, "\u{e9}"] } });
    client.send("{");
    expect((await closed(client))[0]).toBe(1007);
    expect(await server.end("json")).toMatchObject({ cause: "HWS_INVALID_JSON" });
  });

  test("a broadcast reaches all", async () => {
    const clients = await Promise.all([1, 2, 3].map(() => server.connect("/rooms/1")));
    const got = clients.map(next);
    clients[0]!.send("to all");
    expect(await Promise.all(got)).toEqual(["to all", "to all", "to all"]);
  });

  test("pings are answered in both directions", async () => {
    const client = await server.connect("/told");
    client.ping("payload");
    expect(String((await once(client, "pong"))[0])).toBe("payload");
    client.send("ping");
    expect(await next(client)).toBe("number");
  });

  test("the client's close code and reason reach the handler, and are answered", async () => {
    const client = await server.connect("/echo?name=leaves");
    client.close(4001, "the client's reason");
    expect((await closed(client))[0]).toBe(4001);
    expect(await server.end("leaves")).toMatchObject({ code: 4001, reason: "the client's reason", initiator: "peer" });
  });

  test("the handler's close code and reason reach the client", async () => {
    const client = await server.connect("/told?name=sent-away");
    client.send("close");
    expect(await closed(client)).toEqual([4002, "told to"]);
    expect(await server.end("sent-away")).toMatchObject({ code: 4002, initiator: "local" });
  });

  test("the server ends the connection after the close handshake, with no byte more", async () => {
    const client = await server.raw("/echo?name=raw");
    client.write(masked(0x88, closeBody(1000, "done")));
    expect((await client.frame())?.payload).toEqual(closeBody(1000));
    expect(await client.rest()).toHaveLength(0);
  });

  test("refuse(401) is the HTTP answer", async () => {
    expect(await refusal(server.client("/refused"))).toEqual([401, "Sign in first."]);
  });

  test("a page of another host is refused with 403, and one of this host may connect", async () => {
    const [status] = await refusal(server.client("/echo", { origin: "https://evil.example" }));
    expect(status).toBe(403);
    const client = server.client("/echo", { origin: `http://127.0.0.1:${String(server.port)}` });
    await once(client, "open");
    expect(client.readyState).toBe(WebSocket.OPEN);
  });

  test("the path's parameter, the subprotocol and the headers of the answer are there", async () => {
    const client = server.client("/rooms/a%20b", {}, ["chat.v1", "chat.v2"]);
    const [[{ headers }]] = (await Promise.all([once(client, "upgrade"), once(client, "open")])) as [
      [IncomingMessage],
      unknown,
    ];
    expect([client.protocol, headers["set-cookie"]]).toEqual(["chat.v2", ["seen=1"]]);
    client.close();
    expect(await server.end("a b")).toMatchObject({ code: 1005 });
  });

  test("a path that no server has gets 404", async () => {
    expect((await refusal(server.client("/nowhere")))[0]).toBe(404);
  });

  test("a request that is no handshake gets its HTTP status", async () => {
    const client = await RawClient.connect(server.port);
    client.write(handshake("/echo", { "Sec-WebSocket-Version": "12" }));
    const response = await client.response();
    expect([response.status, response.headers.get("sec-websocket-version")]).toEqual([426, ["13"]]);
  });

  test("a handler that throws closes its connection with 1011", async () => {
    const client = await server.connect("/told?name=throws");
    client.send("throw");
    expect((await closed(client))[0]).toBe(1011);
    expect(await server.end("throws")).toMatchObject({
      cause: "HWS_HANDLER_FAILED",
      error: "Error: the handler is broken",
    });
  });

  test("a client that breaks the protocol is refused with 1002", async () => {
    const client = await server.raw("/echo?name=unmasked");
    client.write([0x81, 0x01, 0x61]);
    expect((await client.frame())?.payload.subarray(0, 2)).toEqual(closeBody(1002));
    client.end();
    expect(await server.end("unmasked")).toMatchObject({ code: 1006, cause: "HWS_MASK_MISSING" });
  });

  test("a client without a message is closed with 1001 after idleTimeout", async () => {
    const client = await server.connect("/idle?name=idle");
    expect((await closed(client))[0]).toBe(1001);
    expect(await server.end("idle")).toMatchObject({ cause: "HWS_IDLE_TIMEOUT" });
  });

  test("a client that does not answer a ping is gone: 1006", async () => {
    const client = await server.raw("/silent?name=silent");
    expect((await client.frame())?.opcode).toBe(0x09);
    expect(await server.end("silent")).toMatchObject({ code: 1006, cause: "HWS_PEER_SILENT" });
  });

  test("a client that resets its connection is noticed, and the server goes on", async () => {
    const client = await server.raw("/echo?name=reset");
    client.socket.resetAndDestroy();
    expect(await server.end("reset")).toMatchObject({ code: 1006, initiator: "network" });
    const other = await server.connect("/echo");
    other.send("still here");
    expect(await next(other)).toBe("still here");
  });

  test("a client that ends its connection without a close frame is noticed", async () => {
    const client = await server.raw("/echo?name=ended");
    client.end();
    expect(await server.end("ended")).toMatchObject({ code: 1006, cause: "HWS_STREAM_ENDED" });
  });

  test("destroy cuts the connection without a close frame", async () => {
    const client = await server.connect("/told?name=destroyed");
    client.send("destroy");
    expect((await closed(client))[0]).toBe(1006);
    expect(await server.end("destroyed")).toMatchObject({ code: 1006, initiator: "local" });
  });

  test("a slow client is waited for, and gets all", async () => {
    const client = await server.connect("/told");
    let bytes = 0;
    let last = "";
    client.on("message", (data: Buffer, isBinary) => {
      if (isBinary) bytes += data.length;
      else last = data.toString();
    });
    client.pause();
    client.send("much");
    await delay(300);
    client.resume();
    while (last === "") await once(client, "message");
    expect([bytes, last]).toEqual([400 * 64 * 1024, "waited: true"]);
  });

  test("the web server answers ordinary requests", async () => {
    expect(await server.get("/page")).toBe("an ordinary answer");
  });

  test("the library's own web server listens on a port", async () => {
    const client = new WebSocket(`ws://127.0.0.1:${String(server.ownPort)}/`);
    await once(client, "open");
    client.send("own");
    expect(await next(client)).toBe("own");
    client.terminate();
    const answer = await fetch(`http://127.0.0.1:${String(server.ownPort)}/`);
    expect([answer.status, await answer.text()]).toEqual([426, expect.any(String)]);
  });

  test("a client that sends no request, or only a part of it, gets 408 after handshakeTimeout", async () => {
    for (const part of ["", "GET / HTTP/1.1\r\nHost: x\r\n"]) {
      const client = await RawClient.connect(server.ownPort);
      client.write(part);
      expect((await client.response()).status).toBe(408);
      client.end();
      await client.rest();
    }
  });

  test("a request with too many headers gets 431", async () => {
    const client = await RawClient.connect(server.ownPort);
    client.write(handshake("/", { "X-Large": "a".repeat(20_000) }));
    expect((await client.response()).status).toBe(431);
  });

  test("the library's own web server speaks TLS", async () => {
    const options = { ca: certificate.cert, origin: `https://127.0.0.1:${String(server.securePort)}` };
    const client = new WebSocket(`wss://127.0.0.1:${String(server.securePort)}/?name=secure`, options);
    await once(client, "open");
    const message = Buffer.alloc(300_000, 3);
    client.send(message);
    expect(message.equals((await next(client)) as Buffer)).toBe(true);
    client.close(4003, "by TLS");
    expect((await closed(client))[0]).toBe(4003);
    expect(await server.end("secure")).toMatchObject({ code: 4003, reason: "by TLS" });
  });

  test("the testing kit connects in memory", async () => {
    expect(await server.get("/kit")).toBe("in memory, 1000");
    expect(await server.end("kit")).toMatchObject({ code: 1000 });
  });

  test("terminate closes everybody with 1001, refuses new clients, and settles", async () => {
    const clients = await Promise.all(["/echo?name=last", "/rooms/last"].map((path) => server.connect(path)));
    const ends = Promise.all(clients.map(closed));
    const seen = JSON.parse(await server.get("/terminate")) as End[];
    expect((await ends).map(([code]) => code)).toEqual([1001, 1001]);
    expect(seen.filter(({ name }) => name === "last").map(({ cause }) => cause)).toEqual([
      "HWS_SHUTDOWN",
      "HWS_SHUTDOWN",
    ]);
  });
}

describeWith("bun", "Bun", (bun) => {
  runChecks([bun]);
});

describeWith("deno", "Deno", (deno) => {
  runChecks([deno, "run", "--no-prompt", "--allow-net", "--allow-sys=systemMemoryInfo", "--allow-read=."]);
});
