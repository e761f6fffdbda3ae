import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where a key and a certificate for 127.0.0.1 are. */
export interface CertificateFiles {
  readonly key: string;
  readonly cert: string;
  remove(): void;
}

/** Makes a key and a self-signed certificate with OpenSSL. */
export function makeCertificate(): CertificateFiles {
  const folder = mkdtempSync(join(tmpdir(), "hawser-bench-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...kind, ...name, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { key, cert, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
