/* What the guest does to its list registers, and the question whether a vCPU could run. */
#ifndef VGIC_GUEST_H
#define VGIC_GUEST_H

#include "state.h"

static inline uint32_t lr_intid(uint32_t at)
{
    return v2_guest ? lr_lo[at] & LR_VINTID_V2 : lr_lo[at];
}

static inline uint32_t lr_priority(uint32_t hi)
{
    return (hi >> LR_PRIORITY_SHIFT) & 0xffu;
}

/* The most urgent LR that is pending only, lowest index on a tie, or NONE. */
static inline int32_t best_pending_lr(uint32_t vcpu)
{
    int32_t best = NONE;
    uint32_t urgency = 0x100u;
    for (uint32_t at = vcpu * MAX_LR, end = at + used_lrs[vcpu]; at < end; at++)
        if ((lr_hi[at] & LR_STATE) == LR_PENDING && lr_priority(lr_hi[at]) < urgency) {
            urgency = lr_priority(lr_hi[at]);
            best = (int32_t)at;
        }
    return best;
}

/* flags bit 0: refuse unless more urgent than every active LR; bit 1: acknowledge exactly `intid`. */
static inline void acknowledge(uint32_t vcpu, uint32_t intid, uint32_t flags)
{
    uint32_t first = vcpu * MAX_LR;
    uint32_t end = first + used_lrs[vcpu];
    if (flags & 2u) {
        for (uint32_t at = first; at < end; at++)
            if ((lr_hi[at] & LR_STATE) == LR_PENDING && lr_intid(at) == intid) {
                lr_hi[at] ^= LR_STATE;
                return;
            }
        return;
    }
    int32_t best = best_pending_lr(vcpu);
    if (best == NONE)
        return;
    if (flags & 1u)
        for (uint32_t at = first; at < end; at++)
            if ((lr_hi[at] & LR_ACTIVE) && lr_priority(lr_hi[at]) <= lr_priority(lr_hi[best]))
                return;
    lr_hi[best] ^= LR_STATE;
}

static inline void end_of_interrupt(uint32_t vcpu, uint32_t intid)
{
    for (uint32_t at = vcpu * MAX_LR, end = at + used_lrs[vcpu]; at < end; at++)
        if ((lr_hi[at] & LR_ACTIVE) && lr_intid(at) == intid) {
            lr_hi[at] &= ~LR_ACTIVE;
            return;
        }
}

/* bit 0 of `new_state` = pending, bit 1 = active. */
static inline void set_lr_state(uint32_t vcpu, uint32_t lr, uint32_t new_state)
{
    if (lr < used_lrs[vcpu]) {
        uint32_t at = vcpu * MAX_LR + lr;
        lr_hi[at] = (lr_hi[at] & ~LR_STATE) | (new_state << 30);
    }
}

/* Acknowledges and ends everything that is pending only; the order does not show in the result. */
static inline void drain_guest(uint32_t vcpu)
{
    for (uint32_t at = vcpu * MAX_LR, end = at + used_lrs[vcpu]; at < end; at++)
        if ((lr_hi[at] & LR_STATE) == LR_PENDING)
            lr_hi[at] &= ~LR_STATE;
}

/* Would the vCPU be runnable: something enabled, pending, not active and more urgent than its PMR? */
static inline bool has_pending_irq(uint32_t vcpu)
{
    if (!dist_enabled)
        return false;
    for (int32_t slot = list_head[vcpu]; slot != NONE; slot = next_slot[slot]) {
        uint32_t s = state[slot];
        if (is_pending(s) && (s & (S_ENABLED | S_ACTIVE)) == S_ENABLED &&
            ((s & S_PRIORITY) >> S_PRIORITY_SHIFT) < pmr[vcpu])
            return true;
    }
    return false;
}

#endif
