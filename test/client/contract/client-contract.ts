import { expect, onTestFinished, test } from "vitest";
import type { Script } from "./script.ts";
import { ScriptedServer } from "./scripted-server.ts";
import { scenarios } from "./scenarios/all.ts";

/** Scenarios that a platform cannot run, and why. */
export interface Skip {
  readonly reason: string;
  readonly tests: readonly string[];
}

/** Where clients run. */
export interface Place {
  /** Runs one scenario there, with this server. Rejects if it fails. */
  run(title: string, script: Script): Promise<void>;
}

/**
 * What every client does, whatever it runs on: a test of each scenario.
 *
 * @param place - makes the place where the clients run, once for all
 */
export function clientContract({ place, skip = [] }: { place: () => Place; skip?: readonly Skip[] }): void {
  const unknown = skip.flatMap(({ tests }) => tests).filter((title) => !Object.hasOwn(scenarios, title));
  if (unknown.length > 0) throw new Error(`there are no such scenarios: ${unknown.join("; ")}`);
  for (const title of Object.keys(scenarios)) {
    const reason = skip.find(({ tests }) => tests.includes(title))?.reason;
    test(title, async (context) => {
      if (reason !== undefined) context.skip(reason);
      const server = new ScriptedServer();
      onTestFinished(() => server.stop());
      await expect(place().run(title, server)).resolves.toBeUndefined();
    });
  }
}
