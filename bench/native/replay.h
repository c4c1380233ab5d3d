/* Replays events through the model. The event words are those of src/trace/events.ts. */
#ifndef VGIC_REPLAY_H
#define VGIC_REPLAY_H

#include <stdint.h>

struct events {
    uint32_t count;
    const uint32_t *word;
    const uint32_t *value;
};

/* Returns the digest over every LR word of every flush, continued from `digest`. */
uint32_t replay(const struct events *events, uint32_t digest);

/* The same, and prints the F line of every flush: event, vCPU, LRs in use, their words. */
uint32_t replay_printing(const struct events *events, uint32_t digest);

#endif
