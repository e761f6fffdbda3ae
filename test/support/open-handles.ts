import type { ChildProcess } from "node:child_process";
import type { Server, Socket } from "node:net";
import { afterAll } from "vitest";
import { keepOrigins, originsOf } from "./handle-origins.ts";

/**
 * Milliseconds in which handles may close: far more than they need, and less than the default
 * `closeTimeout`, so that a forgotten deadline is found.
 */
const PATIENCE = 2_000;
/** Milliseconds between two checks, when the handles have not closed within some turns of the event loop. */
const PAUSE = 10;
const TURNS = 10;

// A test may leave fake timers.
const { setImmediate, setTimeout } = globalThis;

/** The kinds of handles of the test runner's process. Other kinds that exist at the start will close soon. */
const RUNNERS = /Pipe|TTY|MessagePort|Worker/;

/** What the runner has open, before the file's tests are loaded. */
const atStart = count(process.getActiveResourcesInfo().filter((kind) => RUNNERS.test(kind)));
const known = new WeakSet(handles());

if (process.env["OPEN_HANDLES"] === "where") keepOrigins();

// A file's hooks run in reverse order, so this one runs after all of its own.
afterAll(async () => {
  let left = excess();
  for (let turn = 0; left.size > 0 && turn < TURNS; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    left = excess();
  }
  const end = performance.now() + PATIENCE;
  while (left.size > 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    left = excess();
  }
  if (left.size > 0) throw new Error(complaint(left));
});

/** How many of each kind there are more than at the start. */
function excess(): Map<string, number> {
  const now = count(process.getActiveResourcesInfo());
  for (const [kind, before] of atStart) now.set(kind, (now.get(kind) ?? 0) - before);
  return new Map([...now].filter(([, more]) => more > 0));
}

function count(kinds: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

function complaint(left: ReadonlyMap<string, number>): string {
  const kinds = [...left].map(([kind, more]) => `${String(more)} ${kind}`).join(", ");
  const details = handles()
    .filter((handle) => !known.has(handle))
    .map(describe);
  const advice = `OPEN_HANDLES=where tells where they were made`;
  return [
    `still open after the last test and its cleanups: ${kinds}`,
    ...details,
    ...(originsOf(left) ?? [advice]),
  ].join("\n  ");
}

/** Details of handles. Node does not guarantee them, so they are only for messages. */
function handles(): object[] {
  const { _getActiveHandles: list } = process as { _getActiveHandles?: () => object[] };
  return list?.call(process) ?? [];
}

function describe(handle: object): string {
  const kind = handle.constructor.name;
  const { spawnargs, localPort, remotePort, listening, address } = handle as Partial<ChildProcess & Socket & Server>;
  if (spawnargs !== undefined) return `${kind}: ${spawnargs.join(" ")}`;
  if (localPort !== undefined) return `${kind}: port ${localPort}, peer's port ${remotePort ?? "unknown"}`;
  return listening === true ? `${kind}: ${JSON.stringify(address?.call(handle))}` : kind;
}
