import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { isLong } from "./test/support/long.ts";

/** Where a machine-readable report goes, when somebody asks for one: see .ci/run. */
const report = process.env["TEST_REPORT"];

/** Most files of these folders share a process: a process for each file, with all modules, takes longer than its tests. */
const sharedFolders = [
  "adapters",
  "backplane",
  "client",
  "compression",
  "conformance",
  "connection",
  "errors",
  "handshake",
  "protocol",
  "scripts",
  "server",
  "testing",
  "topics",
  "util",
];

/** A file that replaces, or counts, what a whole process has: it has a process of its own. */
const isOfProcess =
  /\bvi\.(?:mock|resetModules|stub\w+)\b|\bmock\b|\bprototype\b|\bglobalThis\b|\bprocess\.(?:on|once|memoryUsage)\b|Budget\b|[sS]pareMemory\b|\bimport\(|\bgc\(/;

/** The files that run in the long form only, and those that .ci/run leaves out. */
const leftOut = [
  ...(isLong ? [] : ["test/hostile/{endings,floods,memory}.http2.test.ts"]),
  ...(process.env["TESTS_LEFT_OUT"]?.split(" ") ?? []),
];

const sharedProcess = sharedFolders
  .flatMap((folder) =>
    readdirSync(`test/${folder}`, { recursive: true }).map((file) => `test/${folder}/${String(file)}`),
  )
  .filter((file) => file.endsWith(".test.ts") && !isOfProcess.test(readFileSync(file, "utf8")));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^hawser$/, replacement: fileURLToPath(new URL("./src/hawser.ts", import.meta.url)) },
      {
        find: "hawser/client/topics",
        replacement: fileURLToPath(new URL("./src/client-topics.ts", import.meta.url)),
      },
      { find: "hawser/client", replacement: fileURLToPath(new URL("./src/client.ts", import.meta.url)) },
      { find: "hawser/crossws", replacement: fileURLToPath(new URL("./src/crossws.ts", import.meta.url)) },
      { find: "hawser/fastify", replacement: fileURLToPath(new URL("./src/fastify.ts", import.meta.url)) },
      { find: "hawser/nest", replacement: fileURLToPath(new URL("./src/nest.ts", import.meta.url)) },
      { find: "hawser/redis", replacement: fileURLToPath(new URL("./src/redis.ts", import.meta.url)) },
      { find: "hawser/streams", replacement: fileURLToPath(new URL("./src/streams.ts", import.meta.url)) },
      { find: "hawser/ws", replacement: fileURLToPath(new URL("./src/ws.ts", import.meta.url)) },
      { find: "hawser/testing", replacement: fileURLToPath(new URL("./src/testing.ts", import.meta.url)) },
    ],
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "own process",
          include: ["test/**/*.test.ts"],
          exclude: [...sharedProcess, ...leftOut],
          typecheck: {
            enabled: true,
            include: ["test/types/**/*.test-d.ts"],
            tsconfig: "./test/types/tsconfig.json",
          },
        },
      },
      { extends: true, test: { name: "shared process", include: sharedProcess, exclude: leftOut, isolate: false } },
    ],
    // A file fails that leaves a socket, a server, a timer or a process behind.
    setupFiles: [
      "test/support/open-handles.ts",
      "test/support/undo-mocks.ts",
      "test/support/compare-bytes.ts",
      "test/support/patient-waits.ts",
    ],
    pool: "forks",
    // One more than cores: half the tests wait for sockets and processes most of the time.
    maxWorkers: availableParallelism() + 1,
    globals: false,
    // Far above what a test takes: a slow machine is no failure, a hang is.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    // The difference of two large values takes minutes.
    diff: { truncateThreshold: 500 },
    // A test without an assertion cannot fail.
    expect: { requireAssertions: true },
    dangerouslyIgnoreUnhandledErrors: false,
    passWithNoTests: false,
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    coverage: {
      provider: "v8",
      include: ["src/**"],
      exclude: ["src/**/tsconfig.json"],
      reporter: ["text", "html"],
      // Each file is covered by itself, not by the average.
      thresholds: { perFile: true, lines: 90, functions: 90, branches: 85 },
    },
  },
});
