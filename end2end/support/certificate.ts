import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate for servers on loopback that nobody has signed, and its key. */
export class Certificate {
  /** In a file, for programs that are to believe it. */
  readonly file: string;
  readonly cert: string;
  readonly key: string;

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'supacloud-certificate-'));
    const [file, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=test'],
        ...['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', key, '-out', file],
      ],
      { stdio: 'pipe' },
    );
    this.file = file;
    this.cert = readFileSync(file, 'utf8');
    this.key = readFileSync(key, 'utf8');
  }
}
