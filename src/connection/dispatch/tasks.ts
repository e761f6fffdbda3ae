import { InvalidArgumentError } from "../../errors/errors.ts";
import { Deadline } from "../../util/deadline.ts";
import { isThenable } from "../../util/thenable.ts";

/**
 * What `ws.waitUntil` takes: work that runs beside the callbacks, or a function that begins it.
 *
 * @inline
 */
export type Task = PromiseLike<unknown> | ((signal: AbortSignal) => PromiseLike<unknown>);

/** Calls the function of a task. What it throws, or returns instead of a promise, is the failure of the task. */
export async function begin(task: Exclude<Task, PromiseLike<unknown>>, signal: AbortSignal): Promise<unknown> {
  const begun: unknown = task(signal);
  if (isThenable(begun)) return begun;
  throw new InvalidArgumentError(`waitUntil: task: expected the function to return a promise, got ${typeof begun}`);
}

/** The tasks of the connections that have some. A field would take 8 bytes for each connection. */
const tasksByOwner = new WeakMap<object, Tasks>();

/** The tasks of one connection that have not settled. They block no callback except `onTerminate`. */
export class Tasks {
  #unfinished = 0;
  #onOver: (() => void) | undefined;
  #deadline: Deadline | undefined;

  /** The tasks of a connection; undefined: none is unfinished. */
  static unfinishedOf(owner: object): Tasks | undefined {
    return tasksByOwner.get(owner);
  }

  /** Adds a task to a connection. `onFailed` gets its rejection. */
  static add(owner: object, task: PromiseLike<unknown>, onFailed: (error: unknown) => void): void {
    let tasks = tasksByOwner.get(owner);
    if (tasks === undefined) tasksByOwner.set(owner, (tasks = new Tasks()));
    tasks.#add(owner, task, onFailed);
  }

  /** How many there are. */
  get unfinished(): number {
    return this.#unfinished;
  }

  /** Calls `onOver` when all have settled, or after `ms` milliseconds. */
  wait(ms: number, onOver: () => void): void {
    this.#onOver = onOver;
    this.#deadline = new Deadline(ms, () => this.stopWaiting());
  }

  /** Waits no longer. */
  stopWaiting(): void {
    this.#deadline?.stop();
    const onOver = this.#onOver;
    this.#onOver = undefined;
    onOver?.();
  }

  #add(owner: object, task: PromiseLike<unknown>, onFailed: (error: unknown) => void): void {
    this.#unfinished++;
    // Even a native promise may have its own `then`, which throws: here it rejects.
    const settled = new Promise((resolve) => {
      resolve(task);
    });
    void settled.then(undefined, onFailed).finally(() => {
      if (--this.#unfinished > 0) return;
      tasksByOwner.delete(owner);
      this.stopWaiting();
    });
  }
}
