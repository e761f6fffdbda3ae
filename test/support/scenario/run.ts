import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";
import { Random } from "../../../fuzz/engine/random.ts";
import { calmOf, checkEnd, checkPeer, checkSettled, missing } from "./checks.ts";
import { type LineListener, SocketLine } from "./line.ts";
import { StreamLine } from "./odd-duplex.ts";
import type { Peer } from "./peer.ts";
import { RawPeer } from "./raw-peer.ts";
import { ScenarioServer, WebServers } from "./scenario-server.ts";
import { PLAIN, faultsOf, isLocal } from "./traits.ts";
import { until } from "./until.ts";
import { World } from "./world.ts";
import { WsPeer } from "./ws-peer.ts";

/** What a scenario has found. */
export interface Outcome {
  /** Broken rules. */
  readonly faults: readonly string[];
  /** How often things happened. */
  readonly tally: Readonly<Record<string, number>>;
}

/**
 * Runs one random scenario: several servers, peers of all kinds, and everything that may happen between them. The same seed
 * makes the same choices; the order in which the system delivers bytes may differ.
 *
 * @param hasTraits whether peers and streams have the traits of `traits.ts`
 */
export async function runScenario(seed: number, hasTraits = true): Promise<Outcome> {
  const scenario = new Scenario(seed, hasTraits);
  const { world } = scenario;
  const onRejection = (error: unknown): void => world.fault(`an unhandled rejection: ${describe(error)}`);
  const onException = (error: unknown): void => world.fault(`an uncaught exception: ${describe(error)}`);
  const onWarning = ({ name, message }: Error): void => {
    if (!world.warned(message)) world.fault(`a warning: ${name} ${message}`);
  };
  process.on("unhandledRejection", onRejection).on("uncaughtExceptionMonitor", onException).on("warning", onWarning);
  const before = process.getActiveResourcesInfo().length;
  try {
    await scenario.run();
    // Handlers that have just begun to wait for a timer.
    const isQuiet = await until(() => process.getActiveResourcesInfo().length <= before);
    if (!isQuiet) world.fault(`still open: ${process.getActiveResourcesInfo().join(", ")}`);
    await turn();
  } finally {
    process
      .off("unhandledRejection", onRejection)
      .off("uncaughtExceptionMonitor", onException)
      .off("warning", onWarning);
  }
  return { faults: world.faults, tally: world.tally };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

class Scenario {
  readonly world: World;
  readonly #random: Random;
  readonly #webs = new WebServers();
  readonly #servers: ScenarioServer[] = [];
  readonly #peers: Peer[] = [];

  constructor(seed: number, hasTraits: boolean) {
    this.world = new World(`${hasTraits ? "y" : PLAIN}${String(seed)}`);
    this.#random = new Random(seed);
  }

  async run(): Promise<void> {
    const random = this.#random;
    await this.#webs.listen();
    this.#makeServers(random.between(2, 4));
    const lives = Array.from({ length: random.between(4, 14) }, (_, i) => this.#newPeer(i).live(random.below(30)));
    const load = Promise.all(lives);
    await this.#direct(random.between(10, 60));
    if (!random.oneIn(4)) {
      await this.#within(load, "a peer");
      await this.#calmDown();
    }
    for (const server of this.#servers) {
      server.terminate();
      if (random.oneIn(2)) await pause(random.below(10));
    }
    if (!(await until(() => this.#servers.every(({ wss }) => wss.terminated))))
      this.world.fault(`has not settled: ${this.world.unsettled().join(", ")}`);
    await this.#leave(load);
    this.#check();
  }

  #makeServers(count: number): void {
    for (let i = 0; i < count; i++) {
      const isAttached = !this.#random.oneIn(3);
      const random = new Random(this.#random.next());
      const server = new ScenarioServer(
        `${this.world.mark}-${i}`,
        random,
        this.world,
        isAttached ? this.#webs.attached : undefined,
      );
      if (!isAttached) this.#webs.route(server);
      this.#servers.push(server);
    }
  }

  #newPeer(index: number): Peer {
    const random = new Random(this.#random.next());
    const server = random.pick(this.#servers);
    const web = this.#webs.isHanding(server) ? this.#webs.handing : this.#webs.attached;
    const target = { port: this.#webs.portOf(web), options: server.options, path: server.options.path ?? "" };
    const name = `${this.world.mark}-u${index}`;
    const given = { name, target, random, world: this.world };
    const kind = random.below(5);
    const connect = (listener: LineListener): SocketLine | StreamLine => {
      if (kind < 3) return new SocketLine(isLocal(name) ? this.#webs.pathOf(web) : target.port, listener);
      const line = new StreamLine(random, this.world, listener, faultsOf(name));
      web.emit("connection", line.stream);
      return line;
    };
    const peer = kind === 0 ? new WsPeer(name, target, random, this.world) : new RawPeer(given, connect);
    this.#peers.push(peer);
    return peer;
  }

  /** What the application does by itself. */
  async #direct(steps: number): Promise<void> {
    const random = new Random(this.#random.next());
    for (let i = 0; i < steps; i++) {
      const server = random.pick(this.#servers);
      const member = server.anyMember();
      const kind = random.below(24);
      if (kind < 8) server.broadcast();
      else if (kind < 14) member?.say();
      else if (kind < 16) member?.ask();
      else if (kind < 17 && random.oneIn(3)) member?.terminate();
      if (random.oneIn(3)) await pause(random.below(6));
      else if (random.oneIn(2)) await turn();
    }
  }

  /** All that waits goes on, until nothing waits at any connection whose peer does what it owes. */
  async #calmDown(): Promise<void> {
    for (const peer of this.#peers) if (peer.ending === "stay") peer.takeAll();
    const calm = calmOf(this.#peers, this.#servers);
    this.world.count("connections that calmed down", calm.length);
    if (await until(() => calm.every((one) => missing(one) === undefined))) return;
    for (const one of calm) {
      const what = missing(one);
      if (what !== undefined)
        this.world.fault(`${one.peer.name} (${one.member.server.options.sendQueuePolicy}): ${what}`);
    }
  }

  async #leave(load: Promise<unknown>): Promise<void> {
    for (const peer of this.#peers) peer.takeAll();
    // What the servers have written last may still be on its way.
    await pause(20);
    for (const peer of this.#peers) peer.destroy();
    await this.#within(load, "a peer");
    if (!(await until(async () => (await this.#webs.count()) === 0)))
      this.world.fault(`${await this.#webs.count()} sockets are open`);
    await this.#within(this.#webs.close(), "a web server");
    await until(() => this.world.unsettled().length === 0 && this.world.unreported().length === 0);
  }

  async #within(promise: Promise<unknown>, what: string): Promise<void> {
    let isDone = false;
    void promise.then(() => (isDone = true));
    if (!(await until(() => isDone))) this.world.fault(`${what} has not ended`);
  }

  #check(): void {
    for (const peer of this.#peers)
      checkPeer(this.world, peer, this.#servers.flatMap(({ members }) => members.get(peer.name) ?? [])[0]);
    for (const server of this.#servers) checkEnd(this.world, server);
    checkSettled(this.world);
  }
}
