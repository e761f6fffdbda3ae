import { setTimeout as pause } from "node:timers/promises";
import { Child } from "../child.ts";
import { circumstances } from "../machine.ts";
import { mayRemember, remembered } from "../ports.ts";
import type { Outcome, SoakClients } from "./clients.ts";
import { type Sample, type SoakRecord, growthOf, isFlat } from "./record.ts";
import type { SoakServer } from "./server.ts";

/** The settings of a soak. */
export interface SoakPlan {
  /** The number of connections. */
  readonly connects: number;
  /** The number of connections at the same time, in each client process. */
  readonly atOnce: number;
  /** Connections between two samples. */
  readonly every: number;
  /** The number of client processes. */
  readonly processes: number;
  /** Numbers that the server keeps in memory for each connection. A test uses it to check that the soak finds leaks. */
  readonly leak?: number;
  /** Whether the server runs without optimizing compilers. Their late work would look like growth in a short run. */
  readonly steady?: boolean;
  /** Is called with each sample. */
  readonly onSample?: (sample: Sample) => void;
}

interface Children {
  readonly server: Child<SoakServer>;
  readonly clients: readonly Child<SoakClients>[];
}

const STEADY = ["--no-opt", "--no-maglev", "--no-sparkplug"];

/** Milliseconds between two checks of the ports. */
const PAUSE = 1_000;

/** Runs a soak. The server has a process of its own, and the clients have others. */
export async function runSoak(plan: SoakPlan): Promise<SoakRecord> {
  const server = new Child<SoakServer>("soak/server.ts", ["--expose-gc", ...(plan.steady ? STEADY : [])]);
  const clients = Array.from({ length: plan.processes }, () => new Child<SoakClients>("soak/clients.ts"));
  try {
    return await soak(plan, { server, clients });
  } finally {
    await Promise.all([server, ...clients].map((child) => child.stop()));
  }
}

async function soak(plan: SoakPlan, children: Children): Promise<SoakRecord> {
  const { server } = children;
  const { connects } = plan;
  const where = circumstances();
  const port = await server.call("listen", { leak: plan.leak ?? 0 });
  const start = performance.now();
  const seconds = (): number => Math.round((performance.now() - start) / 100) / 10;
  const outcomes: Outcome[] = [];
  const samples: Sample[] = [];
  for (let first = 0; first < connects; first += plan.every) {
    const count = Math.min(plan.every, connects - first);
    await waitForPorts();
    outcomes.push(...(await makeConnections(plan, children, { port, first, count })));
    const holdings = await server.call("holdings");
    const sample = { connects: first + count, seconds: seconds(), remembered: remembered(), ...holdings };
    samples.push(sample);
    plan.onSample?.(sample);
  }
  const growth = growthOf(samples);
  const end = samples.at(-1);
  return {
    circumstances: where,
    connects,
    seconds: seconds(),
    done: sum(outcomes.map((outcome) => outcome.done)),
    failures: outcomes.flatMap((outcome) => outcome.failures),
    counts: await server.call("counts"),
    opened: end?.opened ?? 0,
    closed: end?.closed ?? 0,
    left: end?.connections ?? 0,
    leaked: end?.held ?? 0,
    waiting: end?.waiting ?? 0,
    handlesLeft: await server.call("close"),
    growth,
    flat: isFlat(growth, connects),
    samples,
  };
}

/** Opens the connections of a batch, a part of them in each client process. */
function makeConnections(
  { atOnce }: SoakPlan,
  { clients }: Children,
  { port, first, count }: { readonly port: number; readonly first: number; readonly count: number },
): Promise<Outcome[]> {
  const part = Math.ceil(count / clients.length);
  return Promise.all(
    clients.map((client, i) => {
      const own = Math.min(part, count - i * part);
      return client.call("run", { port, first: first + i * part, count: own, atOnce });
    }),
  );
}

/** Waits until few connections are in TIME_WAIT, so that clients do not run out of ports. */
async function waitForPorts(): Promise<void> {
  while (remembered() > mayRemember()) await pause(PAUSE);
}

function sum(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const [key, n] of counts.flatMap((one) => Object.entries(one))) all[key] = (all[key] ?? 0) + n;
  return all;
}
