/** Facts about this machine, from the operating system; what it does not tell is 'unknown'. Judged by stats/fitness.ts. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg, type as osType, release } from 'node:os';
import type { Disturbance, MachineFacts, TimerFacts, Unknown } from '../stats/fitness.js';

const UNKNOWN: Unknown = 'unknown';

/** Text of a small file of the system, or undefined. */
function readFact(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** `--a` and `--b=1` of the process and of NODE_OPTIONS, sorted. */
const listFlags = (): string[] =>
  [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)]
    .filter((flag) => flag.startsWith('--'))
    .sort();

export function machineFacts(): MachineFacts {
  const cpu = cpus()[0]?.model.trim() || UNKNOWN;
  const cores = cpus().length;
  const flags = listFlags();
  const [major] = process.versions.node.split('.');
  const identity = [cpu, cores, osType(), process.arch, major, ...flags];
  return {
    fingerprint: createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 12),
    cpu,
    cores,
    os: `${osType()} ${release()}`,
    arch: process.arch,
    node: process.version,
    v8: process.versions.v8,
    flags,
    governor: readFact('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor') ?? UNKNOWN,
    turbo: readTurbo(),
    smt: readSmt(),
    container: findContainer(),
    virtualMachine: findVirtualMachine(),
    quotaCpus: readQuota(),
    load: loadavg()[0],
    swapUsedMb: readSwap(),
  };
}

function readTurbo(): MachineFacts['turbo'] {
  const noTurbo = readFact('/sys/devices/system/cpu/intel_pstate/no_turbo');
  if (noTurbo !== undefined) return noTurbo === '0' ? 'on' : 'off';
  const boost = readFact('/sys/devices/system/cpu/cpufreq/boost');
  return boost === undefined ? UNKNOWN : boost === '1' ? 'on' : 'off';
}

function readSmt(): MachineFacts['smt'] {
  const active = readFact('/sys/devices/system/cpu/smt/active');
  return active === undefined ? UNKNOWN : active === '1' ? 'on' : 'off';
}

function findContainer(): string {
  if (existsSync('/.dockerenv')) return 'docker';
  if (existsSync('/run/.containerenv')) return 'podman';
  const groups = readFact('/proc/1/cgroup');
  if (groups === undefined) return UNKNOWN;
  const known = /docker|kubepods|containerd|lxc|libpod/.exec(groups);
  return known === null ? 'none' : known[0];
}

function findVirtualMachine(): string {
  const info = readFact('/proc/cpuinfo');
  if (info === undefined) return UNKNOWN;
  if (!/^flags\s*:.*\bhypervisor\b/m.test(info)) return 'none';
  return readFact('/sys/class/dmi/id/sys_vendor') || 'a hypervisor';
}

/** Of cgroup v2, else of v1. */
function readQuota(): MachineFacts['quotaCpus'] {
  const v2 = readFact('/sys/fs/cgroup/cpu.max');
  const v1 = readFact('/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
  const [quota, period] =
    v2?.split(' ') ?? (v1 === undefined ? [] : [v1, readFact('/sys/fs/cgroup/cpu/cpu.cfs_period_us')]);
  if (quota === undefined || period === undefined) return UNKNOWN;
  return quota === 'max' || Number(quota) <= 0 ? null : Number(quota) / Number(period);
}

function readSwap(): number | Unknown {
  const memory = readFact('/proc/meminfo');
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(memory ?? '')?.[1]);
  const used = (kilobytes('SwapTotal') - kilobytes('SwapFree')) / 1024;
  return Number.isNaN(used) ? UNKNOWN : used;
}

/** Ticks of all CPUs so far: in all, and those that a hypervisor gave to others. */
function readTicks(): { readonly all: number; readonly steal: number } | undefined {
  const line = /^cpu\s+(.*)$/m.exec(readFact('/proc/stat') ?? '')?.[1];
  if (line === undefined) return undefined;
  // user nice system idle iowait irq softirq steal; guest time is in user time already.
  const ticks = line.split(/\s+/).slice(0, 8).map(Number);
  return { all: ticks.reduce((sum, each) => sum + each, 0), steal: ticks[7] ?? 0 };
}

const CPU_FOLDER = '/sys/devices/system/cpu';

function readThrottled(): number | undefined {
  if (!existsSync(CPU_FOLDER)) return undefined;
  const counts = readdirSync(CPU_FOLDER)
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => readFact(`${CPU_FOLDER}/${name}/thermal_throttle/core_throttle_count`))
    .filter((count) => count !== undefined);
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + Number(count), 0);
}

/** Begins to watch; the function returned says what happened since. */
export function watchDisturbance(): () => Disturbance {
  const ticks = readTicks();
  const throttled = readThrottled();
  return () => {
    const [nowTicks, nowThrottled] = [readTicks(), readThrottled()];
    const all = ticks === undefined || nowTicks === undefined ? 0 : nowTicks.all - ticks.all;
    return {
      steal:
        ticks === undefined || nowTicks === undefined || all === 0 ? UNKNOWN : (nowTicks.steal - ticks.steal) / all,
      throttled: throttled === undefined || nowThrottled === undefined ? UNKNOWN : nowThrottled - throttled,
    };
  };
}

const TIMER_ROUNDS = 20;
const TIMER_CALLS = 1000;

/** Of performance.now. The step is the smallest difference seen between two calls; the overhead that of the fastest round. */
export function measureTimer(): TimerFacts {
  let granularity = Number.POSITIVE_INFINITY;
  let overhead = Number.POSITIVE_INFINITY;
  for (let round = 0; round < TIMER_ROUNDS; round++) {
    const start = performance.now();
    let last = start;
    for (let call = 0; call < TIMER_CALLS; call++) {
      const now = performance.now();
      if (now > last) granularity = Math.min(granularity, now - last);
      last = now;
    }
    overhead = Math.min(overhead, (last - start) / TIMER_CALLS);
  }
  return { granularityNs: granularity * 1e6, overheadNs: overhead * 1e6 };
}
