import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { render, renderList } from "../../scripts/frameworks.ts";

const BEGIN = "<!-- runs-on:begin, written by scripts/frameworks.ts -->\n";
const END = "<!-- runs-on:end -->";

/** A repository with one program and its test. */
function repository(): string {
  const root = mkdtempSync(join(tmpdir(), "hawser-frameworks-"));
  onTestFinished(() => {
    rmSync(root, { recursive: true, force: true });
  });
  for (const folder of ["src", "test"]) mkdirSync(join(root, "frameworks", folder), { recursive: true });
  writeFileSync(join(root, "frameworks/package.json"), JSON.stringify({ devDependencies: { koa: "3.3.0" } }));
  writeFileSync(join(root, "frameworks/src/koa.ts"), "// koa.ts\nrun();\n");
  writeFileSync(join(root, "frameworks/test/koa.test.ts"), "// runs on: Koa | koa, Node | three lines\ntest();\n");
  writeFileSync(join(root, "frameworks/test/support.test.ts"), "// no row\n");
  return root;
}

test("the page gets a row for each test file, and the programs as they are", () => {
  const page = `# Page\n\n${BEGIN}old\n${END}\n\n\`\`\`ts\n// koa.ts\nold();\n\`\`\`\n\n\`\`\`ts\n// other.ts\nstays();\n\`\`\`\n`;
  const written = render(page, repository());
  expect(written).toContain("| Koa | koa 3.3.0, Node | three lines | [koa.test.ts](../frameworks/test/koa.test.ts) |");
  expect(written).toContain("```ts\n// koa.ts\nrun();\n```");
  expect(written).toContain("```ts\n// other.ts\nstays();\n```");
  expect(written).not.toContain("old");
});

test("a page without the place for the table is an error", () => {
  expect(() => render("# Page\n", repository())).toThrow(/comments .* are missing/);
});

test("the README gets the list of names", () => {
  const readme = "It runs in <!-- runs-on -->old<!-- /runs-on -->.\n";
  expect(renderList(readme, repository())).toBe(
    "It runs in <!-- runs-on -->[Koa](docs/frameworks.md)<!-- /runs-on -->.\n",
  );
});
