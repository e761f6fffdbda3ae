import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";

/** The used part of the report of Vitest's JSON reporter. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Runs the files of ./open-handles/. */
async function run(): Promise<Report> {
  const vitest = at("../../node_modules/vitest/vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", "--config", at("open-handles/vitest.config.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [report] = await Promise.all([text(child.stdout), once(child, "close")]);
  return JSON.parse(report) as Report;
}

describe("a file of tests", () => {
  let report: Report;
  beforeAll(async () => {
    report = await run();
  });

  function resultOf(name: string): Report["testResults"][number] {
    const result = report.testResults.find((file) => file.name.endsWith(`/${name}.fixture.ts`));
    expect(result?.assertionResults.map(({ status }) => status)).toEqual(["passed"]);
    return result!;
  }

  test.each([
    ["a socket", "left-socket", "1 TCPSocketWrap", "Socket: port "],
    ["a listening server", "left-server", "1 TCPServerWrap", "Server: "],
    ["a timer", "left-timer", "1 Timeout", ""],
    ["a child process", "left-child", "1 ProcessWrap", `ChildProcess: ${process.execPath} -e`],
  ])("fails when it leaves %s, and says so", (_, name, kind, detail) => {
    const { status, message } = resultOf(name);

    expect(status).toBe("failed");
    expect(message).toContain("still open after the last test and its cleanups: ");
    expect(message).toContain(kind);
    expect(message).toContain(detail);
  });

  test("passes when it closes everything, and is awaited meanwhile", () => {
    expect(resultOf("left-nothing")).toMatchObject({ status: "passed", message: "" });
  });
});
