import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, resolve } from "node:path";

/** A Node that servers can run on. */
export interface NodeRuntime {
  readonly executable: string;
  /** Such as `v20.20.2`. */
  readonly version: string;
}

/** The Node that runs the benchmark, and the load generator. */
export const RUNNING_NODE: NodeRuntime = { executable: process.execPath, version: process.version };

const root = resolve(import.meta.dirname, "../..");

/**
 * Finds a Node.
 *
 * @param wanted - the path of its executable, or the beginning of its version: `26`, `24.21`
 * @throws RangeError - if there is none
 */
export function findNode(wanted: string): NodeRuntime {
  if (!/^v?\d+(\.\d+)*$/.test(wanted)) {
    const version = isFile(wanted) ? versionOf(resolve(wanted)) : undefined;
    if (version === undefined) throw new RangeError(`${wanted} is no executable of Node`);
    return { executable: resolve(wanted), version };
  }
  const version = wanted.startsWith("v") ? wanted : `v${wanted}`;
  const found = installedNodes();
  const match = found.find((node) => `${node.version}.`.startsWith(`${version}.`));
  if (match !== undefined) return match;
  const others = found.map((node) => node.version).join(" ");
  throw new RangeError(`there is no Node ${wanted} on this machine (${others}); give the path of its executable`);
}

/** The Nodes of this machine: the one that runs, that of the CI, those of nvm, and those in PATH. */
function installedNodes(): NodeRuntime[] {
  const nvm = resolve(process.env["NVM_DIR"] ?? resolve(homedir(), ".nvm"), "versions/node");
  const folders = [
    resolve(root, `node_modules/.cache/node/node_modules/node-${process.platform}-${process.arch}/bin`),
    ...(existsSync(nvm) ? readdirSync(nvm).map((version) => resolve(nvm, version, "bin")) : []),
    ...(process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""),
  ];
  const executables = folders.map((folder) => resolve(folder, "node")).filter(isFile);
  const others = [...new Set(executables)].flatMap((executable) => {
    const version = versionOf(executable);
    return version === undefined ? [] : [{ executable, version }];
  });
  return [RUNNING_NODE, ...others];
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function versionOf(executable: string): string | undefined {
  const { stdout } = spawnSync(executable, ["--version"], { encoding: "utf8" });
  return /^v\d+\.\d+\.\d+\S*$/m.exec(stdout ?? "")?.[0];
}
