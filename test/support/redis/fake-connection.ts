import type {
  Argument,
  ConnectionEvents,
  Master,
  RedisConnection,
  RedisLibrary,
} from "../../../src/redis/connection.ts";

/** A command that was sent. */
export interface SentCommand {
  readonly args: readonly Argument[];
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A connection whose answers a test gives, unless it answers by itself. */
export class FakeConnection implements RedisConnection {
  readonly ready: Promise<unknown>;
  readonly sent: SentCommand[] = [];
  readonly events: ConnectionEvents;
  isDestroyed = false;
  readonly #answer: ((args: readonly Argument[], connection: FakeConnection) => unknown) | undefined;

  constructor(
    events: ConnectionEvents,
    answer?: (args: readonly Argument[], connection: FakeConnection) => unknown,
    ready = Promise.resolve(),
  ) {
    this.events = events;
    this.ready = ready;
    this.#answer = answer;
  }

  /** The first words of the commands that were sent. */
  get names(): string[] {
    return this.sent.map(({ args }) => String(args[0]));
  }

  send(args: readonly Argument[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.sent.push({ args, resolve, reject });
      const answer = this.#answer?.(args, this);
      if (answer instanceof Error) reject(answer);
      else if (answer !== undefined) resolve(answer);
    });
  }

  subscribe(channels: readonly string[]): Promise<unknown> {
    return this.send(["subscribe", ...channels]);
  }

  unsubscribe(channels: readonly string[]): Promise<unknown> {
    return this.send(["unsubscribe", ...channels]);
  }

  destroy(): void {
    this.isDestroyed = true;
  }
}

/** Events that nobody listens to. */
export const noEvents: ConnectionEvents = { onMessage: () => undefined, onEnd: () => undefined };

/** A library of one or more fake servers. */
export class FakeLibrary implements RedisLibrary {
  readonly isCluster: boolean;
  readonly connections: FakeConnection[] = [];
  /** What a connection answers. */
  answer: (args: readonly Argument[], connection: FakeConnection) => unknown = (args, connection) =>
    this.#answerAll(args, connection);
  /** Makes a connection. */
  connect: (events: ConnectionEvents) => FakeConnection = (events) =>
    new FakeConnection(events, (...args) => this.answer(...args));
  /** How often servers were searched for. */
  searches = 0;
  /** What the search for servers waits for. */
  found: Promise<unknown> = Promise.resolve();
  readonly #servers: number;

  constructor(servers = 1) {
    this.#servers = servers;
    this.isCluster = servers > 1;
  }

  readonly findMasters = async (): Promise<readonly Master[]> => {
    this.searches++;
    await this.found;
    const size = Math.ceil(256 / this.#servers);
    return Array.from({ length: this.#servers }, (_, i) => ({
      partitions: Array.from({ length: 256 }, (__, partition) => partition).filter(
        (one) => Math.floor(one / size) === i,
      ),
      connect: (events: ConnectionEvents) => {
        const connection = this.connect(events);
        this.connections.push(connection);
        return connection;
      },
    }));
  };

  /** Hands a message to the subscriber of each server. */
  message(channel: string, message: Uint8Array | string): void {
    for (const { events } of this.connections) events.onMessage(Buffer.from(channel), Buffer.from(message as string));
  }

  /** Ends the newest connections. */
  cut(reason: unknown): void {
    this.connections.at(-1)?.events.onEnd(reason);
  }

  /** It does everything, and returns the probes to the subscriber of the same server. */
  #answerAll(args: readonly Argument[], connection: FakeConnection): unknown {
    const [name, channel = "", message = ""] = args;
    const subscriber = this.connections[this.connections.indexOf(connection) + 1];
    if (/^s?publish$/.test(String(name)) && String(channel).includes(":x:"))
      subscriber?.events.onMessage(Buffer.from(String(channel)), Buffer.from(String(message)));
    return name === "evalsha" ? [0, [], []] : "OK";
  }
}
