import { isOwnReason } from "./close-reasons.ts";
import type {
  MessageCounters,
  SendOptions,
  WSErrorEvent,
  WSMessageEvent,
  WSTerminateEvent,
  WebSocketConnection,
} from "hawser";
import type { Random } from "../../../fuzz/engine/random.ts";
import { randomSize } from "./options.ts";
import type { Given } from "./outbox.ts";
import { messageOf } from "./server-message.ts";
import type { ScenarioServer } from "./scenario-server.ts";
import { sleeps } from "./traits.ts";
import { excerpt, readTag, tagged } from "./tagged.ts";

/** How a handler of a connection behaves. */
interface Mood {
  /** One callback of this many returns a promise. */
  readonly asyncIn: number;
  /** One callback of this many throws or rejects. */
  readonly throwsIn: number;
  /** The number of the callback whose promise never settles. */
  readonly stuckAt: number;
  /** The most answers to a message. */
  readonly talks: number;
  /** Whether it once sends far more than fits into a socket. */
  readonly floods: boolean;
}

/** The handler of one connection of a scenario: it checks what it gets, and answers at random. */
export class Member {
  readonly name: string;
  readonly server: ScenarioServer;
  readonly calls: string[] = [];
  /** All that the connection was given to send while it was open. */
  readonly given: Given[] = [];
  /** The number of messages it was given, by its own count. */
  accepted = 0;
  /** The number of messages that it has received. */
  received = 0;
  ws: WebSocketConnection | undefined;
  end: WSTerminateEvent | undefined;
  /** What `onError` was called with. */
  error: unknown;
  /** It has called `terminate`. */
  hasTerminated = false;
  /** A callback's promise never settles. */
  isStuck = false;
  /** The number of calls when `send` last asked to wait. */
  waitsSince: number | undefined;
  readonly #random: Random;
  readonly #mood: Mood;
  #running: string | undefined;
  #seq = 0;
  /** Increases with each `send` that begins: tells nested calls. */
  #sends = 0;

