import { once, on } from "node:events";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";

/** A client made with the `ws` package. It keeps its messages, in order, until a test asks. */
export class Client {
  readonly socket: WebSocket;
  readonly #messages: AsyncIterator<unknown[], undefined>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.#messages = on(socket, "message", { close: ["close"] }) as AsyncIterator<unknown[], undefined>;
  }

  /** A connected client. It is closed when the test is finished. Rejects when the server refuses. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<Client> {
    const client = new Client(new WebSocket(url, { headers }));
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

  /** Closes, and waits until both sides have. */
  async close(): Promise<void> {
    this.socket.close();
    await this.closed();
  }

  /** The code the server closed with. */
  async closed(): Promise<number> {
    if (this.socket.readyState === WebSocket.CLOSED) throw new Error("wait for the end before it has come");
    const [code] = (await once(this.socket, "close")) as [number];
    return code;
  }
}

/** The HTTP status with which a server refuses to open a WebSocket. */
export async function refusal(url: string, headers: Record<string, string> = {}): Promise<number> {
  const socket = new WebSocket(url, { headers });
  socket.on("error", () => {}); // the error of the refusal that is read below
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, { statusCode: number }];
  socket.terminate();
  return response.statusCode;
}
