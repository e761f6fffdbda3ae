import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import { GoodClient } from "./good-client.ts";
import { Peers, type PeersOptions } from "./peers.ts";
import { Remote } from "./remote.ts";
import type { Memory, ServerMethods, ServerOptions, State } from "./server.ts";
import type { SwarmMethods } from "./swarm.ts";

/** Messages that the good client sends at a time. */
const ROUND = 32;

/** Milliseconds between two looks at what will hold soon. */
const PAUSE = 50;

/**
 * Bytes that a server takes for itself while it is attacked, however many attack: code that is compiled when it is first
 * needed, caches, what the good client has in flight.
 */
const OWN = 1024 * 1024;

/** Bytes that may be left when an attack is over: beside its own, a thousand parsers of HTTP, which Node keeps for later. */
const LEFT = 2 * OWN;

/** How often what is left is looked at before it counts as left. */
const LOOKS = 50;

/** The processes of one file of tests. */
interface Armies {
  readonly server: Remote<ServerMethods>;
  readonly swarm: Remote<SwarmMethods>;
}

/** Starts a process for servers and one for hostile peers, for all tests of a file. Returns what begins a test. */
export function armies(): (options?: ServerOptions) => Promise<Siege> {
  let both: Armies | undefined;
  beforeAll(async () => {
    both = {
      server: new Remote<ServerMethods>(new URL("server.ts", import.meta.url)),
      swarm: new Remote<SwarmMethods>(new URL("swarm.ts", import.meta.url)),
    };
    // They are up when they answer.
    await Promise.all([both.server.call("state"), both.swarm.call("clear")]);
  });
  afterAll(async () => {
    await Promise.all([both?.server.end(), both?.swarm.end()]);
  });
  return (options = {}) => Siege.begin(both!, options);
}

/** One test: a server, a good client that is connected to it throughout, and hostile peers. */
export class Siege {
  /** The server: what it can be asked is in `server.ts`. */
  readonly server: Remote<ServerMethods>;
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  readonly #swarm: Remote<SwarmMethods>;
  readonly #good: GoodClient;
  readonly #secure: boolean;
  readonly #before: State & Memory;

  private constructor(
    { server, swarm }: Armies,
    good: GoodClient,
    port: number,
    secure: boolean,
    before: State & Memory,
  ) {
    this.server = server;
    this.#swarm = swarm;
    this.#good = good;
    this.port = port;
    this.#secure = secure;
    this.#before = before;
  }

  /** Starts a server with these options, and has the good client answered. */
  static async begin(both: Armies, options: ServerOptions): Promise<Siege> {
    const { server, swarm } = both;
    const port = await server.call("start", options);
    const secure = options.secure === true;
    const good = await GoodClient.open(`${secure ? "wss" : "ws"}://127.0.0.1:${port}/echo`);
    onTestFinished(async () => {
      good.drop();
      await swarm.call("clear");
    });
    await good.echoes(ROUND);
    const before = { ...(await server.call("state")), ...(await server.call("memory")) };
    return new Siege(both, good, port, secure, before);
  }

  /** Connects hostile peers: with TLS, if the server has it. */
  async peers(count: number, options: PeersOptions = {}): Promise<Peers> {
    return Peers.open(this.#swarm, count, { secure: this.#secure, ...options, port: this.port });
  }

  /** What the server has, and what its callbacks were told. */
  async state(): Promise<State> {
    return this.server.call("state");
  }

  /** Waits until something holds of the server. The test's timeout is the limit. */
  async until(holds: (state: State) => boolean): Promise<void> {
    while (!holds(await this.state())) await pause();
  }

  /** Has the good client answered, and returns the bytes that the server holds more than before. */
  async held(): Promise<number> {
    await this.#good.echoes(ROUND);
    return (await this.server.call("memory")).held - this.#before.held;
  }

  /** Has the good client answered again and again while something goes on, and behind it. Returns the most bytes that the server held more than before. */
  async heldDuring(attack: Promise<unknown>): Promise<number> {
    const over = attack.then(() => true);
    // Whoever waits for it is told below.
    over.catch(() => undefined);
    let most = 0;
    do most = Math.max(most, await this.held());
    while ((await Promise.race([over, pause()])) !== true);
    return Math.max(most, await this.held());
  }

  /** Bytes that the server's pages have grown by. */
  async pages(): Promise<number> {
    return (await this.server.call("memory")).rss - this.#before.rss;
  }

  /** What the server may hold for so many peers, when it may hold so many bytes for each. */
  bound(peers: Peers, each: number): number {
    return peers.count * each + OWN;
  }

  /**
   * Waits until of the others no connection, no socket and no timer is left, and checks that no memory is either, that
   * each connection was told its end once, and that the good client had every answer. Returns what was told.
   */
  async isOver(): Promise<State> {
    const { sockets, timers } = this.#before;
    await this.until((now) => now.connections === 1 && now.sockets <= sockets && now.timers <= timers);
    expect(await this.#left(), "bytes left when all is over").toBeLessThan(LEFT);
    const told = await this.state();
    const ends = Object.values(told.ended).reduce((sum, count) => sum + count, 0);
    expect(told.opened - ends, "one onTerminate for each onOpen, but for the good client's").toBe(1);
    expect(told.complaints).toEqual([]);
    expect(this.server.complaints, "what the process wrote to its standard error").toBe("");
    expect(await this.#good.close()).toBe(1000);
    return told;
  }

  /** The bytes that are left: buffers are given back by and by. */
  async #left(): Promise<number> {
    let held = await this.held();
    for (let look = 0; held >= LEFT && look < LOOKS; look++) {
      await pause();
      held = await this.held();
    }
    return held;
  }

  /** Has the server go down while they are all there. Returns the code that the good client was told. */
  async goesDown(seconds: number): Promise<number> {
    const told = this.#good.closed;
    await this.server.call("stop", seconds);
    return told;
  }
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
}
