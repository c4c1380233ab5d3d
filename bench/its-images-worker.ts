/** One process of `npm run its-images`: slices of configurations of one flavour, as the parent hands them out. */
import { createGenerator } from '../src/base/rng.js';
import { createItsMachine, type ItsMachine } from '../src/study/its-machine.js';
import { checkMutants, checkRoundTrip, NR_VCPUS } from '../src/vgic/its/test-image-runs.js';

export interface ImageSlice {
  readonly flavour: string;
  readonly seed: number;
  readonly configurations: number;
  readonly mutantsEach: number;
}

export interface ImageSliceResult {
  readonly configurations: number;
  readonly mutants: number;
  /** Mutation → result → times. */
  readonly outcomes: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Most table slots that one restore read. */
  readonly mostSlots: number;
  readonly failure?: string;
}

const machines = new Map<string, ItsMachine>();

function runSlice({ flavour, seed, configurations, mutantsEach }: ImageSlice): ImageSliceResult {
  const machine = machines.get(flavour) ?? createItsMachine(flavour, NR_VCPUS);
  machines.set(flavour, machine);
  const rng = createGenerator(seed);
  const outcomes: Record<string, Record<string, number>> = {};
  let done = 0;
  let mutants = 0;
  let mostSlots = 0;
  const result = (): ImageSliceResult => ({ configurations: done, mutants, outcomes, mostSlots });
  try {
    for (; done < configurations; done++) {
      const image = checkRoundTrip(machine, rng);
      checkMutants(machine, image, rng, mutantsEach, ({ mutation, result: name, slots }) => {
        outcomes[mutation] ??= {};
        outcomes[mutation][name] = (outcomes[mutation][name] ?? 0) + 1;
        mutants += 1;
        mostSlots = Math.max(mostSlots, slots);
      });
    }
    return result();
  } catch (error) {
    // What a failure left behind must not fail the next slice too.
    machines.delete(flavour);
    return { ...result(), failure: `seed ${seed}, configuration ${done}: ${error}` };
  }
}

process.on('message', (slice: ImageSlice) => process.send?.(runSlice(slice)));
