// The clients of the soak, in a process of their own: the parent process starts them, one batch after the other.
import { answerParent } from "../child.ts";
import { withTimeout } from "../wait.ts";
import { addressOf } from "../ports.ts";
import { type Scenario, scenarios } from "./scenarios.ts";

/** A number of connections to open. */
export interface Batch {
  /** The server's port. */
  readonly port: number;
  /** The number of the first connection. A connection's number decides its scenario and its address. */
  readonly first: number;
  /** The number of connections. */
  readonly count: number;
  /** The number of connections at the same time. */
  readonly atOnce: number;
}

/** The result of a batch. */
export interface Outcome {
  /** For each scenario, the number of connections that ended as expected. */
  readonly done: Readonly<Record<string, number>>;
  /** The other connections, as text. */
  readonly failures: readonly string[];
}

/** The methods of this process. */
export interface SoakClients {
  /** Opens the connections, and returns when all have ended. */
  readonly run: (batch: Batch) => Promise<Outcome>;
}

/** Milliseconds after which a scenario has failed. */
const DEADLINE = 20_000;

/** A hundred scenarios, each as often as its share says, in a mixed order. */
const cycle = mixed(scenarios.flatMap((scenario) => Array.from({ length: scenario.share }, () => scenario)));

async function run({ port, first, count, atOnce }: Batch): Promise<Outcome> {
  const done = Object.fromEntries(scenarios.map(({ name }) => [name, 0]));
  const failures: string[] = [];
  let next = first;
  const worker = async (): Promise<void> => {
    while (next < first + count) {
      const n = next++;
      const scenario = cycle[n % cycle.length];
      if (scenario === undefined) continue;
      try {
        await withTimeout(scenario.run({ port, from: addressOf(n) }, n), DEADLINE, "the scenario");
        done[scenario.name] = (done[scenario.name] ?? 0) + 1;
      } catch (error) {
        failures.push(`connection ${String(n)}, ${scenario.name}: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { done, failures };
}

/** The same list in another order: each step skips the same number of entries. */
function mixed(list: readonly Scenario[]): Scenario[] {
  // It has no common divisor with a hundred, so each entry is used once.
  const step = 37;
  return list.map((scenario, i) => list[(i * step) % list.length] ?? scenario);
}

const methods: SoakClients = { run };
answerParent(methods);
