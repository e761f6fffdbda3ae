import { WebSocket } from "../../../src/client.ts";
import type { ClientOptions } from "../../../src/client/options.ts";
import type { WSTerminateEvent } from "../../../src/connection/dispatch/events.ts";
import type { ConnectError } from "../../../src/client/connect-error.ts";
import { type Client, type Content, type Ending, type Peer, Refused } from "./client.ts";
import { binary, payloadOf, seen, text } from "./content.ts";

const MIB = 1024 * 1024;

/** Our own client, in this process. */
export class OurClient implements Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
  }

  async open(url: string, protocols: readonly string[] = []): Promise<OurPeer> {
    const peer = new OurPeer(url, {
      ...this.#options,
      protocols: [...protocols],
      dataType: "auto",
      maxSendQueue: 64 * MIB,
      maxMessageSize: 64 * MIB,
    });
    await peer.opened;
    return peer;
  }

  async end(): Promise<void> {}
}

/** One of its connections. */
class OurPeer implements Peer {
  readonly opened: Promise<void>;
  readonly #ws: WebSocket<object, unknown, "auto">;
  readonly #ending: Promise<Ending>;
  readonly #messages: string[] = [];
  #ended: Ending | undefined;
  #wake: () => void = () => {};
  #resume: (() => void) | undefined;
  #paused: Promise<void> | undefined;

  constructor(url: string, options: ClientOptions<"auto">) {
    let [opened, failed]: [() => void, (error: unknown) => void] = [() => {}, () => {}];
    this.opened = new Promise((resolve, reject) => {
      [opened, failed] = [resolve, reject];
    });
    let end: (ending: Ending) => void = () => {};
    this.#ending = new Promise((resolve) => {
      end = resolve;
    });
    this.#ws = new WebSocket(
      url,
      {
        onOpen: () => opened(),
        onMessage: (_ws: unknown, { data }: { data: unknown }) => {
          const content =
            typeof data === "string" ? text(data) : binary(Buffer.from(data as Uint8Array).toString("hex"));
          this.#messages.push(seen(content));
          this.#wake();
          return this.#paused;
        },
        onError: (_ws: unknown, { errors }: { errors: readonly { cause: unknown }[] }) => {
          failed(new Refused((errors[0]?.cause as ConnectError).status));
        },
        onTerminate: (_ws: unknown, { code, reason = "" }: WSTerminateEvent) => {
          this.#ended = { code, reason };
          this.#wake();
          end(this.#ended);
        },
      },
      options,
    );
  }

  get protocol(): string {
    return this.#ws.protocol ?? "";
  }

  async send(content: Content): Promise<void> {
    this.#ws.send(payloadOf(content) as never);
  }

  async count(messages: number): Promise<void> {
    for (let n = 0; n < messages; n++) this.#ws.send(`${n}`);
  }

  fragments(): Promise<void> {
    return Promise.reject(new Error("our client sends no fragments"));
  }

  async received(messages: number): Promise<string[]> {
    while (this.#messages.length < messages) {
      if (this.#ended !== undefined)
        throw new Error(`closed with ${this.#ended.code} after ${this.#messages.length} of ${messages} messages`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#messages.splice(0, messages);
  }

  async ping(): Promise<void> {
    if ((await this.#ws.ping()) === undefined) throw new Error("no pong came");
  }

  pong(): Promise<void> {
    return Promise.reject(new Error("our client sends no pongs of its own"));
  }

  async close(code?: number, reason?: string): Promise<void> {
    this.#ws.close(code, reason);
  }

  closed(): Promise<Ending> {
    return this.#ending;
  }

  async lose(): Promise<void> {
    this.#ws.destroy();
  }

  async pause(): Promise<void> {
    this.#paused = new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  async resume(): Promise<void> {
    this.#resume?.();
    this.#paused = undefined;
  }

  async dispose(): Promise<void> {
    await this.resume();
    this.#ws.destroy();
    await this.#ending;
  }
}
