import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
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

test("a program may have two dots in its name, or a folder", () => {
  const root = repository();
  mkdirSync(join(root, "frameworks/src/site/routes"), { recursive: true });
  const files = { "some.config.cjs": "", "site/site.config.ts": "site/", "site/routes/[id].ts": "site/" };
  for (const [file, folder] of Object.entries(files))
    writeFileSync(join(root, "frameworks/src", file), `// ${file.slice(folder.length)}: new\nrun();\n`);
  const names = ["some.config.cjs", "site.config.ts", "routes/[id].ts"];
  const page = [`${BEGIN}${END}`, ...names.map((name) => `\`\`\`js\n// ${name}\n\`\`\``)].join("\n\n");
  const written = render(page, root);
  for (const name of names) expect(written).toContain(`\`\`\`js\n// ${name}: new\nrun();\n\`\`\``);
});

describe("each block of docs/frameworks.md that names a program of frameworks/src holds it", () => {
  const folder = "frameworks/src/";
  const page = readFileSync("docs/frameworks.md", "utf8");
  const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";
  // Of each block, the name on its first line.
  const blocks = page.split("\n```").filter((_, i) => i % 2 === 1);
  const named = blocks.flatMap((block) => {
    const code = block.slice(block.indexOf("\n") + 1);
    const name = /^\/\/ ([^ ,:]+)/.exec(firstLine(code))?.[1];
    return name === undefined ? [] : [{ name, code: `${code}\n` }];
  });
  const programs = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => /\.\w+$/.test(path));

  test.each(named)("$name", ({ name, code }) => {
    const found = programs.filter((path) => path === name || path.endsWith(`/${name}`));
    expect(found).toHaveLength(1);
    expect(code).toBe(readFileSync(folder + found[0]!, "utf8"));
  });

  test.each(["ecosystem.config.cjs", "nitro.config.ts", "websockets.ts", "routes/chats/[id].ts", "express.ts"])(
    "one of them is %s",
    (name) => {
      expect(named.map((block) => block.name)).toContain(name);
    },
  );
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
