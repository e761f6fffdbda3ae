import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type ErrorCode, errorTable } from "../src/errors/table.ts";

/** The entry files of the browsers' bundles. */
type Entry = "client-browser.ts" | "client-topics-browser.ts";

const table = /\/errors\/table\.ts$/;

/** Modules that have less in browsers: an error says what is wrong, and not what may have been meant. */
const SMALLER: readonly (readonly [RegExp, string])[] = [
  [/\/util\/similar\.ts$/, "export const similarName = () => undefined;"],
  [/\/util\/describe\.ts$/, "export const describe = (value) => value === null ? 'null' : 'a ' + typeof value;"],
];

/** The client for browsers as one module, minified. It has no `node:` import, and of the error table only what it names. */
export async function bundleBrowserClient(entry: Entry = "client-browser.ts"): Promise<string> {
  const named = await namedCodes(entry);
  const rows = Object.entries(errorTable)
    .filter(([code]) => named.has(code))
    .map(([code, { errCode, componentSignature, message }]) => [code, errCode, componentSignature, message]);
  const { outputFiles } = await bundle(
    entry,
    `export const errorTable = Object.fromEntries(${JSON.stringify(rows)}
    .map(([code, errCode, componentSignature, message]) => [code, { errCode, componentSignature, message }]));`,
  );
  return outputFiles[0]?.text ?? "";
}

/** The codes in the modules of the bundle. */
async function namedCodes(entry: Entry): Promise<ReadonlySet<string>> {
  const { outputFiles } = await bundle(entry, "export const errorTable = {};");
  return new Set<ErrorCode>((outputFiles[0]?.text.match(/HWS_[A-Z_0-9]+/g) ?? []) as ErrorCode[]);
}

async function bundle(entry: Entry, errorTableSource: string) {
  return await build({
    entryPoints: [fileURLToPath(new URL(`../src/${entry}`, import.meta.url))],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
    write: false,
    plugins: [
      {
        name: "smaller modules",
        setup(build) {
          for (const [filter, contents] of [[table, errorTableSource] as const, ...SMALLER])
            build.onLoad({ filter }, () => ({ contents, loader: "js" }));
        },
      },
    ],
  });
}
