import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type Client, Refused } from "./client.ts";
import { RemotePeer } from "./remote-peer.ts";

/** A child's answer to the command to open a connection. */
interface Opened {
  readonly protocol?: string;
  /** The HTTP status, or null where the client's program does not see it. */
  readonly refused?: number | null;
}

/** A client in a child process. The process is started when it is needed, and gets commands as lines of JSON. */
export class ChildClient implements Client {
  readonly #command: string;
  readonly #args: readonly string[];
  #child: Child | undefined;
  #peers = 0;

  constructor(command: string, args: readonly string[]) {
    this.#command = command;
    this.#args = args;
  }

  async open(url: string, protocols: readonly string[] = []): Promise<RemotePeer> {
    if (this.#child?.gone !== false) this.#child = new Child(this.#command, this.#args);
    const child = this.#child;
    const peer = ++this.#peers;
    const { protocol, refused } = (await child.call(peer, "open", [url, protocols])) as Opened;
    if (protocol === undefined) throw new Refused(refused ?? undefined);
    return new RemotePeer(protocol, (method, ...args) => child.call(peer, method, args), {
      lose: () => child.end(),
      pause: async () => child.signal("SIGSTOP"),
      resume: async () => child.signal("SIGCONT"),
      dispose: async () => {
        if (child.gone) return;
        child.signal("SIGCONT");
        await child.call(peer, "dispose", []);
      },
    });
  }

  async end(): Promise<void> {
    await this.#child?.end();
  }
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A running process: a line in is a command, a line out is the answer to one. */
class Child {
  readonly #process: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #complaints = "";

  constructor(command: string, args: readonly string[]) {
    this.#process = spawn(command, args);
    this.#process.stdin!.on("error", () => {}); // it has ended; its exit event reports that
    this.#process.stderr!.setEncoding("utf8").on("data", (text: string) => (this.#complaints += text));
    createInterface(this.#process.stdout!).on("line", (line) => this.#answer(line));
    this.#exit = once(this.#process, "close").then(() => this.#abandon());
  }

  /** Whether the process has ended. */
  get gone(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  call(peer: number, method: string, args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#calls;
    const result = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#process.stdin!.write(`${JSON.stringify({ id, peer, method, args })}\n`);
    return result;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Kills it. Its state is lost. */
  async end(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#exit;
  }

  #answer(line: string): void {
    const { id, result, error } = JSON.parse(line) as { id: number; result?: unknown; error?: string };
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }

  #abandon(): void {
    for (const { reject } of this.#waiting.values())
      reject(new Error(`the client's process ended: ${this.#complaints}`));
  }
}
