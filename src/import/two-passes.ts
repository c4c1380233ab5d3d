/**
 * Sources whose machine must be known before their first event: a survey of the whole source, made in a pass of its own,
 * or of its beginning, which is held back.
 */
import type { TraceHeader } from '../trace/header.js';

/** Bytes held back for the survey if no survey is given. */
export const SURVEY_BYTES = 64 << 20;

/** First pass over a source. `end` throws InputError if it is not what it should be; `push` may throw it early. */
export interface Surveyor<Survey> {
  push(chunk: Uint8Array): void;
  end(): Survey;
}

/** Takes the bytes of a source in order; the header is known at the end. */
export interface ByteImporter {
  push(chunk: Uint8Array): void;
  end(): TraceHeader;
}

/** `begin` makes the importer proper once the survey is there. */
export function createSurveyedImporter<Survey>(
  given: Survey | undefined,
  createSurveyor: () => Surveyor<Survey>,
  begin: (survey: Survey) => ByteImporter,
): ByteImporter {
  let running = given === undefined ? undefined : begin(given);
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const release = (): ByteImporter => {
    const surveyor = createSurveyor();
    for (const chunk of held) surveyor.push(chunk);
    const importer = begin(surveyor.end());
    running = importer;
    for (const chunk of held) importer.push(chunk);
    held = [];
    return importer;
  };
  return {
    push(chunk) {
      if (running !== undefined) {
        running.push(chunk);
        return;
      }
      held.push(chunk.slice());
      heldBytes += chunk.length;
      if (heldBytes >= SURVEY_BYTES) release();
    },
    end: () => (running ?? release()).end(),
  };
}
