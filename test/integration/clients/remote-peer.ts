import type { Content, Ending, Peer } from "./client.ts";

/** Calls a method of a peer in its place: in another process or in a browser's page. */
export type Call = (method: string, ...args: readonly unknown[]) => Promise<unknown>;

/** The actions on the place of a peer. */
export type Place = Pick<Peer, "lose" | "pause" | "resume" | "dispose">;

/** A peer in another place. */
export class RemotePeer implements Peer {
  readonly protocol: string;
  readonly #call: Call;
  readonly #place: Place;

  constructor(protocol: string, call: Call, place: Place) {
    this.protocol = protocol;
    this.#call = call;
    this.#place = place;
  }

  async send(content: Content): Promise<void> {
    await this.#call("send", content);
  }

  async count(messages: number): Promise<void> {
    await this.#call("count", messages);
  }

  async fragments(parts: readonly Content[], pings: boolean): Promise<void> {
    await this.#call("fragments", parts, pings);
  }

  async received(messages: number): Promise<string[]> {
    return (await this.#call("received", messages)) as string[];
  }

  async ping(payload: string): Promise<void> {
    await this.#call("ping", payload);
  }

  async pong(payload: string): Promise<void> {
    await this.#call("pong", payload);
  }

  async close(...args: [code?: number, reason?: string]): Promise<void> {
    await this.#call("close", ...args);
  }

  async closed(): Promise<Ending> {
    return (await this.#call("closed")) as Ending;
  }

  lose(): Promise<void> {
    return this.#place.lose();
  }

  pause(): Promise<void> {
    return this.#place.pause();
  }

  resume(): Promise<void> {
    return this.#place.resume();
  }

  dispose(): Promise<void> {
    return this.#place.dispose();
  }
}
