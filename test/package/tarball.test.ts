import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const bin = (path: string) => join(root, "node_modules", path);
const tsc = bin("typescript/bin/tsc");

/** The first program of a user of the package. */
const HANDLER = `
import { WebSocketServer, type WSMessageEvent, type WebSocketConnection } from "hawser";

class Echo {
  name = "echo";
  onMessage(ws: WebSocketConnection<Echo>, event: WSMessageEvent): void {
    ws.send(event.data);
  }
}

class Server {
  onConnection(): Echo {
    return new Echo();
  }
  onOpen(wss: WebSocketServer): void {
    const address = wss.address();
    console.log(typeof address === "object" && address !== null ? address.port : "no port");
  }
}

new WebSocketServer(new Server(), { port: 0, host: "127.0.0.1" });
`;

const COMPILER_OPTIONS = {
  target: "ES2023",
  module: "NodeNext",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  types: ["node"],
};

/** Compilers and npm take seconds each, and many seconds on a busy machine. */
const SLOW = 180_000;

let folder = "";
let tarball = "";
let packed: string[] = [];

/** Builds and packs a copy, so that neither dist nor a build that runs at the same time is disturbed. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hawser-"));
  const copy = join(folder, "copy");
  await mkdir(copy);
  for (const name of await readdir(root)) {
    if (/^(src|package\.json|tsconfig.*\.json|[A-Z]+(\.md)?)$/.test(name)) {
      await cp(join(root, name), join(copy, name), { recursive: true });
    }
  }
  await symlink(join(root, "node_modules"), join(copy, "node_modules"), "dir");
  await run(process.execPath, [tsc, "-p", "tsconfig.build.json"], { cwd: copy });

  const report = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
    cwd: copy,
  });
  const [result] = JSON.parse(report) as [{ filename: string; files: { path: string }[] }];
  tarball = join(folder, result.filename);
  packed = result.files.map((file) => file.path);
}, SLOW);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("the tarball", () => {
  test("holds the built files, their sources and the documents, and nothing else", () => {
    const strangers = packed.filter((path) => !/^(dist\/.+\.(js|d\.ts|js\.map|d\.ts\.map)|src\/.+\.ts)$/.test(path));
    expect(strangers.filter((path) => path !== "README.md" && path !== "CHANGELOG.md").sort()).toEqual([
      "LICENSE",
      "package.json",
    ]);
    expect(packed).toContain("dist/hawser.js");
    expect(packed).toContain("dist/hawser.d.ts");
  });

  test("has every source that a source map names", async () => {
    const maps = packed.filter((path) => path.endsWith(".map"));
    expect(maps.length).toBeGreaterThan(0);
    for (const map of maps) {
      const { sources } = JSON.parse(await readFile(join(folder, "copy", map), "utf8")) as { sources: string[] };
      for (const source of sources) expect(packed).toContain(posix.join(posix.dirname(map), source));
    }
  });

  test("has no warnings from publint", async () => {
    const file = await readFile(tarball);
    const archive = new Uint8Array(file).buffer;
    const { messages, pkg } = await publint({ pack: { tarball: archive }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test(
    "gives its types to every kind of import that an ES module package serves",
    async () => {
      const attw = bin("@arethetypeswrong/cli/dist/index.js");
      // It exits with an error when it finds a problem.
      const report = await run(process.execPath, [attw, "--profile", "esm-only", "--no-emoji", tarball]);
      expect(report).toContain("OK (ESM)");
    },
    SLOW,
  );
});

describe("an empty project that installs the tarball", () => {
  let project = "";
  let server: ChildProcess | undefined;

  beforeAll(async () => {
    project = join(folder, "project");
    await mkdir(project);
    await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", tarball], {
      cwd: project,
    });
    await mkdir(join(project, "node_modules/@types"));
    await symlink(bin("@types/node"), join(project, "node_modules/@types/node"), "dir");
    await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
    await writeFile(join(project, "echo.ts"), HANDLER);
  }, SLOW);

  afterAll(async () => {
    if (server?.exitCode !== null || server.signalCode !== null) return;
    server.kill("SIGKILL");
    await once(server, "exit");
  });

  test(
    "compiles the programs of the pages as they stand there, and the first one answers",
    async () => {
      expect(programs.map(([name]) => name)).toEqual(["server.ts", "auth.ts", "attach.ts", "jobs.ts", "chat.ts"]);
      for (const [name, code] of programs) await writeFile(join(project, name), code);
      // A free port, and its number on the first line: the rest is README's.
      const first = new Map(programs).get("server.ts")!.replace("port: 8080", "port: 0");
      await writeFile(join(project, "first.ts"), `${first}\nconsole.log((wss.address() as { port: number }).port);\n`);
      await run(process.execPath, [tsc, "-p", "."], { cwd: project });

      server = spawn(process.execPath, ["first.js"], { cwd: project, stdio: ["ignore", "pipe", "inherit"] });
      const client = new WebSocket(`ws://127.0.0.1:${await firstLine(server)}/?name=ann`, {
        origin: "http://localhost:3000",
      });
      await once(client, "open");
      client.send('"hello"');
      const [data] = (await once(client, "message")) as [Buffer];
      client.terminate();
      server.kill("SIGKILL");
      await once(server, "exit");
      expect(JSON.parse(data.toString())).toEqual({ from: "ann", text: "hello" });
    },
    SLOW,
  );

  test("gets the package and no dependency", async () => {
    const installed = (await readdir(join(project, "node_modules"))).filter((name) => !name.startsWith("."));
    expect(installed.sort()).toEqual(["@types", "hawser"]);
  });

  test(
    "compiles a strict handler and echoes a message",
    async () => {
      await run(process.execPath, [tsc, "-p", "."], { cwd: project });

      server = spawn(process.execPath, ["echo.js"], { cwd: project, stdio: ["ignore", "pipe", "inherit"] });
      const port = await firstLine(server);
      const client = new WebSocket(`ws://127.0.0.1:${port}`);
      await once(client, "open");
      client.send("Héllo");
      const [data] = (await once(client, "message")) as [Buffer];
      client.terminate();
      expect(data.toString()).toBe("Héllo");
    },
    SLOW,
  );
});

/** The programs of the pages for users: blocks of TypeScript that begin with the name of their file. */
const programs = ["README.md", "docs/from-ws.md"].flatMap((page) =>
  [...readFileSync(page, "utf8").matchAll(/```ts\n(\/\/ (\w+\.ts)\n.*?)```/gs)].map(
    ([, code = "", name = ""]) => [name, code] as const,
  ),
);

/** Runs a program and returns its output. The output of a failed program is in the error. */
async function run(program: string, args: readonly string[], options: { readonly cwd?: string } = {}): Promise<string> {
  try {
    return (await execute(program, args, options)).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    throw new Error(`${[program, ...args].join(" ")} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("The child's output is not piped.");
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error("The child ended without a line.");
}
