import { defineConfig } from "vitest/config";

// For ../open-handles.test.ts, which runs these files and looks at what becomes of them.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.fixture.ts"],
    setupFiles: ["../open-handles.ts"],
    pool: "forks",
    // Otherwise they wait for each other.
    maxWorkers: 5,
    reporters: ["json"],
  },
});
