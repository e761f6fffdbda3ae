import { on, once } from "node:events";
import { expect, onTestFinished } from "vitest";
import { type ClientOptions, WebSocket } from "ws";
import type { RunningProgram } from "../support/page-project.ts";

/** For waits: a busy machine takes seconds for what takes a moment. */
const PATIENT = { timeout: 60_000, interval: 20 };

/** A client of a page's program, made with the package `ws`. It keeps its messages until they are asked for. */
export class PageClient {
  readonly socket: WebSocket;
  /** Its end: the server's close code, and the reason. */
  readonly closed: Promise<readonly [code: number, reason: string]>;
  readonly #messages: AsyncIterator<unknown[], undefined>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        resolve([code, reason.toString()]);
      });
    });
    this.#messages = on(socket, "message", { close: ["close"] }) as AsyncIterator<unknown[], undefined>;
  }

  /** A connected client. It is cut when the test has finished. */
  static async open(
    { port }: RunningProgram,
    path = "/",
    options: ClientOptions = {},
    protocols: string[] = [],
  ): Promise<PageClient> {
    const client = new PageClient(new WebSocket(`ws://127.0.0.1:${String(port)}${path}`, protocols, options));
    onTestFinished(() => client.socket.terminate());
    await once(client.socket, "open");
    return client;
  }

  /** The next message. */
  async next(): Promise<Buffer> {
    const next = await this.#messages.next();
    if (next.done === true) throw new Error("the connection ended before a message came");
    return next.value[0] as Buffer;
  }

  /** The next message, as a text. */
  async text(): Promise<string> {
    return (await this.next()).toString();
  }

  /** The next message, from its JSON. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /** Sends bytes and texts unchanged, an object as JSON. */
  send(message: string | Uint8Array | Readonly<Record<string, unknown>>): void {
    const isRaw = typeof message === "string" || message instanceof Uint8Array;
    this.socket.send(isRaw ? message : JSON.stringify(message));
  }
}

/** The status and the body with which a program refuses a client. */
export async function refusal(
  { port }: RunningProgram,
  path = "/",
  options: ClientOptions = {},
): Promise<readonly [status: number, body: string]> {
  const socket = new WebSocket(`ws://127.0.0.1:${String(port)}${path}`, options);
  socket.on("error", () => {}); // of the refusal that is read below
  const [, response] = (await once(socket, "unexpected-response")) as [
    unknown,
    AsyncIterable<Buffer> & { readonly statusCode: number },
  ];
  let body = "";
  for await (const chunk of response) body += chunk.toString();
  socket.terminate();
  return [response.statusCode, body.trim()];
}

/** Waits until a program has printed a text. */
export async function printed(program: RunningProgram, text: string): Promise<void> {
  await expect.poll(() => program.output(), PATIENT).toContain(text);
}

/** Waits until a function returns a value. */
export async function becomes(read: () => unknown, value: unknown): Promise<void> {
  await expect.poll(read, PATIENT).toEqual(value);
}
