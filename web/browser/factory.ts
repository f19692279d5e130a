import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import type { Order, OrderState, OrderStatus, Stage } from "../src/api/schema.gen";

const binary = resolve(import.meta.dirname, "../../bin/cupcakery");
const tools = resolve(import.meta.dirname, "../../.tools");
const temporalCLI = join(tools, "temporal");
const patience = 120_000;

/** The demo staff of `cupcakery dev`. */
export const staff = {
  mix: { name: "mia", pin: "111111" },
  bake: { name: "bob", pin: "222222" },
  decorate: { name: "dora", pin: "333333" },
  package: { name: "pat", pin: "444444" },
  manager: { name: "max", pin: "555555" },
} as const;

/** A time zone in which it is noon, so that no test that asks for today meets a midnight. */
export const noon = `Etc/GMT${signed(new Date().getUTCHours() - 12)}`;

/** A number as such zones are named: the sign is the other way round from what people say. */
function signed(hours: number): string {
  return hours < 0 ? String(hours) : `+${hours}`;
}

export type Person = (typeof staff)[keyof typeof staff];

/** One running process of the binary. */
class Part {
  readonly #name: string;
  readonly #process: ChildProcess;
  #output = "";

  constructor(name: string, args: readonly string[]) {
    this.#name = name;
    this.#process = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
    const keep = (data: Buffer) => (this.#output += data.toString());
    this.#process.stdout?.on("data", keep);
    this.#process.stderr?.on("data", keep);
  }

  get output(): string {
    return this.#output;
  }

  check(): void {
    if (this.#process.exitCode !== null) throw new Error(`${this.#name} has exited:\n${this.#output}`);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((done) => this.#process.once("exit", done));
    this.#process.kill(signal);
    await ended;
  }
}

/** Waits for a condition; the deadline is only how long that may take at most. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`this did not happen: ${what}`);
    await pause(50);
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

interface Addresses {
  readonly temporal?: string;
  readonly temporalUI?: string;
  readonly kafka?: string;
  readonly ledger?: string;
}

/**
 * A factory on this machine: Temporal, Kafka, worker and API, each a process
 * of its own, so that each can be killed and started again.
 */
export class Factory {
  /** The kitchen file at the start. */
  readonly #kitchen: string;
  /** More for the API's command line, such as a demo. */
  readonly #apiArgs: readonly string[];
  /** Whether a ledger remembers the orders, in a PostgreSQL beside the API. */
  readonly #hasLedger: boolean;
  readonly #dir = mkdtempSync(join(tmpdir(), "cupcakery-pages-"));
  readonly #parts = new Map<string, Part>();
  readonly #cookies = new Map<Person, Promise<string>>();
  #kafkaPort = 0;
  #apiPort = 0;
  #temporal = "";
  #ledger = "";

  constructor(kitchen: string, apiArgs: readonly string[] = [], hasLedger = false) {
    this.#kitchen = kitchen;
    this.#apiArgs = apiArgs;
    this.#hasLedger = hasLedger;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#apiPort}`;
  }

  get temporal(): string {
    return this.#temporal;
  }

  get kafka(): string {
    return `127.0.0.1:${this.#kafkaPort}`;
  }

  async start(): Promise<void> {
    [this.#kafkaPort, this.#apiPort] = [await freePort(), await freePort()];
    writeFileSync(join(this.#dir, "kitchen.yaml"), this.#kitchen);
    await this.startKafka();
    const ports = [await freePort(), await freePort()];
    const addresses = await this.#start("temporal", ["--temporal-port", String(ports[0]), "--temporal-ui-port", String(ports[1]), "--temporal-cli", temporalCLI]);
    this.#temporal = addresses.temporal ?? "";
    await this.startWorker();
    await this.startAPI();
  }

  async stop(): Promise<void> {
    for (const name of ["api", "worker", "kafka", "temporal"]) await this.#parts.get(name)?.end("SIGTERM");
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async startKafka(): Promise<void> {
    await this.#start("kafka", ["--kafka-port", String(this.#kafkaPort)]);
  }

  async startWorker(): Promise<void> {
    await this.#start("worker", ["--kafka-brokers", this.kafka, "--temporal-address", this.#temporal]);
  }

  async startAPI(): Promise<void> {
    const addresses = await this.#start("api", ["--kitchen", join(this.#dir, "kitchen.yaml"), "--api-port", String(this.#apiPort), "--metrics-port", "0", "--kafka-brokers", this.kafka, "--temporal-address", this.#temporal, ...(this.#hasLedger ? ["--ledger", "--postgres-port", "0"] : []), ...this.#apiArgs]);
    this.#ledger = addresses.ledger ?? "";
    await until("the API is ready", async () => (await fetch(`${this.url}/readyz`).catch(() => undefined))?.ok);
  }

  /** Lets the ledger's database throw everybody out and take nobody in, or take them in again. */
  async openLedger(isOpen: boolean): Promise<void> {
    const elsewhere = new URL(this.#ledger);
    elsewhere.pathname = "/postgres";
    const programs = readdirSync(tools).find((name) => /^postgresql-[\d.]+\d$/.test(name)) ?? "";
    const commands = [`ALTER DATABASE ledger ALLOW_CONNECTIONS ${isOpen}`, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ledger' AND usename = current_user"];
    await promisify(execFile)(join(tools, programs, "bin/psql"), [elsewhere.href, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", ...commands.flatMap((command) => ["--command", command])]);
  }

  /** Gives the kitchen another file, which the API reads when it is started again. */
  async changeKitchen(file: string): Promise<void> {
    writeFileSync(join(this.#dir, "kitchen.yaml"), file);
    await this.kill("api");
    await this.startAPI();
  }

  /** Kills a part as a power cut would. */
  async kill(name: "kafka" | "worker" | "api"): Promise<void> {
    await this.#parts.get(name)?.end("SIGKILL");
  }

  /** The part's log. */
  logOf(name: "worker" | "api"): string {
    return this.#parts.get(name)?.output ?? "";
  }

  async #start(service: string, args: readonly string[]): Promise<Addresses> {
    const ready = join(this.#dir, `${service}.json`);
    const part = new Part(service, [
      "dev", "--services", service, "--data-dir", join(this.#dir, service), "--ready-file", ready,
      "--log-level", "info", ...args,
    ]);
    this.#parts.set(service, part);
    await until(`${service} is up`, () => {
      part.check();
      return Promise.resolve(existsSync(ready));
    });
    return JSON.parse(readFileSync(ready, "utf8")) as Addresses;
  }

  async place(order: Partial<Order> = {}): Promise<OrderStatus> {
    const response = await fetch(`${this.url}/api/v1/orders`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ customer: { name: "Ada" }, lines: [{ flavour: "lemon", size: "M", quantity: 6 }], ...order }),
    });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as OrderStatus;
  }

  async order(id: string): Promise<OrderStatus | undefined> {
    const response = await fetch(`${this.url}/api/v1/orders/${id}`);
    return response.ok ? ((await response.json()) as OrderStatus) : undefined;
  }

  async untilState(id: string, state: OrderState): Promise<OrderStatus> {
    return until(`the order is ${state}`, async () => {
      const order = await this.order(id);
      return order?.state === state && order;
    });
  }

  async untilWaitingFor(id: string, stage: Stage): Promise<OrderStatus> {
    return until(`the order waits for ${stage}`, async () => {
      const order = await this.order(id);
      return order?.waitingFor === stage && order;
    });
  }

  /** The cookie of a person's session. Whoever asks at the same time shares one sign-in: the API limits those for one name. */
  cookieOf(person: Person): Promise<string> {
    const cookie = this.#cookies.get(person) ?? this.#signIn(person);
    this.#cookies.set(person, cookie);
    return cookie;
  }

  async #signIn(person: Person): Promise<string> {
    const response = await fetch(`${this.url}/api/v1/session`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(person) });
    if (!response.ok) throw new Error(await response.text());
    return (response.headers.get("Set-Cookie") ?? "").split(";")[0] ?? "";
  }

  /** Acks a ticket without a browser. */
  async ack(person: Person, ticketId: string, ack: object): Promise<void> {
    const stage = ticketId.split(".")[1] ?? "";
    const cookie = await this.cookieOf(person);
    await until(`${person.name} acks ${JSON.stringify(ack)} at ${stage}`, async () => {
      const response = await fetch(`${this.url}/api/v1/stations/${stage}/tickets/${ticketId}/acks`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Cookie: cookie },
        body: JSON.stringify(ack),
      });
      if (response.ok) return true;
      const problem = await response.text();
      // The log does not have the ticket yet, or the failed ticket was not issued again yet.
      if (response.status === 404 || response.status === 503 || problem.includes("waits for its next attempt")) return undefined;
      throw new Error(problem);
    });
  }

  /** Takes an order through stages without a browser. A manager works at those after them that no test names. */
  async work(id: string, ...through: readonly Stage[]): Promise<void> {
    const people: Partial<Record<Stage, Person>> = staff;
    for (const named of through) {
      const { route } = await this.untilWaitingFor(id, named);
      const after = route.slice(route.indexOf(named) + 1);
      const next = after.findIndex((stage) => people[stage]);
      for (const stage of [named, ...after.slice(0, next < 0 ? undefined : next)]) {
        const { stages } = await this.untilWaitingFor(id, stage);
        const pass = Math.max(...stages.map((row) => row.pass));
        await this.ack(people[stage] ?? staff.manager, `${id}.${stage}.${pass}`, { kind: "started" });
        await this.ack(people[stage] ?? staff.manager, `${id}.${stage}.${pass}`, { kind: "done" });
      }
    }
  }
}
