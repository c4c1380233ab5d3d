/**
 * A guest program at a size, under a strategy and a flavour → its figure in every dimension. Exact: the same program gives
 * the same figures, whatever ran before it on the same evaluator.
 */
import { flavourNamed } from '../gic/flavour/index.js';
import type { Machine } from '../gic/intid.js';
import { expandProgram } from '../hostile/expand.js';
import { type GuestProgram, interruptsOn, type ProgramSize, programMachine } from '../hostile/program.js';
import { createModel, findStrategyLack } from '../replay/create-model.js';
import { createEngine, type Engine } from '../replay/engine.js';
import { type ChosenStrategy, strategyNamed } from '../strategy/index.js';
import { GUEST_DRAIN, packWord, wordKind } from '../trace/events.js';
import { HostStop } from '../vgic/host-stop.js';
import type { Vgic } from '../vgic/vgic.js';
import { type Attacker, findForbidden, writesOf } from './attacker.js';
import { readFigures } from './dimensions.js';
import { createInstructionCounter, estimateInstructions } from './instructions.js';

/** Under what a program is judged. */
export interface Target {
  readonly flavour: string;
  /** As strategyNamed takes it: `hybrid:threshold=32`. */
  readonly strategy: string;
}

/** When an evaluation gives up, so that one program cannot take the time of all others. */
export interface Limits {
  readonly events: number;
  /** Modelled steps of the host. */
  readonly steps: number;
  /** Size at which the attacker's instructions are counted: what a program has at a smaller one says little. */
  readonly counted: ProgramSize;
}

export interface Evaluation {
  /** By index into dimensions.ts; undefined: forbidden to the attacker, too long, or impossible on this machine. */
  readonly figures: readonly number[] | undefined;
  /** Events, and modelled steps at the weight of STEPS_PER_EVENT: a measure of time that is the same everywhere. */
  readonly work: number;
}

export interface Evaluator {
  evaluate(program: GuestProgram, target: Target, size: ProgramSize): Evaluation;
}

/** Modelled steps that take about as long as an event does, with the share of the whole evaluation that it has. */
const STEPS_PER_EVENT = 64;
const workOf = (events: number, steps: number): number => events + Math.ceil(steps / STEPS_PER_EVENT);

/** To find out that it cannot be run takes time, too. */
const REJECTED: Evaluation = { figures: undefined, work: 16 };

interface Model {
  readonly vgic: Vgic;
  readonly engine: Engine;
}

/** Models that a search keeps: each new machine costs more than a replay does. */
const SEARCH_MODELS = 48;

/** Events of the program that was expanded last; reused for every strategy of a flavour. */
interface Expansion {
  readonly key: string;
  readonly machine: Machine;
  readonly count: number;
  readonly instructions: number;
  readonly isTooLong: boolean;
}

class ProgramTooLong extends Error {}

/** `keptModels`: how many machines and strategies it remembers. */
export function createEvaluator(attacker: Attacker, limits: Limits, keptModels = SEARCH_MODELS): Evaluator {
  const models = new Map<string, Model>();
  const word = new Int32Array(limits.events);
  const value = new Int32Array(limits.events);
  let expansion: Expansion | undefined;

  function modelFor(key: string, machine: Machine, chosen: ChosenStrategy): Model {
    const known = models.get(key);
    if (known !== undefined) {
      known.vgic.reset();
      known.engine.resetSystems();
      return known;
    }
    if (models.size >= keptModels) models.delete(models.keys().next().value!);
    const vgic = createModel(machine, chosen);
    const model = { vgic, engine: createEngine(vgic) };
    models.set(key, model);
    return model;
  }

  function expand(program: GuestProgram, flavour: string, size: ProgramSize): Expansion {
    const { isXen } = flavourNamed(flavour);
    const key = `${isXen ? flavour : ''}|${size.n}|${size.nrLr}|${JSON.stringify(program)}`;
    const machine = programMachine(program, size, flavour, isXen);
    if (expansion?.key === key) return { ...expansion, machine };
    const counter = createInstructionCounter();
    const interrupts = interruptsOn(program, size, machine);
    const prologue = prologueEvents(interrupts, machine);
    let count = 0;
    let isTooLong = false;
    const sink = {
      event(kind: number, vcpu: number, intid: number, what: number): void {
        if (count === limits.events || counter.count > attacker.instructions) throw new ProgramTooLong();
        word[count] = packWord(kind, vcpu, intid);
        value[count] = what;
        count += 1;
        if (count > prologue) counter.see(kind, intid);
      },
    };
    try {
      expandProgram(program, machine, { ...interrupts, writesPerExit: writesOf(attacker) }, sink);
    } catch (error) {
      if (!(error instanceof ProgramTooLong)) throw error;
      isTooLong = true;
    }
    isTooLong ||= counter.count > attacker.instructions;
    expansion = { key, machine, count, instructions: counter.count, isTooLong };
    return expansion;
  }

  return {
    evaluate(program, { flavour, strategy }, size) {
      if (findForbidden(program, attacker) !== undefined) return REJECTED;
      if (estimateInstructions(program, limits.counted) > attacker.instructions) return REJECTED;
      const { machine, count, instructions, isTooLong } = expand(program, flavour, size);
      const chosen = strategyNamed(strategy);
      if (isTooLong || findStrategyLack(machine, chosen.strategy) !== undefined) return REJECTED;
      const { model, nrVcpus, nrSpis, nrLpis, nrLr } = machine;
      const key = [flavour, strategy, model, nrVcpus, nrSpis, nrLpis, nrLr].join('|');
      const { vgic, engine } = modelFor(key, machine, chosen);
      const { cost } = vgic.state;
      let at = Math.min(count, prologueEvents(interruptsOn(program, size, machine), machine));
      engine.run(word, value, at);
      // What the guest's boot cost is not the attack's.
      cost.max.fill(0);
      cost.sectionMax.fill(0);
      cost.sectionSum.fill(0);
      cost.kicks = cost.ipis = 0;
      const before = cost.totalSteps;
      /** Instructions of drains beside the one that each counts as. */
      let drained = 0;
      let stopped = false;
      try {
        while (at < count) {
          const end = Math.min(count, at + CHECKED_EVENTS);
          for (; at < end; at++) {
            const { acks } = cost;
            engine.step(word[at], value[at]);
            // An acknowledge and an end for each interrupt; one acknowledge finds that there is none.
            if (wordKind(word[at]) === GUEST_DRAIN) drained += Math.max(0, 2 * (cost.acks - acks) - 1);
          }
          if (cost.totalSteps - before > limits.steps) return { figures: undefined, work: workOf(at, limits.steps) };
        }
      } catch (error) {
        if (!(error instanceof HostStop)) throw error;
        stopped = true;
        // It died in the middle of a call; nothing says that a reset can mend it.
        models.delete(key);
      }
      const steps = cost.totalSteps - before;
      const figures = readFigures({ cost, steps, instructions: instructions + drained, stopped });
      return { figures, work: workOf(at, steps) };
    },
  };
}

/** Events between two looks at the steps. */
const CHECKED_EVENTS = 16;

/** Before the program's own: expand.ts sets target, priority and enable of every SPI, and maps every LPI. */
const prologueEvents = ({ spis, lpis }: { spis: number; lpis: number }, { model }: Machine): number =>
  3 * spis + (model === 'gicv3' ? lpis : 0);
