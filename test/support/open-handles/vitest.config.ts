import { defineConfig } from "vitest/config";

// For ../open-handles.test.ts, which runs these files and looks at what becomes of them.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.fixture.ts"],
    setupFiles: ["../open-handles.ts"],
    pool: "forks",
    // They wait for each other's patience otherwise.
    maxWorkers: 5,
    reporters: ["json"],
  },
});
