import { fileURLToPath } from "node:url";
import { ChildClient } from "./child.ts";

/**
 * Python's `aiohttp`.
 *
 * @param python - the path of a Python that has it
 * @param compress - the argument of `ws_connect`: the window's size that it offers, in bits
 */
export const aiohttpClient = (python: string, compress: number): ChildClient =>
  new ChildClient(python, [fileURLToPath(new URL("aiohttp-child.py", import.meta.url)), String(compress)]);
