import type { Target } from "../../../fuzz/engine/target.ts";
import { loopToy, readToy } from "./toy.ts";

/** True for the file of the toys: what a coverage counts in place of the library. */
export function isToy(url: string): boolean {
  return url.endsWith("/test/fuzz/toy/toy.ts");
}

/** A target whose bug a fuzzer finds that is guided by coverage, and no other. */
export const toy: Target = {
  name: "toy",
  notation: "hex",
  maxLength: 64,
  batch: 32,
  mutators: [],
  run(input) {
    readToy(input);
  },
};

/** A target without a bug, in which more means more. */
export const loop: Target = {
  ...toy,
  name: "loop",
  run(input) {
    loopToy(input[0] ?? 0);
  },
};
