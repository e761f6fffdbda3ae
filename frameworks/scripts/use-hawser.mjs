// Puts the built package into node_modules, as an installation would: package.json and dist, nothing else. Not a link, so that
// hawser finds the frameworks that a program uses, and their types, as it does in a project of a user.
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";

const root = new URL("../../", import.meta.url);
const installed = new URL("../node_modules/hawser/", import.meta.url);

if (!existsSync(new URL("dist/hawser.js", root)))
  throw new Error("dist is missing: run npm run build in the root first");
rmSync(installed, { recursive: true, force: true });
mkdirSync(installed, { recursive: true });
for (const name of ["package.json", "dist"]) cpSync(new URL(name, root), new URL(name, installed), { recursive: true });
