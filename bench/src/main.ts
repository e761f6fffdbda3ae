import { install, isInstalled } from "./npm.ts";

// What `--help` says while commander, which has the options, is not there.
const USAGE = `Usage: npm run bench -- [options]

Measures hawser against other WebSocket servers: ratios of one run, on this machine.

  npm run bench                  everything: about half an hour
  npm run bench -- --quick       the main ratios, in about a minute

The full help needs the benchmark's packages, which are missing or older than its lock file. Any run installs them, and
so does "npm ci --prefix bench". All options are in bench/README.md as well.
`;

// The way in. Nothing but Node's own modules is needed before the benchmark's packages are in place.
try {
  const words = process.argv.slice(2);
  if (words.some((word) => word === "--help" || word === "-h") && !isInstalled()) process.stdout.write(USAGE);
  else {
    install();
    const { main } = await import("./cli.ts");
    process.exitCode = await main(words);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
