/**
 * A CPU profile in the format of speedscope: one sampled profile, stacks from the outermost function inwards.
 * Format: https://www.speedscope.app/file-format-schema.json
 */
import { type CpuProfile, type CpuProfileNode, sampleTimes } from '../stats/cpu-profile.js';

export function renderSpeedscopeProfile(name: string, exporter: string, profile: CpuProfile): string {
  const { nodes, samples } = profile;
  const parentOf = new Map<number, number>();
  const nodeOf = new Map<number, CpuProfileNode>();
  for (const node of nodes) {
    nodeOf.set(node.id, node);
    for (const child of node.children ?? []) parentOf.set(child, node.id);
  }
  const frames: object[] = [];
  const frameOf = new Map<string, number>();
  const frameIndex = ({ callFrame }: CpuProfileNode): number => {
    const { functionName, url, lineNumber, columnNumber } = callFrame;
    const key = `${functionName} ${url} ${lineNumber} ${columnNumber}`;
    let index = frameOf.get(key);
    if (index === undefined) {
      index = frames.length;
      frameOf.set(key, index);
      const label = functionName === '' ? '(anonymous)' : functionName;
      frames.push(
        url === '' ? { name: label } : { name: label, file: url, line: lineNumber + 1, col: columnNumber + 1 },
      );
    }
    return index;
  };
  const stackOf = new Map<number, number[]>();
  const stack = (id: number): number[] => {
    const known = stackOf.get(id);
    if (known !== undefined) return known;
    const node = nodeOf.get(id);
    const parent = parentOf.get(id);
    // The root stands for no function.
    const found = node === undefined || parent === undefined ? [] : [...stack(parent), frameIndex(node)];
    stackOf.set(id, found);
    return found;
  };
  const stacks = samples.map(stack);
  const weights = sampleTimes(profile);
  return `${JSON.stringify({
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    shared: { frames },
    profiles: [
      {
        type: 'sampled',
        name,
        unit: 'microseconds',
        startValue: 0,
        endValue: weights.reduce((sum, us) => sum + us, 0),
        samples: stacks,
        weights,
      },
    ],
    name,
    activeProfileIndex: 0,
    exporter,
  })}\n`;
}
