import { once } from "node:events";
import { WebSocket } from "ws";

/** A client without mistakes, made with the `ws` package. It sends, and expects every answer, in order. */
export class GoodClient {
  /** The code of the server's close frame. */
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  #expected = 0;
  #sent = 0;
  #failed: Error | undefined;
  #wake: () => void = () => undefined;

  private constructor(url: string) {
    this.#socket = new WebSocket(url, { rejectUnauthorized: false });
    this.#socket.on("message", (data) => {
      const answer = (data as Buffer).toString();
      if (answer === message(this.#expected)) this.#expected++;
      else this.#fail(`expected answer ${this.#expected}, got ${answer.slice(0, 20)}`);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      this.#socket.on("close", (code) => {
        this.#fail(`was closed with ${code}`);
        this.#wake();
        resolve(code);
      });
    });
    this.#socket.on("error", (error) => {
      this.#fail(error.message);
    });
  }

  /** Connects. */
  static async open(url: string): Promise<GoodClient> {
    const client = new GoodClient(url);
    await once(client.#socket, "open");
    return client;
  }

  /** Sends messages and waits for their answers. Rejects when one is missing, wrong or out of order. */
  async echoes(count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.#socket.send(message(this.#sent++));
    while (this.#expected < this.#sent && this.#failed === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failed !== undefined) throw this.#failed;
  }

  /** Closes, and waits until the server has closed too. Returns the server's close code. */
  async close(): Promise<number> {
    this.#socket.close(1000);
    return this.closed;
  }

  /** Drops the connection at once. */
  drop(): void {
    this.#socket.terminate();
  }

  #fail(why: string): void {
    this.#failed ??= new Error(`the good client ${why}`);
  }
}

/** Short, long and not ASCII, in turn, for all code paths of texts. */
function message(number: number): string {
  const padding = ["", "x".repeat(300), "ü€".repeat(200), "y".repeat(70_000)][number % 16 === 15 ? 3 : number % 3];
  return `${number}:${padding ?? ""}`;
}
