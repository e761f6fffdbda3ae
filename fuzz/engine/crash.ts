import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { InvariantError } from "./target.ts";

/** An input for which an invariant does not hold. */
export interface Crash {
  /** The target's name. */
  readonly target: string;
  /** The same for all inputs with the same failure: the invariant, or the error and where it was thrown. */
  readonly signature: string;
  /** What happened. */
  readonly message: string;
  /** Where it happened. */
  readonly stack: string;
  /** The seed of the run that found it. */
  readonly seed: number;
  /** The smallest input that causes it. */
  readonly input: Buffer;
}

/** The folder that crashes are written to, relative to the root of the repository. */
export const CRASHES = join("fuzz", "crashes");

/** A text that is the same for equal failures. Numbers and quoted text are removed: they differ from input to input. */
export function signatureOf(error: unknown): string {
  if (error instanceof InvariantError) return error.invariant;
  if (!(error instanceof Error)) return `thrown: ${String(error)}`;
  const text = error.message.replaceAll(/"[^"]*"|'[^']*'|[0-9a-f]{8,}|\d+/g, "…").slice(0, 200);
  return `${error.name}: ${text} ${placeOf(error.stack)}`.trim();
}

/** The first line of a stack that is in the library, without its line number, which other changes shift. */
function placeOf(stack = ""): string {
  const line = stack.split("\n").find((one) => /[/\\]src[/\\]/.test(one));
  return line === undefined ? "" : line.trim().replace(/\(?(?:file:\/\/)?\S*[/\\](src[/\\][^:)]+).*$/, "($1)");
}

/** A short name for an input, made from its hash. */
export function nameOf(input: Buffer): string {
  return createHash("sha256").update(input).digest("hex").slice(0, 10);
}

/** Writes a crash to a new file in `folder`, with the command that replays it. Returns the path of the file. */
export function writeCrash(folder: string, crash: Crash): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${crash.target}-${nameOf(crash.input)}.json`);
  const { target, signature, message, stack, seed, input } = crash;
  const replay = `npm run fuzz -- --replay ${file}`;
  const record = { target, replay, seed, signature, message, input: input.toString("hex"), stack: stack.split("\n") };
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`);
  return file;
}

/** Reads from a file of `writeCrash` what is needed to run the input again. */
export function readCrash(file: string): Pick<Crash, "target" | "input"> {
  const { target, input } = JSON.parse(readFileSync(file, "utf8")) as { target?: unknown; input?: unknown };
  if (typeof target !== "string" || typeof input !== "string") throw new Error(`${file} is not a crash of this fuzzer`);
  return { target, input: Buffer.from(input, "hex") };
}
