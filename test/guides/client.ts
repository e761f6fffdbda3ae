import { on, once } from "node:events";
import { onTestFinished } from "vitest";
import { type ClientOptions, WebSocket } from "ws";
import type { PageProject, RunningProgram } from "../support/page-project.ts";

/** What a client asks for. */
interface Wishes extends ClientOptions {
  readonly offers?: readonly string[];
}

/** Starts a program of a page until the test is finished. */
export async function serve(project: PageProject, file: string, env: NodeJS.ProcessEnv = {}): Promise<RunningProgram> {
  const program = await project.start(file, env);
  onTestFinished(async () => {
    await program.stop();
  });
  return program;
}

/** A client made with the `ws` package. It keeps its messages, in order, until a test asks. */
export class Client {
  readonly socket: WebSocket;
  /** Its end: the code and the reason that the server gave. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #messages: AsyncIterator<unknown[], undefined>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.#messages = on(socket, "message", { close: ["close"] }) as AsyncIterator<unknown[], undefined>;
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** A connected client. It is cut when the test is finished. Rejects when the server refuses. */
  static async open(url: string, { offers = [], ...options }: Wishes = {}): Promise<Client> {
    const client = new Client(new WebSocket(url, [...offers], options));
    onTestFinished(() => client.socket.terminate());
    await once(client.socket, "open");
    return client;
  }

  /** The next message, as text. Rejects when the connection ends first. */
  async text(): Promise<string> {
    const next = await this.#messages.next();
    if (next.done === true) throw new Error("the connection ended before a message came");
    return String(next.value[0]);
  }

  /** The next message, from its JSON. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /** Sends a text unchanged, an object as JSON. */
  send(message: string | object): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }
}

/** The HTTP status with which a server refuses to open a WebSocket. */
export async function refusal(url: string, { offers = [], ...options }: Wishes = {}): Promise<number> {
  const socket = new WebSocket(url, [...offers], options);
  socket.on("error", () => {}); // the error of the refusal that is read below
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, { statusCode: number }];
  socket.terminate();
  return response.statusCode;
}
