import { mkdtempSync, rmSync } from "node:fs";
import { type Server, createServer } from "node:http";
import { type AddressInfo, createServer as createNetServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { type WSConnectionEvent, type WSErrorEvent, WebSocketServer, refuse } from "hawser";
import { Random } from "../../../fuzz/engine/random.ts";
import { Member } from "./member.ts";
import { type ScenarioOptions, randomOptions, randomSize } from "./options.ts";
import type { Wish } from "./peer.ts";
import { tagged } from "./tagged.ts";
import type { World } from "./world.ts";

/** One WebSocketServer of a scenario. */
export class ScenarioServer {
  readonly name: string;
  readonly options: ScenarioOptions;
  readonly wss: WebSocketServer<object, "auto">;
  readonly world: World;
  readonly members = new Map<string, Member>();
  /** The number of calls of `onTerminate`. */
  ends = 0;
  isTerminating = false;
  readonly #random: Random;
  #seq = 0;

  /** @param web - The web server that it attaches to; undefined: it is handed its requests. */
  constructor(name: string, random: Random, world: World, web: Server | undefined) {
    this.name = name;
    this.#random = random;
    this.world = world;
    this.options = randomOptions(random, `/${name}`);
    const server = web === undefined ? {} : { server: web };
    const handler = {
      onConnection: (_wss: unknown, event: WSConnectionEvent) => this.#answer(event),
      onError: (_wss: unknown, { errors: [{ cause }] }: WSErrorEvent) => this.#onError(cause),
      onTerminate: () => {
        this.ends++;
        for (const { calls, end, name: member } of this.members.values())
          if (calls.length > 0 && end === undefined) this.#fault(`onTerminate before that of ${member}`);
      },
    };
    // The handlers take data of every type.
    this.wss = new WebSocketServer<object, "auto">(handler, { ...this.options, ...server } as object);
  }

  /** Sends to all: with `broadcast`, or in a loop. */
  broadcast(): void {
    const random = this.#random;
    const text = tagged(
      { from: `s-${this.name}`, seq: this.#seq++ },
      { size: randomSize(random, 30_000), wide: random.oneIn(6) },
    );
    const except = random.oneIn(3) ? this.wss.connections.at(0) : undefined;
    const members = [...this.members.values()].filter(({ ws }) => ws?.status === "Connected" && ws !== except);
    if (random.oneIn(3)) {
      for (const member of members) member.giving(text, undefined, () => member.ws?.send(text));
      return;
    }
    const notes = members.map((member) => member.noteGiven(text, undefined));
    for (const { begin } of notes) begin();
    const count = this.wss.broadcast(text, { except });
    const expected = notes.map(({ finish }) => finish()).filter(Boolean).length;
    // Streams that push synchronously make nested calls, whose results are not known.
    if (count < expected || count > members.length)
      this.#fault(`broadcast returned ${String(count)} of ${String(members.length)}, expected ${String(expected)}`);
  }

  /** One of its connections. */
  anyMember(): Member | undefined {
    return this.#random.pick([...this.members.values()]);
  }

  /** Closes it. */
  terminate(): void {
    this.isTerminating = true;
    const seconds = this.#random.pick([0, 0.02, 0.2, undefined]);
    this.world.promise(this.wss.terminate(seconds), `${this.name}: terminate(${String(seconds)})`);
    if (this.#random.oneIn(4)) this.world.promise(this.wss.terminate(0.1), `${this.name}: the second terminate`);
  }

  async #answer({ request }: WSConnectionEvent): Promise<Member | ReturnType<typeof refuse> | null> {
    const { query, headers, remoteAddress } = request;
    const name = String(query["name"]);
    if (headers["x-name"] !== name) this.#fault(`${name}: its request has the header of ${String(headers["x-name"])}`);
    if (this.options.trustProxy === 1 && remoteAddress !== headers["x-forwarded-for"])
      this.#fault(`${name}: its address is ${remoteAddress}`);
    const wish = query["wish"] as Wish;
    if (wish === "null") return null;
    if (wish === "refuse") return refuse(418 + 4, `no ${name}`);
    if (wish === "throw") throw this.world.boom("onConnection");
    if (wish === "never") await new Promise(() => {});
    if (wish === "later") await new Promise((resolve) => setTimeout(resolve, this.#random.below(10)));
    if (this.members.has(name)) this.#fault(`${name}: asked for twice`);
    const member = new Member(name, this, new Random(this.#random.next()));
    this.members.set(name, member);
    return member;
  }

  #onError(cause: unknown): void {
    if (this.world.reported(cause)) return;
    const { code } = cause as { readonly code?: string };
    // `invalidJson: "ignore"` and what follows an `onError` of the connection.
    if (typeof code !== "string" || code === "HWS_INTERNAL") this.#fault(`reported ${String(cause)}`);
  }

  #fault(text: string): void {
    this.world.fault(`${this.name}: ${text}`);
  }
}

/** The web servers of a scenario: one that WebSocket servers attach to, and one that hands requests to them. */
export class WebServers {
  // Without a WebSocket server, Node takes a handshake for a plain request.
  readonly attached = createServer((_request, response) => response.writeHead(400).end());
  readonly handing = createServer((_request, response) => response.writeHead(400).end());
  readonly #routes = new Map<string, ScenarioServer>();
  /** Their Unix sockets. */
  readonly #folder = mkdtempSync(join(tmpdir(), "scenario-"));
  readonly #local = [this.attached, this.handing].map((web) =>
    createNetServer({ allowHalfOpen: true }, (socket) => web.emit("connection", socket)),
  );

  async listen(): Promise<void> {
    for (const web of [this.attached, this.handing])
      await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    for (const [i, local] of this.#local.entries())
      await new Promise<void>((resolve) => local.listen(join(this.#folder, String(i)), resolve));
    this.handing.on("upgrade", (request, socket: Duplex, head: Buffer) => {
      const server = this.#routes.get((request.url ?? "").split("?")[0] ?? "") ?? [...this.#routes.values()][0];
      if (server === undefined) socket.destroy();
      else server.wss.handleUpgrade(request, socket, head);
    });
  }

  /** The web server hands requests for this server's path to it. */
  route(server: ScenarioServer): void {
    this.#routes.set(server.options.path ?? "", server);
  }

  isHanding(server: ScenarioServer): boolean {
    return this.#routes.has(server.options.path ?? "");
  }

  portOf(web: Server): number {
    return (web.address() as AddressInfo).port;
  }

  /** The path of the Unix socket of a web server. */
  pathOf(web: Server): string {
    return join(this.#folder, web === this.attached ? "0" : "1");
  }

  /** The number of open sockets. */
  async count(): Promise<number> {
    let sum = 0;
    for (const web of [this.attached, this.handing, ...this.#local])
      sum += await new Promise<number>((resolve) => web.getConnections((_error, count) => resolve(count)));
    return sum;
  }

  async close(): Promise<void> {
    for (const web of [this.attached, this.handing, ...this.#local]) await new Promise((resolve) => web.close(resolve));
    rmSync(this.#folder, { recursive: true });
  }
}
