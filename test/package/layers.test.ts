import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

/** The page, the layer check and the folders name the same layers; and src/ keeps the limits of structure. */
const check = new URL("../../.dependency-cruiser.js", import.meta.url).href;
const { LAYERS, CONNECTION_FOLDERS } = (await import(check)) as Record<string, readonly string[]>;
const page = readFileSync("docs/architecture.md", "utf8");

interface Row {
  readonly name: string;
  readonly planned: boolean;
}

/** The rows of the table whose first column has the given heading. */
function rows(heading: string): Row[] {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} `));
  const table = lines.slice(start + 2);
  return table
    .slice(
      0,
      table.findIndex((line) => !line.startsWith("|")),
    )
    .map((line) => {
      const [, first = "", second = ""] = line.split("|").map((cell) => cell.trim());
      return {
        name: first
          .replace(/`/g, "")
          .replace(/^src\//, "")
          .replace(/\/$/, ""),
        planned: /^planned\b/.test(second),
      };
    });
}

function folders(of: string): string[] {
  return readdirSync(of, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

describe("the layers", () => {
  test("of the page are those of the check, in the same order", () => {
    expect(rows("layer").map((row) => row.name)).toEqual(LAYERS);
  });

  test("of the page that are not planned are the folders of src", () => {
    const built = rows("layer").filter((row) => !row.planned);
    expect(built.map((row) => row.name).sort()).toEqual(folders("src").sort());
  });
});

describe("the folders of src/connection", () => {
  test("of the page are those of the check, in the same order", () => {
    expect(rows("folder").map((row) => row.name)).toEqual(CONNECTION_FOLDERS);
  });

  test("of the page are those that exist", () => {
    expect(
      rows("folder")
        .map((row) => row.name)
        .sort(),
    ).toEqual(folders("src/connection").sort());
  });
});

describe("the files of src", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => join("src", name))
    .sort()
    .map((path) => ({ path, text: readFileSync(path, "utf8") }));

  const lines = (text: string) => text.trimEnd().split("\n").length;

  test("have 120 lines or fewer in the median", () => {
    const sizes = files.map((file) => lines(file.text)).sort((a, b) => a - b);
    expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThanOrEqual(120);
  });

  test("have 400 lines or fewer each", () => {
    expect(files.filter((file) => lines(file.text) > 400).map((file) => file.path)).toEqual([]);
  });

  test("have no constructor with more than four parameters", () => {
    const long: string[] = [];
    for (const { path, text } of files) {
      const visit = (node: ts.Node): void => {
        if (ts.isConstructorDeclaration(node) && node.parameters.length > 4) long.push(path);
        ts.forEachChild(node, visit);
      };
      visit(ts.createSourceFile(path, text, ts.ScriptTarget.ESNext));
    }
    expect(long).toEqual([]);
  });
});
