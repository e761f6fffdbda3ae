import { afterEach, expect } from "vitest";
import type { Backplane } from "../../../src/backplane/contract.ts";
import { TestNode } from "./node.ts";
import { within } from "../within.ts";

/** A broker for one test. No other test sees its topics. */
export interface SuiteBroker {
  /** Joins the nodes. */
  readonly backplane: Backplane;
  /** The broker's clock, in milliseconds. */
  now(): number;
  /** Comes back when this many milliseconds have passed for the broker, or a few more. */
  pass(ms: number): Promise<void>;
  /** Lets the lease of a node run out, which was closed or does not send heartbeats. The others' leases go on. */
  endLease(node: string): Promise<void>;
  /** Comes back when everything has come that was sent before. */
  settle(): Promise<void>;
  /** Ends what was started for this test. */
  end(): Promise<void>;
}

/** Makes a broker. */
export type MakeBroker = () => Promise<SuiteBroker>;

/** What a test of the suite begins with. */
export interface SuiteRig {
  readonly broker: SuiteBroker;
  readonly a: TestNode;
  readonly b: TestNode;
  /** One more node. */
  readonly open: (rules?: string) => Promise<TestNode>;
}

/** Returns a function that opens two nodes. They are closed after the test; nothing must have failed. */
export function rigs(make: MakeBroker): () => Promise<SuiteRig> {
  const nodes: TestNode[] = [];
  const brokers: SuiteBroker[] = [];
  afterEach(async () => {
    await Promise.all(nodes.map(({ driver }) => driver.close(within(1_000))));
    await Promise.all(brokers.map((broker) => broker.end()));
    const failures = nodes.flatMap((node) => node.failures);
    nodes.length = brokers.length = 0;
    expect(failures).toEqual([]);
  });
  return async () => {
    const broker = await make();
    brokers.push(broker);
    const open = async (rules?: string): Promise<TestNode> => {
      const node = new TestNode(broker.backplane, rules);
      nodes.push(node);
      return node.open();
    };
    return { broker, a: await open(), b: await open(), open };
  };
}
