import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { chromiumArguments } from "../support/chromium-arguments.ts";
import { SLOW, type RunningProgram, programsOf, usePage } from "../support/page-project.ts";
import { describeWith } from "../support/system.ts";
import { until } from "../support/peer.ts";

const PAGE = "docs/client.md";
const project = usePage(PAGE);
const execute = promisify(execFile);

test("the page has these programs", () => {
  expect([...programsOf(PAGE).keys()].sort()).toEqual(
    ["away", "client", "errors", "lines", "page-server", "server", "token", "typed", "typed-server", "unix"]
      .map((name) => `${name}.ts`)
      .concat("page.html", "page.js")
      .sort(),
  );
});

/** The server of the page. It ends with the test. */
async function startServer(file = "server.js", env: NodeJS.ProcessEnv = {}): Promise<RunningProgram> {
  const server = await project().start(file, env);
  onTestFinished(() => server.stop().then(() => {}));
  return server;
}

function urlOf({ port }: { readonly port: number }): string {
  return `ws://127.0.0.1:${String(port)}/`;
}

/** Runs a program of the page until it ends by itself. Returns what it has printed. */
async function run(file: string, server?: string): Promise<string> {
  const program = await project().begin(file, server === undefined ? {} : { SERVER: server });
  const code = await program.ended;
  expect([code, code === 0 ? "" : program.output()]).toEqual([0, ""]);
  return program.output();
}

describe("on Node", () => {
  test.each([
    ["client.js", "got { type: 'said', text: 'hello' }\nclosed 1000\n"],
    ["token.js", "Connected with the token valid\n"],
    ["lines.js", '{"type":"said","text":"one"}\n{"type":"said","text":"two"}\nended\n'],
    ["typed.js", "said TYPED\n"],
    ["errors.js", "HWS_REFUSED http 401 Sign in again.\n\n"],
  ])(
    "%s prints what the page says, and ends",
    async (file, expected) => {
      expect(await run(file, urlOf(await startServer()))).toBe(expected);
    },
    SLOW,
  );

  test(
    "client.js says that there is no server",
    async () => {
      const server = await startServer();
      const url = urlOf(server);
      await server.stop();
      expect(await run("client.js", url)).toMatch(/^The client could not connect.*ECONNREFUSED.*\nclosed 1006\n$/);
    },
    SLOW,
  );

  test(
    "away.js sends what was written before there was a server",
    async () => {
      const gone = await startServer();
      await gone.stop();
      const program = await project().begin("away.js", { SERVER: urlOf(gone) });
      onTestFinished(() => program.stop().then(() => {}));
      await until(() => program.output().includes("dial 1 in "));
      await startServer("server.js", { PORT: String(gone.port) });
      expect(await program.ended).toBe(0);
      expect(program.output()).toContain("got { type: 'said', text: 'written before there was a connection' }");
    },
    SLOW,
  );

  test(
    "typed.js is a client of typed-server.js too",
    async () => {
      expect(await run("typed.js", urlOf(await startServer("typed-server.js")))).toBe("said WELCOME\n");
    },
    SLOW,
  );

  test("unix.js needs no port", async () => expect(await run("unix.js")).toBe("over a Unix socket\n"), SLOW);
});

describe.each([
  ["bun", []],
  ["deno", ["run", "--no-prompt", "--allow-net", "--allow-env", "--allow-sys=systemMemoryInfo"]],
] as const)("under %s", (need, args) => {
  describeWith(need, "the programs of the page", (executable) => {
    test.each([
      ["client.js", /^got \{\s+type: "said",\s+text: "hello",?\s+\}\nclosed 1000\n$/],
      ["token.js", /^Connected with the token valid\n$/],
      ["lines.js", /^\{.*"one"\}\n\{.*"two"\}\nended\n$/],
      ["errors.js", /^HWS_REFUSED http 401 Sign in again\.\n\n$/],
    ])(
      "%s prints the same",
      async (file, expected) => {
        const env = { ...process.env, SERVER: urlOf(await startServer()) };
        const { stdout } = await execute(executable, [...args, file], { cwd: project().folder, env });
        expect(stdout).toMatch(expected);
      },
      SLOW,
    );
  });
});

describeWith("chromium", "in Chromium, without a bundler", (executablePath) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: [...chromiumArguments] });
  });
  afterAll(() => browser.close());

  test(
    "the page connects, and connects again after its server was started anew",
    async () => {
      const server = await startServer("page-server.js");
      const page = await browser.newPage();
      onTestFinished(() => page.close());
      await page.goto(`http://127.0.0.1:${String(server.port)}/`);
      await page.waitForFunction("document.querySelector('li')?.textContent === 'a page is here'");
      expect(await page.textContent("#status")).toBe("connected");
      server.kill("SIGKILL");
      await server.ended;
      await page.waitForFunction("document.querySelector('#status').textContent.startsWith('away')");
      await startServer("page-server.js", { PORT: String(server.port) });
      await page.waitForFunction("document.querySelectorAll('li').length === 2");
      expect(await page.textContent("#status")).toBe("connected");
    },
    SLOW,
  );
});
