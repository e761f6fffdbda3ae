import { install, isInstalled } from "./npm.ts";

// The text of `--help` while commander, which knows the options, is not installed.
const USAGE = `Usage: npm run bench -- [options]

Compares hawser with other WebSocket servers, as ratios of one run on this machine.

  npm run bench                  everything: about half an hour
  npm run bench -- --quick       the main ratios, in about a minute

The full help needs the packages of the benchmark, which are missing or older than its lock file. Each run of the benchmark
installs them, and so does "npm ci --prefix bench". bench/README.md describes all options too.
`;

// The entry point. It uses only Node's own modules until the packages of the benchmark are installed.
try {
  const args = process.argv.slice(2);
  if (args.some((arg) => arg === "--help" || arg === "-h") && !isInstalled()) process.stdout.write(USAGE);
  else {
    install();
    const { main } = await import("./cli.ts");
    process.exitCode = await main(args);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
