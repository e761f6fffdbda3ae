import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Target } from "./target.ts";

/** An input of the corpus, with its name. */
export interface Seed {
  readonly name: string;
  readonly input: Buffer;
}

/** The start of the name of an input that the fuzzer found. People wrote the other inputs and gave them names. */
export const FOUND = "found ";

/** The folder of the corpus. It has one text file per target: git and people can read these better than hundreds of binary files. */
export const CORPUS = fileURLToPath(new URL("../corpus/", import.meta.url));

/** The inputs of a target that are in the repository. */
export function readCorpus({ name, notation }: Pick<Target, "name" | "notation">, folder: string): Seed[] {
  const file = join(folder, `${name}.json`);
  if (!existsSync(file)) return [];
  const written = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  return Object.entries(written).map(([key, text]) => ({ name: key, input: parse(text, notation) }));
}

/** Writes the inputs of a target to the repository, formatted as Prettier does it. */
export function writeCorpus(
  { name, notation }: Pick<Target, "name" | "notation">,
  seeds: readonly Seed[],
  folder: string,
): string {
  const file = join(folder, `${name}.json`);
  mkdirSync(dirname(file), { recursive: true });
  const written = Object.fromEntries(seeds.map((seed) => [seed.name, write(seed.input, notation)]));
  writeFileSync(file, `${ascii(JSON.stringify(written, null, 2))}\n`);
  return file;
}

/** Spaces between hexadecimal digits are ignored. */
function parse(text: string, notation: Target["notation"]): Buffer {
  return notation === "text" ? Buffer.from(text, "latin1") : Buffer.from(text.replaceAll(" ", ""), "hex");
}

function write(input: Buffer, notation: Target["notation"]): string {
  return input.toString(notation === "text" ? "latin1" : "hex");
}

/** Escapes characters that are not printable ASCII, so that each byte can be seen. */
function ascii(json: string): string {
  return json.replaceAll(/[^\n -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
