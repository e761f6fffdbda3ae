import { HawserError } from "../errors/errors.ts";
import type { Argument, RedisConnection } from "./connection.ts";
import { type LostCode, NO_SCRIPT, answerCode, failureOf } from "./failures.ts";
import { PendingCalls } from "./pending-calls.ts";
import { type Script, scripts } from "./scripts.ts";

/** The most bytes of commands without an answer. Above it what is published is dropped, or rejected with HWS_BACKPLANE_FULL. */
const MAX_BACKLOG = 16 * 1024 * 1024;

/** How often the scripts are loaded for one call: somebody may empty the server's cache again. */
const MAX_LOADS = 3;

/** Bytes of all commands of a node without an answer. */
export interface Backlog {
  /** How many there are. */
  bytes: number;
}

/** A call of a script. */
export interface ScriptCall {
  /** What it calls. */
  readonly script: Script;
  /** The keys. All are of one partition. */
  readonly keys: readonly string[];
  /** The arguments. */
  readonly args: readonly Argument[];
  /** The calls of one topic keep their order. Undefined: the order does not matter. */
  readonly topic?: string | undefined;
  /** What it rejects with if no answer comes. Default: HWS_BACKPLANE_AWAY. */
  readonly lost?: LostCode | undefined;
}

/** A call, and what settles it. */
interface Running {
  readonly call: ScriptCall;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  loads: number;
  /** A later call of the same topic was done first. */
  isOvertaken: boolean;
}

/** A connection for commands. Commands are done in the order of the calls. */
export class CommandConnection {
  readonly #connection: RedisConnection;
  readonly #backlog: Backlog;
  readonly #onBroken: (reason: unknown) => void;
  readonly #pending = new PendingCalls();
  #running = 0;
  /** Calls that the server did not know the script of: those after them wait until it knows. */
  #again: Running[] = [];
  #waiting: Running[] = [];
  #isLoading = false;

  /** @param onBroken is called when the connection is of no use any more */
  constructor(connection: RedisConnection, backlog: Backlog, onBroken: (reason: unknown) => void) {
    this.#connection = connection;
    this.#backlog = backlog;
    this.#onBroken = onBroken;
  }

  /** Settles when it can be used: it is connected, and the server has the scripts. */
  async open(): Promise<void> {
    await this.#pending.run("HWS_BACKPLANE_AWAY", () => this.#connection.ready);
    await this.#load();
  }

  /** Whether as much waits for answers as may. */
  get isFull(): boolean {
    return this.#backlog.bytes >= MAX_BACKLOG;
  }

  /** Sends a command. */
  async command(args: readonly Argument[]): Promise<unknown> {
    const bytes = sizeOf(args);
    this.#backlog.bytes += bytes;
    try {
      return await this.#pending.run("HWS_BACKPLANE_AWAY", () => this.#connection.send(args));
    } catch (cause) {
      throw this.#failed(cause, "HWS_BACKPLANE_AWAY");
    } finally {
      this.#backlog.bytes -= bytes;
    }
  }

  /** Calls a script. */
  script(call: ScriptCall): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const running = { call, resolve, reject, loads: 0, isOvertaken: false };
      if (this.#again.length > 0 || this.#isLoading) this.#waiting.push(running);
      else this.#start(running);
    });
  }

  /** About a second has passed. Returns whether a call has waited too long. */
  tick(): boolean {
    return this.#pending.tick();
  }

  /** Settles when there is no call without an answer. */
  idle(): Promise<void> {
    return this.#pending.idle();
  }

  /** Ends the connection. */
  end(): void {
    this.#pending.end();
    this.#giveUp(new HawserError("HWS_BACKPLANE_AWAY"));
    this.#connection.destroy();
  }

  #start(running: Running): void {
    const { script, keys, args, lost = "HWS_BACKPLANE_AWAY" } = running.call;
    const all = ["evalsha", script.sha, String(keys.length), ...keys, ...args];
    const bytes = sizeOf(all);
    this.#backlog.bytes += bytes;
    this.#running++;
    const done = (): void => {
      this.#backlog.bytes -= bytes;
      this.#running--;
    };
    this.#pending.start(lost, () => this.#connection.send(all), {
      onAnswer: (answer) => {
        done();
        this.#onAnswer(running, answer);
      },
      onError: (cause) => {
        done();
        this.#onError(running, cause, lost);
      },
    });
  }

  #onAnswer(running: Running, answer: unknown): void {
    const { topic } = running.call;
    if (topic !== undefined) for (const other of this.#again) other.isOvertaken ||= other.call.topic === topic;
    running.resolve(answer);
    this.#loadIfIdle();
  }

  #onError(running: Running, cause: unknown, lost: LostCode): void {
    if (answerCode(cause) === NO_SCRIPT && running.loads++ < MAX_LOADS) this.#again.push(running);
    else running.reject(this.#failed(cause, lost));
    this.#loadIfIdle();
  }

  /** The answers to all calls have come: those that were not done can be sent again, and the later ones after them. */
  #loadIfIdle(): void {
    if (this.#again.length === 0 || this.#running > 0 || this.#isLoading) return;
    this.#isLoading = true;
    this.#load().then(
      () => this.#resume(),
      (cause: unknown) => this.#giveUp(this.#failed(cause, "HWS_BACKPLANE_AWAY")),
    );
  }

  #resume(): void {
    const all = [...this.#again, ...this.#waiting];
    this.#again = [];
    this.#waiting = [];
    this.#isLoading = false;
    for (const running of all) {
      // Another node has given the server the script meanwhile. It is too late: it would be stored after a later one.
      if (running.isOvertaken)
        running.reject(new HawserError("HWS_BACKPLANE_FAILED", "the server had lost its scripts"));
      else this.#start(running);
    }
  }

  /** What has not been done will not be done. */
  #giveUp(error: HawserError): void {
    const all = [...this.#again, ...this.#waiting];
    this.#again = [];
    this.#waiting = [];
    this.#isLoading = false;
    for (const { reject } of all) reject(error);
  }

  async #load(): Promise<void> {
    const load = ({ source }: Script): Promise<unknown> =>
      this.#pending.run("HWS_BACKPLANE_AWAY", () => this.#connection.send(["script", "load", source]));
    await Promise.all(Object.values(scripts).map(load));
  }

  #failed(cause: unknown, lost: LostCode): HawserError {
    const { error, isBroken } = failureOf(cause, lost);
    if (isBroken) this.#onBroken(cause);
    return error;
  }
}

function sizeOf(args: readonly Argument[]): number {
  let size = 0;
  for (const { length } of args) size += length;
  return size;
}
