import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

/** The path of something in `node_modules`. */
export const installed = (path: string): string => join(root, "node_modules", path);

/** The TypeScript compiler. */
export const tsc = installed("typescript/bin/tsc");

/** What `npm pack` made. */
export interface PackedPackage {
  /** The path of the tarball. */
  readonly tarball: string;
  /** The paths of the files in it. */
  readonly files: readonly string[];
}

/** The files of the project of which the package is made. */
const SOURCES = /^(src|docs|examples|bench|scripts|package\.json|tsconfig.*\.json|[A-Z]+(\.md)?)$/;

/** Folders that are in no package, and large. */
const LEFT_OUT = /\/(node_modules|dist)$/;

/**
 * Builds and packs a copy of the project, so that neither dist nor a build that runs at the same time is disturbed.
 *
 * @param folder an empty folder for the copy and the tarball
 */
export async function pack(folder: string): Promise<PackedPackage> {
  const copy = join(folder, "copy");
  await mkdir(copy);
  for (const name of (await readdir(root)).filter((one) => SOURCES.test(one)))
    await cp(join(root, name), join(copy, name), { recursive: true, filter: (path) => !LEFT_OUT.test(path) });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"), "dir");
  await run(process.execPath, ["--import", "tsx", "scripts/build.ts"], { cwd: copy });
  const report = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], { cwd: copy });
  const [result] = JSON.parse(report) as [{ filename: string; files: { path: string }[] }];
  return { tarball: join(folder, result.filename), files: result.files.map((file) => file.path) };
}

/** The tarball of the sources as they are. It is packed again only after one of them has changed. */
export async function packedTarball(): Promise<string> {
  const cache = installed(".cache/hawser");
  const path = join(cache, `${await hashOfSources()}.tgz`);
  if (existsSync(path)) return path;
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(tmpdir(), "hawser-"));
  const { tarball } = await pack(folder);
  const beside = `${path}.${String(process.pid)}`;
  await cp(tarball, beside);
  await rename(beside, path);
  await removeOld(cache);
  await rm(folder, { recursive: true });
  return path;
}

/** Tarballs that are a day old: another process may still install a newer one. */
async function removeOld(cache: string): Promise<void> {
  const DAY = 86_400_000;
  for (const name of await readdir(cache)) {
    const { mtimeMs } = await stat(join(cache, name));
    if (Date.now() - mtimeMs > DAY) await rm(join(cache, name), { force: true });
  }
}

async function hashOfSources(): Promise<string> {
  const hash = createHash("sha256");
  const sources = await readdir(join(root, "src"), { recursive: true });
  const files = sources.filter((name) => /\.(ts|json)$/.test(name)).map((name) => join("src", name));
  const build = [
    "package.json",
    "tsconfig.base.json",
    "tsconfig.build.json",
    "scripts/build.ts",
    "scripts/browser-client.ts",
  ];
  for (const name of [...build, ...files.sort()]) hash.update(name).update(await readFile(join(root, name)));
  return hash.digest("hex").slice(0, 16);
}

/** Runs a program and returns its output. The output of a failed program is in the error. */
export async function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<string> {
  try {
    return (await execute(program, args, options)).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    throw new Error(`${[program, ...args].join(" ")} failed:\n${stdout}${stderr}`, { cause: error });
  }
}
