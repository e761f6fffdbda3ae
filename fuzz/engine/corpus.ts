import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Target } from "./target.ts";

/** An input with the name it has in the corpus. */
export interface Seed {
  readonly name: string;
  readonly input: Buffer;
}

/** How a find's name begins: the others were written by people, and say what they are. */
export const FOUND = "found ";

/** One file a target: in git, and for people, that is better than hundreds of binary ones. */
export const CORPUS = fileURLToPath(new URL("../corpus/", import.meta.url));

/** The inputs of a target that are in the repository. */
export function readCorpus({ name, notation }: Pick<Target, "name" | "notation">, folder: string): Seed[] {
  const file = join(folder, `${name}.json`);
  if (!existsSync(file)) return [];
  const written = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  return Object.entries(written).map(([key, text]) => ({ name: key, input: parse(text, notation) }));
}

/** Writes the inputs of a target to the repository, in the form that Prettier leaves as it is. */
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

/** Spaces between the digits, wherever they are, are for people. */
function parse(text: string, notation: Target["notation"]): Buffer {
  return notation === "text" ? Buffer.from(text, "latin1") : Buffer.from(text.replaceAll(" ", ""), "hex");
}

function write(input: Buffer, notation: Target["notation"]): string {
  return input.toString(notation === "text" ? "latin1" : "hex");
}

/** What is not ASCII as an escape: a byte is to be seen as a byte. */
function ascii(json: string): string {
  return json.replaceAll(/[^\n -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
