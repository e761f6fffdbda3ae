import { readFileSync, writeFileSync } from "node:fs";
import { type State, events, states, transitions } from "../src/protocol/state.ts";

const roles = ["server", "client"] as const;

/**
 * Draws the states of a connection from the table in the code. With `--write` it updates the diagram in
 * docs/architecture.md. Without it, it fails if that diagram does not match the table.
 */
const page = new URL("../docs/architecture.md", import.meta.url);
const begin = "<!-- states:begin -->\n";
const end = "<!-- states:end -->";

function draw(): string {
  const lines = states.flatMap(arrowsFrom);
  return ["", "```mermaid", "stateDiagram-v2", "  [*] --> open", ...lines, "  closed --> [*]", "```", "", ""].join(
    "\n",
  );
}

/** One arrow to each state that can follow, with all the events that lead there. */
function arrowsFrom(from: State): string[] {
  const targets = new Map<State, string[]>();
  const add = (to: State, label: string): void => void targets.set(to, [...(targets.get(to) ?? []), label]);
  for (const event of events) {
    const next = transitions[from][event];
    if (typeof next === "string") add(next, event);
    else if (next !== undefined) for (const role of roles) add(next[role], `${event} (${role})`);
  }
  return [...targets].map(([to, by]) => `  ${from} --> ${to}: ${by.join(", ")}`);
}

const text = readFileSync(page, "utf8");
const from = text.indexOf(begin) + begin.length;
const drawn = text.slice(0, from) + draw() + text.slice(text.indexOf(end));

if (process.argv.includes("--write")) writeFileSync(page, drawn);
else if (drawn !== text) {
  console.error(
    "docs/architecture.md: the diagram does not match src/protocol/state.ts; run: npm run diagram -- --write",
  );
  process.exitCode = 1;
}
