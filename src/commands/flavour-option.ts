/** `--flavour` of the verbs that replay. */
import { flavourNamed, flavours } from '../gic/flavour/index.js';

export const FLAVOUR_CHOICES = flavours.map(({ id }) => id).join(', ');
export const FLAVOUR_HELP = `hypervisor to replay as: ${FLAVOUR_CHOICES} (default: the trace's own)`;
export const parseFlavour = (id: string): string => flavourNamed(id).id;
