import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import ts from "typescript";

/**
 * Tests mirror src one to one: `src/<layer>/x.ts` has `test/<layer>/x.test.ts`, and a test in a layer's folder tests a
 * file of that layer. Exempt are files without a runtime value, which have nothing to run, and the entry files
 * `src/*.ts`, which `test/package/exports.test.ts` pins.
 */
function gaps(): string[] {
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

/** `x.test.ts` belongs to `x.ts`; so does `x.some-aspect.test.ts`, where one file of tests would be too long. */
function orphaned(test: string): string[] {
  const module = basename(test).split(".")[0] ?? "";
  const expected = join(dirname(test).replace(/^test/, "src"), `${module}.ts`);
  return existsSync(expected) ? [] : [`${test} tests nothing: there is no ${expected}`];
}

/** Whether anything but an empty module is left of a file once its types are gone. */
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

const found = gaps();
for (const gap of found) console.error(gap);
process.exitCode = found.length === 0 ? 0 : 1;
