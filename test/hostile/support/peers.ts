import type { PeerOptions } from "./peer.ts";
import type { Remote } from "./remote.ts";
import type { Path } from "./server.ts";
import type { SwarmMethods } from "./swarm.ts";

/** How peers connect. */
export interface PeersOptions extends Omit<PeerOptions, "port"> {
  /** The path of their WebSockets: see `Path`. Without one they connect and send nothing. */
  readonly path?: Path;
}

/** Hostile peers in another process. All of them do the same. */
export class Peers {
  /** Their number. */
  readonly count: number;
  readonly #swarm: Remote<SwarmMethods>;
  readonly #group: number;

  private constructor(swarm: Remote<SwarmMethods>, count: number, group: number) {
    this.count = count;
    this.#swarm = swarm;
    this.#group = group;
  }

  /** Connects them. */
  static async open(swarm: Remote<SwarmMethods>, count: number, options: PeersOptions & PeerOptions): Promise<Peers> {
    return new Peers(swarm, count, await swarm.call("open", count, options));
  }

  /** Sends the same bytes this many times, as fast as the server takes them, or until it has ended the connection. */
  async send(bytes: Uint8Array, times = 1): Promise<void> {
    await this.#swarm.call("send", this.#group, bytes, times);
  }

  /** Sends the bytes one by one. */
  async drip(bytes: Uint8Array): Promise<void> {
    await this.#swarm.call("drip", this.#group, bytes, false);
  }

  /** Sends the bytes one by one, again and again until the server has ended all connections. */
  async dripForever(bytes: Uint8Array): Promise<void> {
    await this.#swarm.call("drip", this.#group, bytes, true);
  }

  /** From now on each sends the bytes once in this many milliseconds. */
  async beat(bytes: Uint8Array, period: number): Promise<void> {
    await this.#swarm.call("beat", this.#group, bytes, period);
  }

  /** Waits until each has received this many frames with an opcode. */
  async see(opcode: number, count: number): Promise<void> {
    await this.#swarm.call("see", this.#group, opcode, count);
  }

  /** How many frames with an opcode each has received. */
  async seen(opcode: number): Promise<number[]> {
    return this.#swarm.call("seen", this.#group, opcode);
  }

  /** Starts to read. */
  async read(): Promise<void> {
    await this.#swarm.call("flow", this.#group, true);
  }

  /** Ends its half of each connection. */
  async end(): Promise<void> {
    await this.#swarm.call("end", this.#group);
  }

  /** Resets each connection. */
  async reset(): Promise<void> {
    await this.#swarm.call("reset", this.#group);
  }

  /** Waits until the server has ended all. Returns the count of each kind of end, e.g. `{ "1009, ended": 10 }`. */
  async outcomes(): Promise<Record<string, number>> {
    return this.#swarm.call("outcomes", this.#group);
  }
}
