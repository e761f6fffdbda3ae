import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { certificate } from "../../support/certificate.ts";
import { accepts, freePort } from "../../support/ports.ts";

/** The page for users: its configurations are those that are tested. */
const page = readFileSync("docs/guides/behind-a-proxy.md", "utf8");

/** The nth block of code of a language on the page. */
export function documented(language: string, index = 0): string {
  const blocks = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].filter(([, name]) => name === language);
  const block = blocks[index]?.[2];
  if (block === undefined)
    throw new Error(`docs/guides/behind-a-proxy.md has no block ${String(index)} of ${language}`);
  return block;
}

/** A configuration of this folder. */
export function configuration(name: string): string {
  return readFileSync(join("test/integration/proxies", name), "utf8");
}

/** A program that takes connections and passes them on. */
export interface ProxyProgram {
  readonly path: string;
  /** Writes all that it needs into its folder, and returns its arguments. */
  readonly prepare: (folder: string, site: string) => readonly string[];
}

/** nginx with this part of a configuration in its `http` block. */
export function nginx(path: string): ProxyProgram {
  return {
    path,
    prepare(folder, site) {
      copyFileSync("test/integration/proxies/nginx.conf", join(folder, "nginx.conf"));
      writeFileSync(join(folder, "site.conf"), site);
      return ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"];
    },
  };
}

/** HAProxy, as one process in the foreground. */
export function haproxy(path: string): ProxyProgram {
  return {
    path,
    prepare(folder, site) {
      writeFileSync(join(folder, "haproxy.cfg"), site);
      return ["-db", "-f", join(folder, "haproxy.cfg")];
    },
  };
}

/** Caddy, with no other listener, no certificates of its own, and no file outside its folder. */
export function caddy(path: string): ProxyProgram {
  return {
    path,
    prepare(folder, site) {
      const options = [
        "admin off",
        "auto_https off",
        `storage file_system ${folder}`,
        "servers {",
        "protocols h1 h2",
        "}",
      ];
      writeFileSync(join(folder, "Caddyfile"), ["{", ...options, "}", site].join("\n"));
      return ["run", "--config", join(folder, "Caddyfile"), "--adapter", "caddyfile"];
    },
  };
}

/** Another process may take a port between our look for it and the proxy's. */
const ATTEMPTS = 5;

/**
 * Starts a proxy for the length of a test. Returns its port on 127.0.0.1.
 *
 * @param site - a configuration for `:443` with TLS, and for a server on port 8080
 * @param upstream - the port of the server
 * @param isSecure - false: the proxy takes plain connections
 */
export async function startProxy(
  program: ProxyProgram,
  site: string,
  upstream: number,
  isSecure: boolean,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "hawser-proxy-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  writeFileSync(join(folder, "app.pem"), certificate.cert);
  writeFileSync(join(folder, "app.key"), certificate.key, { mode: 0o600 });
  writeFileSync(join(folder, "app-with-key.pem"), certificate.cert + certificate.key, { mode: 0o600 });
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const args = program.prepare(folder, adapt(site, { folder, port, upstream, isSecure }));
    const complaint = await run(program.path, args, port);
    if (complaint === undefined) return port;
    if (attempt === ATTEMPTS || !/in use|cannot bind/i.test(complaint)) throw new Error(complaint);
  }
}

interface Surroundings {
  readonly folder: string;
  readonly port: number;
  readonly upstream: number;
  readonly isSecure: boolean;
}

/** A configuration with the ports and the paths of a test. */
function adapt(site: string, { folder, port, upstream, isSecure }: Surroundings): string {
  const caddyTls = `  bind 127.0.0.1\n  tls ${folder}/app.pem ${folder}/app.key`;
  const adapted = site
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${String(upstream)}`)
    .replaceAll("/etc/ssl/", `${folder}/`)
    .replace(/^( *listen) 443 ssl;$/m, `$1 127.0.0.1:${String(port)}${isSecure ? " ssl" : ""};`)
    .replace(
      /^app\.example\.com \{$/m,
      isSecure ? `https://:${String(port)} {\n${caddyTls}` : `http://:${String(port)} {\n  bind 127.0.0.1`,
    )
    .replace(/^( *bind) :443 (ssl .*)$/m, `$1 127.0.0.1:${String(port)}${isSecure ? " $2" : ""}`);
  if (!adapted.includes(`:${String(port)}`)) throw new Error("the configuration has no line for the port 443");
  return adapted;
}

/** Runs a proxy until the end of the test. Returns what it says when it ends before it listens. */
async function run(path: string, args: readonly string[], port: number): Promise<string | undefined> {
  const child = spawn(path, args, { stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const ended = new Promise<void>((resolve) => {
    child.once("close", resolve).once("error", (error) => {
      complaint += String(error);
      resolve();
    });
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  while (!hasEnded(child)) {
    if (await accepts(port)) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await ended;
  return `${path} ended: ${complaint}`;
}

function hasEnded({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null || pid === undefined;
}
