import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { on, once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { after, type TestContext } from "node:test";
import { type ClientOptions, WebSocket } from "ws";

/** The compiled programs. */
export const programs = new URL("../src/", import.meta.url);

/** A program that runs. */
export interface Running {
  readonly port: number;
  readonly process: ChildProcess;
  /** What it has printed so far, errors included. */
  output(): string;
  /** Its exit code; null: a signal has ended it. */
  readonly ended: Promise<number | null>;
  /** Sends it a signal, and waits until it has ended. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a program with a free port in PORT, and waits until it listens there. */
export async function start(name: string, env: Record<string, string> = {}): Promise<Running> {
  return startProcess(process.execPath, [new URL(name, programs).pathname], env);
}

/** The same, for any command. */
export async function startProcess(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Running> {
  const port = env["PORT"] === undefined ? await freePort() : Number(env["PORT"]);
  // The test runner tells its own programs where to report. Some servers act differently with CI or TEST: Nitro's does
  // not end on SIGTERM then.
  const { NODE_TEST_CONTEXT: _context, CI: _ci, TEST: _test, ...inherited } = process.env;
  const child = spawn(command, args, {
    env: { ...inherited, PORT: String(port), ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  running.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
  const ended = once(child, "exit").then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  while (!(await accepts(port))) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${args.join(" ")} has ended:\n${output}`);
    await delay(20);
  }
  const stop = (signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> => {
    child.kill(signal);
    return ended;
  };
  return { port, process: child, output: () => output, ended, stop };
}

/** Waits until a program has printed something. */
export async function printed(program: Running, what: RegExp): Promise<void> {
  while (!what.test(program.output())) await delay(20);
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** How a connection ended. */
export interface End {
  readonly code: number;
  readonly reason: string;
}

/** A client made with the `ws` package. It keeps its messages, in order, until a test asks. */
export class Client {
  readonly socket: WebSocket;
  readonly closed: Promise<End>;
  readonly #messages: AsyncIterator<unknown[]>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.#messages = on(socket, "message", { close: ["close"] }) as AsyncIterator<unknown[]>;
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /** A connected client, which is cut when the test is finished. Rejects when the server refuses. */
  static async open(t: TestContext, url: string, { offers = [], ...options }: Wishes = {}): Promise<Client> {
    const client = new Client(new WebSocket(url, [...offers], options));
    t.after(() => client.socket.terminate());
    await once(client.socket, "open");
    return client;
  }

  /** Sends a text unchanged, an object as JSON. */
  send(message: string | object): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** The next message, as text. */
  async text(): Promise<string> {
    const next = await this.#messages.next();
    if (next.done === true) throw new Error("the connection ended before a message came");
    return String(next.value[0]);
  }

  /** The next message, from its JSON. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /** Sends a message, and returns the next one. */
  async ask(message: string): Promise<string> {
    this.send(message);
    return this.text();
  }
}

/** What a client asks for. */
export interface Wishes extends ClientOptions {
  readonly offers?: readonly string[];
}

/** An answer that opens no WebSocket. */
export interface Refused {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
}

/** The answer with which a server refuses to open a WebSocket. */
export async function refusal(url: string, { offers = [], ...options }: Wishes = {}): Promise<Refused> {
  const socket = new WebSocket(url, [...offers], options);
  socket.on("error", () => {}); // the error of the refusal that is read below
  socket.on("open", () => socket.emit("unexpected-response", undefined, { statusCode: 101, headers: {} }));
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, import("node:http").IncomingMessage];
  let body = "";
  if (response.statusCode !== 101) for await (const chunk of response.setEncoding("utf8")) body += String(chunk);
  socket.terminate();
  return { status: response.statusCode ?? 0, type: response.headers["content-type"], body };
}

/** The first cookie of an answer, as a client sends it back. */
export function cookieOf(response: Response): string {
  return String(response.headers.getSetCookie()[0]).split(";", 1)[0] ?? "";
}

/**
 * Clients of two processes that share a port and answer with their pid: one of each, and of none in `but`. A client that comes to a
 * process which just ends gets 503, or 1001: it comes again, as every client should.
 */
export async function openOnTwo(
  t: TestContext,
  port: number,
  but: readonly number[] = [],
): Promise<Map<number, Client>> {
  const clients = new Map<number, Client>();
  while (clients.size < 2) {
    const client = await Client.open(t, `ws://127.0.0.1:${port}/`).catch((error: Error) => {
      if (!/503|ECONNRESET|hang up/.test(error.message)) throw error;
    });
    const answer = await client?.ask("hello").catch(() => undefined);
    const pid = Number(answer?.split(" from ")[1]);
    if (client !== undefined && answer !== undefined && !but.includes(pid)) clients.set(pid, client);
  }
  return clients;
}

/** Opens two clients of one chat and one of another, which stay open. Each message reaches all of its chat, and nobody else. */
export async function chatApart(t: TestContext, ws: string): Promise<void> {
  const one = await Client.open(t, `${ws}/chats/1`);
  const other = await Client.open(t, `${ws}/chats/1`);
  const elsewhere = await Client.open(t, `${ws}/chats/2`);
  assert.equal(await other.ask("hi"), "hi");
  assert.equal(await one.text(), "hi");
  assert.equal(await elsewhere.ask("alone"), "alone");
  assert.equal(await one.ask("hello"), "hello");
  assert.equal(await other.text(), "hello");
}
