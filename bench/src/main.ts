import { install } from "./npm.ts";

// The way in. Nothing but Node's own modules is needed before the benchmark's packages are in place.
try {
  install();
  const { main } = await import("./cli.ts");
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
