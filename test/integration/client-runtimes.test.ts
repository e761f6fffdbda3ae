import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { ClientOptions } from "../../src/client/options.ts";
import { certificate } from "../support/certificate.ts";
import { until } from "../support/peer.ts";
import { describeWith } from "../support/system.ts";
import { topicServer } from "../support/topic-server.ts";
import { type EchoServer, wsServer } from "./servers/server.ts";

const program = fileURLToPath(new URL("clients/hawser-client.ts", import.meta.url));
const topicProgram = fileURLToPath(new URL("clients/topic-client.ts", import.meta.url));

/** Runs our client in another runtime, and returns its calls. */
async function run(
  command: readonly [string, ...string[]],
  url: string,
  options: ClientOptions = {},
  script = program,
): Promise<unknown> {
  const [file, ...args] = command;
  const child = spawn(file, [...args, script, url, JSON.stringify(options)], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  let complaints = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  await new Promise((resolve) => child.once("close", resolve));
  if (output === "") throw new Error(complaints);
  return JSON.parse(output);
}

for (const [name, args] of [
  ["bun", []],
  ["deno", ["run", "-A", "--no-check"]],
] as const) {
  describeWith(name, `our client in ${name}`, (path) => {
    const command = [path, ...args] as const;
    const good = ["open", "text", 700_000, "number", "", { code: 3001, initiator: "local" }];
    let plain: EchoServer | undefined;
    let secure: EchoServer | undefined;
    let deflating: EchoServer | undefined;
    beforeAll(async () => {
      plain = await wsServer();
      secure = await wsServer({ isSecure: true });
      deflating = await wsServer({ deflate: { threshold: 0 } });
    });
    afterAll(async () => {
      for (const server of [plain, secure, deflating]) await server?.stop();
    });

    test("without TLS", async () => {
      expect(await run(command, plain!.url)).toEqual(good);
    });

    test("over TLS, whose certificate is checked", async () => {
      expect(await run(command, secure!.url, { tls: { ca: certificate.cert } })).toEqual(good);
      expect(await run(command, secure!.url)).toEqual([
        { code: "HWS_CONNECT_FAILED", stage: "tls" },
        { code: 1006, initiator: "network" },
      ]);
    });

    test("with compression", async () => {
      const compressed = good.with(4, "permessage-deflate");
      expect(await run(command, deflating!.url, { compression: { threshold: 0 } })).toEqual(compressed);
    });

    test("a refusal has its status and its body", async () => {
      expect(await run(command, `${plain!.url}/refuse`)).toEqual([
        { code: "HWS_REFUSED", status: 403, body: "not you", stage: "http" },
        { code: 1006, initiator: "network" },
      ]);
    });

    test("with topics", async () => {
      const { wss, port, members } = await topicServer({ decide: ({ topic }) => topic !== "secret" });
      await wss.publish("chat:1", "one");
      const ended = run(command, `ws://127.0.0.1:${port}`, {}, topicProgram);
      await until(() => members[0]?.log.includes("cut") === true);
      wss.connections[0]!.destroy();
      await wss.publish("chat:1", "two");
      expect(await ended).toEqual([
        ["HWS_SUBSCRIBE_REFUSED", "not asked"],
        [["chat:1", "one", "string"], { recovered: true }, ["chat:1", "two", "string"]],
      ]);
    });

    test("nobody there", async () => {
      expect(await run(command, "ws://127.0.0.1:9")).toEqual([
        { code: "HWS_CONNECT_FAILED", stage: "tcp" },
        { code: 1006, initiator: "network" },
      ]);
    });
  });
}
