// Checks that docs/frameworks.md has the programs of frameworks/src as they are tested, and the table of what they run on.
//   tsx scripts/frameworks.ts           prints each problem, and fails if there is one
//   tsx scripts/frameworks.ts --write   writes the programs and the table into the page
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const PAGE = "docs/frameworks.md";
const BEGIN = "<!-- runs-on:begin, written by scripts/frameworks.ts -->\n";
const END = "<!-- runs-on:end -->";

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
  const rows = table(readRows(root), manifest.devDependencies);
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`${PAGE}: the comments around the table are missing`);
  const withTable = page.slice(0, from) + BEGIN + rows + page.slice(to);
  return withTable.replace(
    /```(\w+)\n\/\/ ([\w-]+\.(?:ts|cjs))\b[^]*?```/g,
    (block: string, language: string, name: string) => {
      const path = join(root, "frameworks/src", name);
      return existsSync(path) ? `\`\`\`${language}\n${readFileSync(path, "utf8")}\`\`\`` : block;
    },
  );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const path = join(root, PAGE);
  const current = readFileSync(path, "utf8");
  const page = render(current, root);
  if (process.argv.includes("--write")) writeFileSync(path, page);
  else if (page !== current) {
    console.error(`${PAGE}: not as frameworks/ has it; run: npm run frameworks -- --write`);
    process.exitCode = 1;
  }
}
