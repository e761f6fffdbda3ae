import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The methods of a process, by name. */
type Methods<M> = { readonly [Name in keyof M]: (...args: never[]) => unknown };

interface Call {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
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

/** The repository's root, with the loader for TypeScript. */
const root = fileURLToPath(new URL("../../..", import.meta.url));

/** A child process. Its program calls `serve`. */
export class Remote<M extends Methods<M>> {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #complaints = "";

  /** @param program its URL */
  constructor(program: URL) {
    this.#child = fork(fileURLToPath(program), {
      cwd: root,
      // With `gc()`, so that garbage is not measured.
      execArgv: ["--expose-gc", "--import", "tsx"],
      serialization: "advanced",
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#complaints += text));
    this.#child.on("message", (message) => {
      this.#answer(message as Answer);
    });
    this.#exit = once(this.#child, "exit").then(() => {
      for (const { reject } of this.#waiting.values()) reject(this.#gone());
      this.#waiting.clear();
    });
  }

  /** What the process has written to its standard error. */
  get complaints(): string {
    return this.#complaints;
  }

  /** Calls one of its methods. Rejects when the method throws or the process ends. */
  async call<K extends keyof M & string>(name: K, ...args: Parameters<M[K]>): Promise<Awaited<ReturnType<M[K]>>> {
    if (!this.#child.connected) throw this.#gone();
    const id = ++this.#calls;
    const result = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#child.send({ id, name, args } satisfies Call);
    return result as Promise<Awaited<ReturnType<M[K]>>>;
  }

  /** Kills it. The system closes its sockets. */
  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exit;
  }

  #answer({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }

  #gone(): Error {
    return new Error(`the process has ended: ${this.#complaints}`);
  }
}

/** In the child process: answers calls, and ends when the parent ends. */
export function serve<M extends Methods<M>>(methods: M): void {
  const known = methods as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
  const answer = (message: Answer): void => void process.send?.(message);
  process.on("message", (message) => {
    const { id, name, args } = message as Call;
    Promise.resolve()
      .then(() => known[name]?.(...args))
      .then(
        (result) => answer({ id, result }),
        (error: unknown) =>
          answer({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
  });
  process.on("disconnect", () => process.exit());
}
