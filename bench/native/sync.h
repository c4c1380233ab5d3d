/* Guest exit: list registers to tables (fold), then out of the list what belongs there no longer (prune). */
#ifndef VGIC_SYNC_H
#define VGIC_SYNC_H

#include "state.h"

static inline void fold_lr(uint32_t vcpu, uint32_t at)
{
    uint32_t lo = lr_lo[at];
    uint32_t hi = lr_hi[at];
    uint32_t slot = (uint32_t)lr_slot[at];
    if (is_lpi_slot(slot) && !lpi_exists(slot))
        return;

    uint32_t s = state[slot];
    bool deactivated = (s & S_ACTIVE) && !(hi & LR_ACTIVE);
    s = (hi & LR_ACTIVE) ? s | S_ACTIVE : s & ~S_ACTIVE;
    if (is_v2_sgi(slot)) {
        uint32_t sender = (lo >> LR_CPUID_SHIFT) & 7u;
        if (hi & LR_ACTIVE)
            active_source[slot] = (uint8_t)sender;
        if (hi & LR_PENDING)
            source[slot] |= (uint8_t)(1u << sender);
    }
    if (!(s & S_LEVEL)) {
        if (hi & LR_PENDING)
            s |= S_LATCH;
    } else {
        if (!(hi & LR_STATE))
            s &= ~S_LATCH;
        if ((s & S_HW) && ((hi & LR_PENDING) || (deactivated && (s & S_LINE))))
            s = with_line(s, phys_line[phys_index(vcpu, hwintid[slot])]);
    }
    state[slot] = s;
}

static inline void fold_lr_state(uint32_t vcpu)
{
    if (list_head[vcpu] == NONE)
        return;
    uint32_t base = vcpu * MAX_LR;
    hcr[vcpu] &= ~HCR_UIE;
    for (uint32_t lr = 0; lr < used_lrs[vcpu]; lr++)
        fold_lr(vcpu, base + lr);
    used_lrs[vcpu] = 0;
}

static inline void prune_ap_list(uint32_t vcpu)
{
    int32_t previous = NONE;
    int32_t slot = list_head[vcpu];
    while (slot != NONE) {
        int32_t next = next_slot[slot];
        uint32_t holder = oracle(state[slot]);
        if (holder == vcpu + 1u) {
            previous = slot;
            slot = next;
            continue;
        }
        if (previous == NONE)
            list_head[vcpu] = next;
        else
            next_slot[previous] = next;
        if (next == NONE)
            list_tail[vcpu] = previous;
        list_count[vcpu]--;
        if (holder) {
            append(holder - 1u, (uint32_t)slot);
            kicks++;
        } else {
            state[slot] &= ~S_QUEUED;
        }
        slot = next;
    }
}

#endif
