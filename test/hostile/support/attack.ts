import { getDefaultHighWaterMark } from "node:stream";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import { transport } from "../../support/transport.ts";
import { GoodClient } from "./good-client.ts";
import { Peers, type PeersOptions } from "./peers.ts";
import { Remote } from "./remote.ts";
import type { Memory, ServerMethods, ServerOptions, State } from "./server.ts";
import type { SwarmMethods } from "./swarm.ts";

/** Messages that the good client sends at a time. */
const ROUND = 32;

/** Milliseconds between two checks of a condition. */
const PAUSE = 50;

/**
 * Bytes that a server needs for itself during an attack, with any number of peers: code that is compiled when it is first
 * used, caches, the good client's messages in transit.
 */
const OWN = 1024 * 1024;

/** Bytes that may be left after an attack: the server's own, and a thousand HTTP parsers, which Node keeps for later. */
const LEFT = 2 * OWN;

/**
 * Bytes of a stream of HTTP/2: its objects, what `nghttp2` keeps of it, and one buffer of Node's streams, which takes 16 KiB
 * on Node 20 and 64 KiB on Node 22 and later. Its window is counted by the tests.
 */
const STREAM = 28 * 1024 + getDefaultHighWaterMark(false);

/** How often the remaining bytes are measured before they count as left. */
const LOOKS = 50;

/** Whether the peers of the tests are streams of HTTP/2. */
const isOverHttp2 = (): boolean => transport() === "h2";

/** The processes of one file of tests. */
interface AttackProcesses {
  readonly server: Remote<ServerMethods>;
  readonly swarm: Remote<SwarmMethods>;
}

/** Starts a process for servers and one for hostile peers, for all tests of a file. Returns the function that begins a test. */
export function attackProcesses(): (options?: ServerOptions) => Promise<Attack> {
  let both: AttackProcesses | undefined;
  beforeAll(async () => {
    both = {
      server: new Remote<ServerMethods>(new URL("server.ts", import.meta.url)),
      swarm: new Remote<SwarmMethods>(new URL("swarm.ts", import.meta.url)),
    };
    // They have started when they answer.
    await Promise.all([both.server.call("state"), both.swarm.call("clear")]);
  });
  afterAll(async () => {
    await Promise.all([both?.server.end(), both?.swarm.end()]);
  });
  return (options = {}) => Attack.begin(both!, isOverHttp2() ? { ...options, secure: true } : options);
}

/** One test: a server, a good client that stays connected, and hostile peers. */
export class Attack {
  /** The server. Its methods are in `server.ts`. */
  readonly server: Remote<ServerMethods>;
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  readonly #swarm: Remote<SwarmMethods>;
  readonly #good: GoodClient;
  readonly #secure: boolean;
  readonly #before: State & Memory;

  private constructor(
    { server, swarm }: AttackProcesses,
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

  /** Starts a server with these options, and checks that it answers the good client. */
  static async begin(both: AttackProcesses, options: ServerOptions): Promise<Attack> {
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
    return new Attack(both, good, port, secure, before);
  }

  /** Connects hostile peers: with TLS, if the server has it. */
  async peers(count: number, options: PeersOptions = {}): Promise<Peers> {
    // Without a path a peer sends what it likes after its TLS handshake, instead of HTTP/1.1.
    const http2 = isOverHttp2() && options.path !== undefined;
    return Peers.open(this.#swarm, count, { secure: this.#secure, http2, ...options, port: this.port });
  }

  /** The server's resources, and the calls of its callbacks. */
  async state(): Promise<State> {
    return this.server.call("state");
  }

  /** Waits until a condition on the server's state is true. The test's timeout is the limit. */
  async until(holds: (state: State) => boolean): Promise<void> {
    while (!holds(await this.state())) await pause();
  }

  /** Checks that the server answers the good client. */
  async serves(): Promise<void> {
    await this.#good.echoes(ROUND);
  }

  /** Checks that the server answers the good client, and returns how many bytes it holds more than before. */
  async held(): Promise<number> {
    await this.serves();
    return (await this.server.call("memory")).held - this.#before.held;
  }

  /** Checks the good client again and again during an action, and after it. Returns the most bytes that the server held more than before. */
  async heldDuring(action: Promise<unknown>): Promise<number> {
    const over = action.then(() => true);
    // The rejection is thrown below.
    over.catch(() => undefined);
    let most = 0;
    let took: number;
    do {
      const start = performance.now();
      most = Math.max(most, await this.held());
      took = performance.now() - start;
      // To look takes the server's time (garbage is collected): at most a third of it.
    } while ((await Promise.race([over, pause(Math.max(PAUSE, 2 * took))])) !== true);
    return Math.max(most, await this.held());
  }

  /** The growth of the server's resident memory, in bytes. */
  async pages(): Promise<number> {
    return (await this.server.call("memory")).rss - this.#before.rss;
  }

  /** The bytes that the server may hold for these peers, with `each` bytes for each. */
  bound(peers: Pick<Peers, "count">, each: number): number {
    return peers.count * (isOverHttp2() ? each + STREAM : each) + OWN;
  }

  /**
   * Waits until no connection, handler's work, socket and timer of the peers is left. Checks that no memory is left, that each
   * connection's end was reported once, and that the good client got every answer. Returns the server's state.
   */
  async isOver(): Promise<State> {
    const { sockets, timers } = this.#before;
    await this.until(
      (now) => now.connections === 1 && now.leaving === 0 && now.sockets <= sockets && now.timers <= timers,
    );
    expect(await this.#left(), "bytes left at the end").toBeLessThan(LEFT);
    const told = await this.state();
    const ends = Object.values(told.ended).reduce((sum, count) => sum + count, 0);
    expect(told.opened - ends, "one onTerminate for each onOpen, except the good client's").toBe(1);
    expect(told.complaints).toEqual([]);
    expect(this.server.complaints, "what the process wrote to its standard error").toBe("");
    expect(await this.#good.close()).toBe(1000);
    return told;
  }

  /** The bytes that are left. Buffers are released slowly. */
  async #left(): Promise<number> {
    let held = await this.held();
    for (let look = 0; held >= LEFT && look < LOOKS; look++) {
      await pause();
      held = await this.held();
    }
    return held;
  }

  /** Shuts the server down while all peers are connected. Returns the good client's close code. */
  async goesDown(seconds: number): Promise<number> {
    const told = this.#good.closed;
    await this.server.call("stop", seconds);
    return told;
  }
}

async function pause(milliseconds = PAUSE): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
