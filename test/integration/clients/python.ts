import { fileURLToPath } from "node:url";
import { ChildClient } from "./child.ts";

/**
 * Python's `websockets`.
 *
 * @param python - the path of a Python that has it
 */
export const pythonClient = (python: string): ChildClient =>
  new ChildClient(python, [fileURLToPath(new URL("python-child.py", import.meta.url))]);
