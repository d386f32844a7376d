import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PATIENCE_MS = 30_000;

/** The receiving end of a console socket, and what the terminal then prints. */
export class Terminal {
  readonly path: string;
  #child: ChildProcess;
  #chunks: Buffer[] = [];
  #ended: Promise<void>;

  private constructor(path: string) {
    this.path = path;
    const script = fileURLToPath(new URL('console.py', import.meta.url));
    this.#child = spawn('python3', [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  static async listen(path: string): Promise<Terminal> {
    const terminal = new Terminal(path);
    await new Promise<void>((resolve, reject) => {
      terminal.#child.once('error', reject);
      terminal.#child.once('exit', (code) => reject(new Error(`the console's receiver ended with ${code}`)));
      terminal.#child.stdout?.once('data', () => {
        resolve();
        terminal.#child.stdout?.on('data', (chunk: Buffer) => terminal.#chunks.push(chunk));
      });
    });
    return terminal;
  }

  /** All that was printed until the terminal hung up, or until there is nothing more to wait for. */
  async output(): Promise<Buffer> {
    const timer = setTimeout(() => {
      this.#chunks.push(Buffer.from('== console\nit neither comes nor hangs up\n'));
      this.close();
    }, PATIENCE_MS);
    await this.#ended;
    clearTimeout(timer);
    return Buffer.concat(this.#chunks);
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}
