import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What a process can be asked: functions of one argument or none, by name. What they take and return goes as JSON. */
export type Methods<M> = { readonly [N in keyof M]: (argument: never) => unknown };

interface Question {
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

/** A script of this folder in a process of its own, which is asked with `call` and ends with `stop`, or with its parent. */
export class Child<M extends Methods<M>> {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #questions = 0;

  /**
   * Starts the process.
   *
   * @param script - its path from this folder
   * @param flags - for Node
   */
  constructor(script: string, flags: readonly string[] = []) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.#process = fork(path, { cwd: root, execArgv: [...flags, "--import", "tsx"] });
    this.#process.on("message", (answer: Answer) => this.#hear(answer));
    this.#process.on("error", (error) => this.#abandon(error));
    this.#process.on("exit", (code, signal) => {
      this.#abandon(new Error(`${script} ended with ${String(code ?? signal)}`));
    });
  }

  /** The process id. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Asks, and waits for the answer; rejected with what the method threw. */
  call<N extends keyof M & string>(method: N, ...[argument]: Parameters<M[N]>): Promise<Awaited<ReturnType<M[N]>>> {
    const question: Question = { id: this.#questions++, method, argument };
    const result = new Promise((resolve, reject) => {
      this.#waiting.set(question.id, { resolve, reject });
      this.#process.send(question, (error) => {
        if (error) this.#abandon(error);
      });
    });
    return result as Promise<Awaited<ReturnType<M[N]>>>;
  }

  /** Ends the process, and waits until it has. */
  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exit;
  }

  #hear({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }

  #abandon(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Answers the parent with these methods, until the parent is gone. */
export function answerParent<M extends Methods<M>>(methods: M): void {
  process.on("message", (question: Question) => {
    answer(methods, question).then(
      (message) => process.send?.(message),
      (error: unknown) => process.send?.({ id: question.id, error: String(error) }),
    );
  });
  process.on("disconnect", () => process.exit());
}

async function answer(methods: object, { id, method, argument }: Question): Promise<Answer> {
  const asked = (methods as Partial<Record<string, (argument: unknown) => unknown>>)[method];
  if (asked === undefined) throw new TypeError(`there is no ${method}`);
  return { id, result: await asked(argument) };
}
