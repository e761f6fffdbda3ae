import { type Backlog, CommandConnection } from "./command-connection.ts";
import type { ConnectionEvents, Master, RedisConnection } from "./connection.ts";
import { failureOf } from "./failures.ts";
import { PendingCalls } from "./pending-calls.ts";

/** What a pair of connections needs to know. */
export interface PairOptions {
  /** The channel on which it gets its probes. */
  readonly probe: string;
  /** The command that publishes. */
  readonly publish: "publish" | "spublish";
  /** Counts the bytes of commands without an answer. */
  readonly backlog: Backlog;
  /** What happens on the subscriber's connection; `onEnd`, on one of both. */
  readonly events: ConnectionEvents;
}

/** The two connections to one server: one for commands, one that gets messages. */
export class Pair {
  /** The partitions of the server. */
  readonly partitions: readonly number[];
  /** The connection for commands. */
  readonly commands: CommandConnection;
  readonly #subscriber: RedisConnection;
  readonly #subscribing = new PendingCalls();
  readonly #options: PairOptions;
  #probes = 0;
  /** Those who wait for a probe, the oldest first. */
  #waiters: { readonly probe: string; readonly resolve: () => void }[] = [];

  constructor({ partitions, connect }: Master, options: PairOptions) {
    const { onMessage, onEnd } = options.events;
    this.partitions = partitions;
    this.#options = options;
    const commands = begun(connect({ onMessage: () => undefined, onEnd }));
    this.commands = new CommandConnection(commands, options.backlog, onEnd);
    try {
      this.#subscriber = begun(
        connect({
          onMessage: (channel, message) => {
            if (!this.#isProbe(channel, message)) onMessage(channel, message);
          },
          onEnd,
        }),
      );
    } catch (error) {
      this.commands.end();
      throw error;
    }
  }

  /** Settles when both are connected, and probes come. */
  async open(): Promise<void> {
    const subscriber = this.#subscribing.run("HWS_BACKPLANE_AWAY", () => this.#subscriber.ready);
    await Promise.all([this.commands.open(), subscriber]);
    await this.subscribe([this.#options.probe]);
  }

  /** Subscribes to channels; in a cluster all of them must be of one partition. */
  subscribe(channels: readonly string[]): Promise<void> {
    return this.#subscribe(() => this.#subscriber.subscribe(channels));
  }

  /** Ends subscriptions. */
  unsubscribe(channels: readonly string[]): Promise<void> {
    return this.#subscribe(() => this.#subscriber.unsubscribe(channels));
  }

  /** Proves both directions: a message to ourselves comes back. */
  async probe(): Promise<void> {
    const { probe: channel, publish } = this.#options;
    const probe = String(++this.#probes);
    const back = this.#subscribing.run(
      "HWS_BACKPLANE_AWAY",
      () => new Promise<void>((resolve) => this.#waiters.push({ probe, resolve })),
    );
    await Promise.all([back, this.commands.command([publish, channel, probe])]);
  }

  /** About a second has passed. Returns whether a call has waited too long. */
  tick(): boolean {
    const isLate = this.commands.tick();
    return this.#subscribing.tick() || isLate;
  }

  /** Ends both connections. */
  end(): void {
    this.commands.end();
    this.#subscribing.end();
    this.#subscriber.destroy();
  }

  async #subscribe(start: () => Promise<unknown>): Promise<void> {
    try {
      await this.#subscribing.run("HWS_BACKPLANE_AWAY", start);
    } catch (cause) {
      throw failureOf(cause, "HWS_BACKPLANE_AWAY").error;
    }
  }

  #isProbe(channel: Buffer, message: Buffer): boolean {
    if (channel.toString() !== this.#options.probe) return false;
    const index = this.#waiters.findIndex(({ probe }) => probe === message.toString());
    // They come in order. One that never came was lost, and its waiter has failed.
    for (const { resolve } of this.#waiters.splice(0, index + 1)) resolve();
    return true;
  }
}

/** Nobody waits for a connection if a later one cannot even be made: its failure must not end the process then. */
function begun(connection: RedisConnection): RedisConnection {
  connection.ready.catch(() => undefined);
  return connection;
}
