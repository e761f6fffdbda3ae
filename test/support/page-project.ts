import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll } from "vitest";
import { accepts, freePort } from "./ports.ts";
import { installed, packedTarball, run, tsc } from "./packed-package.ts";

/** The `tsconfig.json` that README asks for, and what strict users add to it. */
const COMPILER_OPTIONS = {
  target: "ES2023",
  module: "nodenext",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  skipLibCheck: true,
  types: ["node"],
};

/** Compilers and npm take seconds each, and many seconds on a busy machine. */
export const SLOW = 180_000;

/** The programs of a page: the blocks that begin with the name of their file, `// name.ts` or `<!-- name.html -->`. */
export function programsOf(page: string): ReadonlyMap<string, string> {
  const blocks = readFileSync(page, "utf8").matchAll(
    /```\w+\n((?:\/\/|#|<!--) ([\w.-]+\.(?:ts|js|html|json))(?: -->)?\n.*?)```/gs,
  );
  return new Map([...blocks].map(([, code = "", name = ""]) => [name, code]));
}

/** A program of a page that runs. */
export interface RunningProgram {
  /** Its port. */
  readonly port: number;
  /** What it has printed so far, errors included. */
  output(): string;
  /** Its exit code; null: a signal has ended it. */
  readonly ended: Promise<number | null>;
  /** Sends it a signal. */
  kill(signal: NodeJS.Signals): void;
  /** Sends SIGTERM, and waits until it has ended. Returns its exit code; null: it had to be killed. */
  stop(): Promise<number | null>;
}

/** An empty folder with the packed package and the programs of a page, compiled as they stand there. */
export class PageProject {
  readonly folder: string;
  readonly #running = new Set<ChildProcess>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Starts a compiled program with a free port in the variable PORT, and waits until it listens there.
   *
   * @param file such as `server.js`
   * @param env more variables, also another PORT
   */
  async start(file: string, env: NodeJS.ProcessEnv = {}): Promise<RunningProgram> {
    const program = await this.begin(file, env);
    const state = { hasEnded: false };
    void program.ended.then(() => (state.hasEnded = true));
    while (!(await accepts(program.port))) {
      if (state.hasEnded) throw new Error(`${file} has ended:\n${program.output()}`);
      await delay(20);
    }
    return program;
  }

  /** The same, but does not wait until it listens. */
  async begin(file: string, env: NodeJS.ProcessEnv = {}): Promise<RunningProgram> {
    const port = env["PORT"] === undefined ? await freePort() : Number(env["PORT"]);
    const child = spawn(process.execPath, [file], {
      cwd: this.folder,
      env: { ...process.env, PORT: String(port), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#running.add(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    const ended = once(child, "close").then(([code]) => code as number | null);
    return {
      port,
      output: () => output,
      ended,
      kill: (signal) => child.kill(signal),
      stop: async () => {
        child.kill();
        const killer = setTimeout(() => child.kill("SIGKILL"), 30_000);
        await ended;
        clearTimeout(killer);
        return child.exitCode;
      },
    };
  }

  /** Ends the programs, and removes the folder. */
  async remove(): Promise<void> {
    for (const child of this.#running) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

/**
 * Makes a project of a page's programs before the tests of a file, and removes it after them.
 *
 * @param page its path from the root of the repository
 * @param modules the packages that its programs import besides, such as `express`, and their types
 * @returns a function that gives the project inside a test
 */
export function usePage(page: string, modules: readonly string[] = []): () => PageProject {
  let project: PageProject | undefined;
  beforeAll(async () => {
    project = await createProject(page, modules);
  }, SLOW);
  afterAll(() => project?.remove());
  return () => {
    if (project === undefined) throw new Error("The project is made before the tests.");
    return project;
  };
}

/**
 * Makes a folder of a project that has the packed package and nothing else. Returns its path. It is unpacked as npm does it, which takes npm
 * itself seconds: test/package/tarball.test.ts installs it by npm.
 */
export async function emptyProject(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "hawser-page-"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const installedAt = join(folder, "node_modules", "hawser");
  await mkdir(installedAt, { recursive: true });
  await run("tar", ["-xzf", await packedTarball(), "--strip-components=1", "-C", installedAt], { cwd: folder });
  return folder;
}

async function createProject(page: string, modules: readonly string[]): Promise<PageProject> {
  const folder = await emptyProject();
  for (const name of ["@types/node", ...modules]) {
    await mkdir(dirname(join(folder, "node_modules", name)), { recursive: true });
    await symlink(installed(name), join(folder, "node_modules", name), "dir");
  }
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
  for (const [name, code] of programsOf(page)) await writeFile(join(folder, name), code);
  await run(process.execPath, [tsc, "-p", "."], { cwd: folder });
  return new PageProject(folder);
}
