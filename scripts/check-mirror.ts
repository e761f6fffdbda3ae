import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import ts from "typescript";

/**
 * Each source file has a test file: `src/<layer>/x.ts` has `test/<layer>/x.test.ts`, and each test file in a layer's
 * folder has its source file. Two kinds of files need no test file: those without a runtime value, and the entry files
 * `src/*.ts`, which `test/package/exports.test.ts` checks.
 */
function findGaps(): string[] {
  const layers = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return layers.flatMap(({ name: layer }) => [
    ...files(join("src", layer), ".ts").flatMap(untested),
    ...files(join("test", layer), ".test.ts").flatMap(orphaned),
  ]);
}

function untested(source: string): string[] {
  const expected = source.replace(/^src/, "test").replace(/\.ts$/, ".test.ts");
  if (existsSync(expected) || !hasRuntimeValue(source)) return [];
  return [`${source} has no test: ${expected} is missing`];
}

/** `x.test.ts` belongs to `x.ts`. So does `x.some-aspect.test.ts`, where one test file would be too long. */
function orphaned(test: string): string[] {
  const module = basename(test).split(".")[0] ?? "";
  const expected = join(dirname(test).replace(/^test/, "src"), `${module}.ts`);
  return existsSync(expected) ? [] : [`${test} tests nothing: there is no ${expected}`];
}

/** Whether a file has code after its types are removed. */
function hasRuntimeValue(source: string): boolean {
  const { outputText } = ts.transpileModule(readFileSync(source, "utf8"), {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ESNext,
      verbatimModuleSyntax: true,
      removeComments: true,
    },
  });
  return outputText.replace("export {};", "").trim() !== "";
}

function files(folder: string, end: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(end) && !name.endsWith(".d.ts"))
    .map((name) => join(folder, name))
    .sort();
}

const found = findGaps();
for (const gap of found) console.error(gap);
process.exitCode = found.length === 0 ? 0 : 1;
