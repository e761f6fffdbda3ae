import { createHook } from "node:async_hooks";

/** The kinds as `async_hooks` names them, by the name that `process.getActiveResourcesInfo()` has for them. */
const hookNames: Readonly<Record<string, string>> = {
  TCPSocketWrap: "TCPWRAP",
  TCPServerWrap: "TCPSERVERWRAP",
  PipeWrap: "PIPEWRAP",
  ProcessWrap: "PROCESSWRAP",
};

/** Files that are left out of the stacks. */
const FOREIGN = /\/node_modules\/|node:|\/test\/support\/(handle-origins|open-handles)\.ts/;

/** For each open handle: its kind, and where it was made. */
const origins = new Map<number, readonly [kind: string, where: string]>();
let kept = false;

/** Records from now on where each handle and timer is made. It slows all asynchronous code. */
export function keepOrigins(): void {
  kept = true;
  createHook({
    init(id, kind) {
      if (kind !== "PROMISE" && kind !== "TickObject") origins.set(id, [kind, here()]);
    },
    destroy(id) {
      origins.delete(id);
    },
  }).enable();
}

/** Where the handles of these kinds were made, if our files are in the stack; undefined when it was not recorded. */
export function originsOf(kinds: ReadonlyMap<string, number>): string[] | undefined {
  if (!kept) return undefined;
  const names = new Set([...kinds.keys()].map((kind) => hookNames[kind] ?? kind));
  return [...origins.values()]
    .filter(([kind, where]) => names.has(kind) && where !== "")
    .map(([kind, where]) => `${kind}, made by ${where}`);
}

/** The places of the stack that are ours, innermost first. */
function here(): string {
  const lines = new Error().stack?.split("\n").slice(1) ?? [];
  return lines
    .filter((line) => line.includes(process.cwd()) && !FOREIGN.test(line))
    .map((line) => line.trim().replace("at ", "").replaceAll(`${process.cwd()}/`, ""))
    .join(" < ");
}
