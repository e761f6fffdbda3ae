import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { createInterface } from "node:readline";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { installed, pack, run, tsc } from "../support/packed-package.ts";
import { SLOW, programsOf } from "../support/page-project.ts";

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

/** The first program of a user of the client. */
const CLIENT = `
import { WebSocket } from "hawser/client";

const ws = new WebSocket(process.argv[2] ?? "", {
  onOpen: (ws) => void ws.send("hello"),
  onMessage(ws, { data }) {
    console.log("got", data);
    ws.terminate();
  },
  onTerminate: (_ws, { code }) => console.log("closed", code),
});
await ws.closed;
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

let folder = "";
let tarball = "";
let packed: readonly string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hawser-"));
  ({ tarball, files: packed } = await pack(folder));
}, SLOW);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("the tarball", () => {
  test("holds the built files, their sources, the pages and the examples, and nothing else", () => {
    const strangers = packed.filter(
      (path) =>
        !/^(dist\/.+\.(js|d\.ts|js\.map|d\.ts\.map)|src\/.+\.ts|docs\/.+\.md|examples\/.+|bench\/results\/[\w-]+\.(md|svg)|[A-Z]+\.md)$/.test(
          path,
        ),
    );
    expect([...strangers].sort()).toEqual(["LICENSE", "package.json"]);
    expect(packed).toContain("dist/hawser.js");
    expect(packed).toContain("dist/hawser.d.ts");
    for (const file of [
      "client.js",
      "client.d.ts",
      "client-browser.d.ts",
      "browser/client.js",
      "client-topics.js",
      "browser/topics.js",
    ])
      expect(packed).toContain(`dist/${file}`);
  });

  test("holds every page that README links to", () => {
    const links = [...readFileSync("README.md", "utf8").matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(
      ([, path]) => path,
    );
    expect(links.length).toBeGreaterThan(10);
    for (const path of links) expect(packed).toContain(path);
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
      const attw = installed("@arethetypeswrong/cli/dist/index.js");
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
    await symlink(installed("@types/node"), join(project, "node_modules/@types/node"), "dir");
    await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
    await writeFile(join(project, "echo.ts"), HANDLER);
  }, SLOW);

  afterAll(async () => {
    if (server?.exitCode !== null || server.signalCode !== null) return;
    server.kill("SIGKILL");
    await once(server, "exit");
  });

  test(
    "compiles the programs of README as they stand there, and the first one answers",
    async () => {
      expect([...programs.keys()]).toEqual(["server.ts", "auth.ts", "attach.ts", "jobs.ts"]);
      for (const [name, code] of programs) await writeFile(join(project, name), code);
      // A free port, and its number on the first line: the rest is README's.
      const first = programs.get("server.ts")!.replace("port: 8080", "port: 0");
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
    "connects the package's client, and gives browsers a build that imports nothing",
    async () => {
      await writeFile(join(project, "client.ts"), CLIENT);
      await run(process.execPath, [tsc, "-p", "."], { cwd: project });
      server = spawn(process.execPath, ["echo.js"], { cwd: project, stdio: ["ignore", "pipe", "inherit"] });
      const port = await firstLine(server);
      const output = await run(process.execPath, ["client.js", `ws://127.0.0.1:${port}`], { cwd: project });
      server.kill("SIGKILL");
      await once(server, "exit");
      expect(output).toBe("got hello\nclosed 1000\n");
      const resolve =
        "console.log(import.meta.resolve('hawser/client'), import.meta.resolve('hawser/browser/client.js'))";
      const paths = await run(process.execPath, ["--conditions=browser", "--input-type=module", "-e", resolve], {
        cwd: project,
      });
      expect(paths).toMatch(/^(\S+dist\/browser\/client\.js) \1\n$/);
      const build = await readFile(join(project, "node_modules/hawser/dist/browser/client.js"), "utf8");
      expect(build).not.toMatch(/\bimport\b[^.]|\brequire\(|node:/);
    },
    SLOW,
  );

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

/** The programs of README. */
const programs = programsOf("README.md");

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("The child's output is not piped.");
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error("The child ended without a line.");
}
