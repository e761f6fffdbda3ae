import { isOwnReason } from "./close-reasons.ts";
import type { Random } from "../../../fuzz/engine/random.ts";
import type { ScenarioOptions } from "./options.ts";
import { randomSize } from "./options.ts";
import { tagged } from "./tagged.ts";
import type { World } from "./world.ts";

/** How a peer ends. */
export type Ending = "stay" | "close" | "reset" | "half close" | "break" | "stall";

/** What a peer knows of its server. */
export interface Target {
  readonly port: number;
  readonly options: ScenarioOptions;
  /** Letters that the server knows the peer by, and its wish: see `Wish`. */
  readonly path: string;
}

/** What `onConnection` does with a peer. */
export type Wish = "accept" | "later" | "never" | "null" | "refuse" | "throw" | "unknown path";

/** A client of a scenario: what it has sent and received. */
export abstract class Peer {
  readonly name: string;
  readonly wish: Wish;
  readonly ending: Ending;
  readonly target: Target;
  /** All messages that it has received, as texts. */
  readonly received: string[] = [];
  /** The number of messages that it has sent. */
  said = 0;
  /** The status of the answer to its request; 0: none. */
  status = 0;
  /** The close code that it has received. */
  closedBy: number | undefined;
  closeReason = "";
  /** The close code that it has sent first. */
  closedWith: number | undefined;
  /** No more bytes will come. */
  isOver = false;

  /** It has reset, has ended its half without a close frame, or has broken the protocol. */
  isBroken = false;
  protected readonly random: Random;
  protected readonly world: World;

  constructor(name: string, target: Target, random: Random, world: World) {
    this.name = name;
    this.target = target;
    this.random = random;
    this.world = world;
    this.wish = random.oneIn(8)
      ? random.pick(["never", "null", "refuse", "throw", "unknown path"] as const)
      : random.pick(["accept", "accept", "later"] as const);
    this.ending = random.pick([
      "stay",
      "stay",
      "stay",
      "stay",
      "stay",
      "close",
      "reset",
      "half close",
      "break",
      "stall",
    ] as const);
  }

  get url(): string {
    return `${this.wish === "unknown path" ? "/nowhere" : this.target.path}?name=${this.name}&wish=${this.wish}`;
  }

  get headers(): Record<string, string> {
    return { "X-Name": this.name, "X-Forwarded-For": this.address };
  }

  /** The address that a proxy would report. */
  get address(): string {
    return `10.0.${String(this.name.length)}.${String(Number(this.name.split("u").at(-1)) + 1)}`;
  }

  /** Whether it takes and answers everything until its server ends. */
  get isCalm(): boolean {
    return this.ending === "stay" && !this.isBroken && !this.isOver && this.status === 101;
  }

  /** Opens the connection, and does as it likes for a while. */
  async live(steps: number): Promise<void> {
    await this.open();
    for (let i = 0; i < steps && !this.isOver; i++) {
      this.step();
      await this.rest();
    }
    this.finish();
  }

  /** A message came. */
  protected onMessage(text: string): void {
    let own = text;
    if (text.startsWith("{")) {
      try {
        own = (JSON.parse(text) as { readonly m: string }).m;
      } catch {
        own = text;
      }
    }
    this.received.push(own);
    this.world.count("messages received");
  }

  /** A close frame came. */
  protected onClose(code: number, reason: string): void {
    if (this.closedBy !== undefined) this.world.fault(`${this.name}: received two close frames`);
    this.closedBy = code;
    this.closeReason = reason;
    if (reason !== "" && !isOwnReason(reason, this.name))
      this.world.fault(`${this.name}: received the close reason ${reason}`);
  }

  /** Its next message, as bytes. */
  protected nextMessage(): Buffer {
    const { options } = this.target;
    const wide = this.random.oneIn(5);
    // Wide characters, and the JSON around a text, need more bytes than it has characters.
    const most = Math.floor(options.maxMessageSize / (wide ? 3 : 1)) - 128;
    const shape = {
      size: Math.min(randomSize(this.random, most), options.maxFragments === 64 ? 20_000 : Infinity),
      wide,
    };
    const text = tagged({ from: this.name, seq: this.said++ }, shape);
    this.world.count("messages sent");
    return Buffer.from(options.dataType === "object" ? JSON.stringify({ m: text }) : text);
  }

  protected async rest(): Promise<void> {
    const { random } = this;
    if (random.oneIn(3)) await new Promise((resolve) => setTimeout(resolve, random.below(6)));
    else await new Promise((resolve) => setImmediate(resolve));
  }

  /** Opens the connection. */
  protected abstract open(): Promise<void>;
  /** Does one thing. */
  protected abstract step(): void;
  /** Ends as `ending` says. */
  protected abstract finish(): void;
  /** Takes everything from now on. */
  abstract takeAll(): void;
  /** Leaves without a word. */
  abstract destroy(): void;
}
