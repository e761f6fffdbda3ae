// Checks that docs/frameworks.md has the programs of frameworks/src as they are tested, and the table of what they run on,
// and that the README has the list of it.
//   tsx scripts/frameworks.ts           prints each problem, and fails if there is one
//   tsx scripts/frameworks.ts --write   writes the programs, the table and the list
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const PAGE = "docs/frameworks.md";
const BEGIN = "<!-- runs-on:begin, written by scripts/frameworks.ts -->\n";
const END = "<!-- runs-on:end -->";
const README = "README.md";
const LIST_BEGIN = "<!-- runs-on -->";
const LIST_END = "<!-- /runs-on -->";

/** One row of the table: the first line of a test file, `// runs on: name | packages | what it needs`. */
interface Row {
  readonly file: string;
  readonly name: string;
  readonly packages: readonly string[];
  readonly needs: string;
}

function readRows(root: string): Row[] {
  return readdirSync(join(root, "frameworks/test"))
    .filter((file) => file.endsWith(".test.ts"))
    .sort()
    .flatMap((file) => {
      const [first = ""] = readFileSync(join(root, "frameworks/test", file), "utf8").split("\n", 1);
      const [name, packages, needs] = /^\/\/ runs on: (.*)$/.exec(first)?.[1]?.split(" | ") ?? [];
      if (name === undefined || packages === undefined || needs === undefined) return [];
      return [{ file, name, packages: packages.split(", "), needs }];
    });
}

function table(rows: readonly Row[], versions: Readonly<Record<string, string>>): string {
  const versionOf = (name: string): string => (versions[name] === undefined ? name : `${name} ${versions[name]}`);
  const lines = rows.map(
    ({ file, name, packages, needs }) =>
      `| ${name} | ${packages.map(versionOf).join(", ")} | ${needs} | [${file}](../frameworks/test/${file}) |`,
  );
  return ["", "| Runs on | Tested with | What it needs | Tests |", "| --- | --- | --- | --- |", ...lines, "", ""].join(
    "\n",
  );
}

/**
 * Writes the programs and the table into a page.
 *
 * @param page - the page as it is
 * @param root - the folder with `frameworks`
 */
export function render(page: string, root: string): string {
  const manifest = JSON.parse(readFileSync(join(root, "frameworks/package.json"), "utf8")) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const withTable = replaceBetween(page, BEGIN, END, table(readRows(root), manifest.devDependencies));
  const programs = readdirSync(join(root, "frameworks/src"), { recursive: true, encoding: "utf8" }).sort();
  return withTable.replace(
    /```(\w+)\n\/\/ ([\w./[\]-]+\.(?:ts|cjs))\b[^]*?```/g,
    (block: string, language: string, name: string) => {
      // A program of several files has a folder. On the page their paths are those in a project.
      const program = programs.find((path) => path === name || path.endsWith(`/${name}`));
      return program === undefined
        ? block
        : `\`\`\`${language}\n${readFileSync(join(root, "frameworks/src", program), "utf8")}\`\`\``;
    },
  );
}

/**
 * Writes the list of what it runs on into the README: the first word or words of each row of the table.
 *
 * @param readme - the README as it is
 * @param root - the folder with `frameworks`
 */
export function renderList(readme: string, root: string): string {
  const names = new Set(readRows(root).map(({ name }) => name.split(/,| \(/, 1)[0] ?? name));
  const list = [...names].sort((a, b) => a.localeCompare(b, "en")).join(", ");
  return replaceBetween(readme, LIST_BEGIN, LIST_END, `[${list}](${PAGE})`);
}

function replaceBetween(page: string, begin: string, end: string, text: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the comments ${begin.trim()} and ${end} are missing`);
  return page.slice(0, from) + begin + text + page.slice(to);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  for (const [file, rendered] of [
    [PAGE, render],
    [README, renderList],
  ] as const) {
    const path = join(root, file);
    const current = readFileSync(path, "utf8");
    const page = rendered(current, root);
    if (process.argv.includes("--write")) writeFileSync(path, page);
    else if (page !== current) {
      console.error(`${file}: not as frameworks/ has it; run: npm run frameworks -- --write`);
      process.exitCode = 1;
    }
  }
}