  constructor(name: string, server: ScenarioServer, random: Random) {
    this.name = name;
    this.server = server;
    this.#random = random;
    this.#mood = {
      asyncIn: random.pick([1, 2, 5, Infinity]),
      throwsIn: random.oneIn(8) ? 20 : Infinity,
      stuckAt: random.oneIn(12) ? random.below(20) : Infinity,
      talks: random.pick([0, 1, 1, 3]),
      floods: random.oneIn(12),
    };
  }

  onOpen(ws: WebSocketConnection): unknown {
    this.ws = ws;
    if (ws.status !== "Connected") this.#fault(`onOpen with the status ${ws.status}`);
    return this.#call("open", () => {
      if (sleeps(this.name)) void this.#chatter();
      if (this.#mood.floods) for (let i = 0; i < 150; i++) this.say(60_000);
    });
  }

  onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<unknown>): unknown {
    const text = this.#textOf(data);
    const tag = readTag(text);
    if (tag === undefined) this.#fault(`received a message that nobody sent: ${excerpt(text)}`);
    else if (tag.from !== this.name) this.#fault(`received a message of ${tag.from}`);
    else if (tag.seq !== this.received) this.#fault(`received message ${tag.seq} instead of ${this.received}`);
    this.received++;
    return this.#call("message", () => this.#react());
  }

  onDrain(): unknown {
    this.waitsSince = undefined;
    return this.#call("drain", () => {
      if (this.#random.oneIn(3)) this.say();
    });
  }

  onError(_ws: WebSocketConnection, { errors: [{ cause }] }: WSErrorEvent): unknown {
    this.server.world.reported(cause);
    this.error = cause;
    return this.#call("error", () => {
      this.say();
    });
  }

  onTerminate(ws: WebSocketConnection, event: WSTerminateEvent): unknown {
    this.end = event;
    this.server.world.count(`closed ${event.code}`);
    const { code, reason } = event;
    if (ws.status !== "Closed") this.#fault(`onTerminate with the status ${ws.status}`);
    if (ws.wss.connections.get(ws.id) !== undefined) this.#fault("onTerminate while it is in wss.connections");
    if (code !== 1006 && reason !== undefined && !isOwnReason(reason, this.name))
      this.#fault(`onTerminate with the reason of another connection: ${reason}`);
    return this.#call("terminate", () => {});
  }

  /** Sends a message. */
  say(size = randomSize(this.#random, 200_000)): boolean {
    const { ws } = this;
    if (ws === undefined) return false;
    const text = tagged({ from: `s-${this.name}`, seq: this.#seq++ }, { size, wide: this.#random.oneIn(6) });
    const { message, afterwards } = messageOf(text, this.#random);
    const key = this.#random.oneIn(2) ? undefined : this.#random.pick(["x", "y", "z"]);
    const options: SendOptions | undefined = key === undefined ? undefined : { key };
    let result = false;
    this.giving(text, key, () => {
      result = ws.send(message, options);
      return result;
    });
    afterwards();
    return result;
  }

  /** Notes a message before it is given to the connection, and checks the counters after that. */
  giving(text: string, key: string | undefined, send: () => boolean | undefined): void {
    const { begin, finish } = this.noteGiven(text, key);
    begin();
    finish(send());
  }

  /** The same in two steps, for a broadcast: before it and after it, with the result of `send` if that is known. */
  noteGiven(text: string, key: string | undefined): { begin: () => void; finish: (result?: boolean) => boolean } {
    const { ws } = this;
    const entry: Given = { text, key, lost: undefined };
    let before: MessageCounters | undefined;
    let mark = 0;
    let wasOpen = false;
    const begin = (): void => {
      wasOpen = ws?.status === "Connected";
      before = ws?.counters;
      mark = ++this.#sends;
      if (!wasOpen) return;
      this.given.push(entry);
      this.accepted++;
    };
    const finish = (result?: boolean): boolean => {
      const after = ws?.counters;
      if (before === undefined || after === undefined) return false;
      this.#checkCounters(after);
      if (!wasOpen) {
        if (result === true) this.#fault("send returned true on a closing connection");
        return false;
      }
      if (result === false) this.waitsSince ??= this.calls.length;
      // A stream may push synchronously while it is written to: then other calls were nested in this one.
      if (mark !== this.#sends) return false;
      entry.lost = after.dropped > before.dropped;
      if (result === true && entry.lost && this.#isExact)
        this.#fault("send returned true for a message that it dropped");
      return !entry.lost;
    };
    return { begin, finish };
  }

  /** Sends short messages in many turns: some 300 KB. Its peer sleeps. */
  async #chatter(): Promise<void> {
    for (let turns = 0; turns < 15; turns++) {
      for (let i = 0; i < 10; i++) this.say(2000);
      await new Promise((resolve) => setImmediate(resolve));
      if (this.ws?.status !== "Connected") return;
    }
  }

  /** Closes the connection. */
  terminate(): void {
    this.hasTerminated = true;
    if (this.#random.oneIn(2)) this.ws?.terminate(4000, `bye ${this.name}`);
    else this.ws?.terminate();
  }

  /** Asks for promises. */
  ask(): void {
    const { ws } = this;
    const { world } = this.server;
    if (this.#random.oneIn(2)) world.promise(ws?.drained() ?? Promise.resolve(), `${this.name}: drained`, this);
    else world.promise(ws?.ping() ?? Promise.resolve(), `${this.name}: ping`, this);
  }

  /** `accepted` is always the sum of the others, and what this handler has counted. */
  #checkCounters({ accepted, written, dropped, pending }: MessageCounters): void {
    if (accepted !== written + dropped + pending)
      this.#fault(`counters: ${accepted} accepted, ${written} written, ${dropped} dropped, ${pending} pending`);
    if (accepted !== this.accepted) this.#fault(`counters: ${accepted} accepted, but it was given ${this.accepted}`);
    if (pending < 0 || dropped < 0) this.#fault("counters: below 0");
  }

  get #isExact(): boolean {
    const { sendQueuePolicy } = this.server.options;
    return sendQueuePolicy === "terminate" || sendQueuePolicy === "drop-newest";
  }

  #react(): unknown {
    const random = this.#random;
    let ready = true;
    for (let left = random.below(this.#mood.talks + 1); left > 0; left--) ready = this.say();
    if (random.oneIn(15)) this.ask();
    if (random.oneIn(400)) this.terminate();
    if (!ready && random.oneIn(2)) {
      const drained = this.ws?.drained() ?? Promise.resolve(false);
      this.server.world.promise(drained, `${this.name}: drained in onMessage`, this);
      return drained;
    }
    return undefined;
  }

  /** Runs one callback, and checks that it is the only one. */
  #call(name: string, body: () => unknown): unknown {
    const { world } = this.server;
    // At the deadline of `wss.terminate`, `onError` and `onTerminate` do not wait for a busy callback.
    if (this.#running !== undefined && !(name !== "message" && this.server.isTerminating))
      this.#fault(`${name} was called during ${this.#running}`);
    if (this.end !== undefined && name !== "terminate") this.#fault(`${name} was called after terminate`);
    const at = this.calls.push(name);
    this.#running = name;
    const random = this.#random;
    const isAsync = random.oneIn(this.#mood.asyncIn);
    const throws = random.oneIn(this.#mood.throwsIn);
    let waits: unknown;
    try {
      waits = body();
      if (throws && !isAsync) throw world.boom(`${this.name} ${name}`);
    } catch (error) {
      this.#running = undefined;
      throw error;
    }
    if (!isAsync && waits === undefined) {
      this.#running = undefined;
      return undefined;
    }
    if (at > this.#mood.stuckAt) {
      this.isStuck = true;
      return new Promise(() => {});
    }
    return this.#later(name, waits, throws);
  }

  async #later(name: string, waits: unknown, throws: boolean): Promise<void> {
    await waits;
    const random = this.#random;
    if (random.oneIn(3)) await new Promise((resolve) => setTimeout(resolve, random.below(8)));
    else if (random.oneIn(2)) await new Promise((resolve) => setImmediate(resolve));
    this.#running = undefined;
    if (throws) throw this.server.world.boom(`${this.name} ${name}, async`);
  }

  /** The text of `event.data`, whose type the option `dataType` says. */
  #textOf(data: unknown): string {
    const { dataType } = this.server.options;
    if (dataType === "object") return String((data as { readonly m?: unknown }).m);
    if (typeof data === "string") {
      if (dataType === "blob") this.#fault("received a string");
      return data;
    }
    if (dataType === "text" || !Buffer.isBuffer(data)) {
      this.#fault(`received a ${typeof data} under ${dataType}`);
      return "";
    }
    this.server.world.keep(data, `${this.name}: a received message`);
    return data.toString();
  }

  #fault(text: string): void {
    this.server.world.fault(`${this.name} (${this.server.options.sendQueuePolicy}): ${text}`);
  }
}
