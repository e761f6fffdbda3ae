import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The methods of a process: functions with at most one argument. Arguments and results are sent as JSON. */
export type Methods<M> = { readonly [N in keyof M]: (argument: never) => unknown };

interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A script of this folder in another process. `call` calls one of its methods. It ends with `stop`, or when its parent ends. */
export class Child<M extends Methods<M>> {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  /**
   * Starts the process.
   *
   * @param script - its path, relative to this folder
   * @param flags - command-line flags for Node
   * @param runner - a command that runs Node, with its arguments: for example `ip netns exec NAME`
   */
  constructor(script: string, flags: readonly string[] = [], runner: readonly string[] = []) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const [execPath, ...before] = [...runner, process.execPath];
    this.#process = fork(path, { cwd: root, execPath, execArgv: [...before, ...flags, "--import", "tsx"] });
    this.#process.on("message", (answer: Answer) => this.#onAnswer(answer));
    this.#process.on("error", (error) => this.#rejectAll(error));
    this.#process.on("exit", (code, signal) => {
      this.#rejectAll(new Error(`${script} ended with ${String(code ?? signal)}`));
    });
  }

  /** The process id. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Calls a method and waits for its result. Rejects if the method threw. */
  call<N extends keyof M & string>(method: N, ...[argument]: Parameters<M[N]>): Promise<Awaited<ReturnType<M[N]>>> {
    const call: Call = { id: this.#calls++, method, argument };
    const result = new Promise((resolve, reject) => {
      this.#waiting.set(call.id, { resolve, reject });
      this.#process.send(call, (error) => {
        if (error) this.#rejectAll(error);
      });
    });
    return result as Promise<Awaited<ReturnType<M[N]>>>;
  }

  /** Sends a signal: for example SIGSTOP. */
  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Ends the process, and waits for its end. */
  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exit;
  }

  #onAnswer({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Runs these methods for the parent process, until that ends. */
export function answerParent<M extends Methods<M>>(methods: M): void {
  process.on("message", (call: Call) => {
    answer(methods, call).then(
      (message) => process.send?.(message),
      (error: unknown) => process.send?.({ id: call.id, error: String(error) }),
    );
  });
  process.on("disconnect", () => process.exit());
}

async function answer(methods: object, { id, method, argument }: Call): Promise<Answer> {
  const called = (methods as Partial<Record<string, (argument: unknown) => unknown>>)[method];
  if (called === undefined) throw new TypeError(`there is no method ${method}`);
  return { id, result: await called(argument) };
}
