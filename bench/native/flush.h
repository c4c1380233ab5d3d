/*
 * Guest entry: tables to list registers. The list is sorted only if more than nr_lr entries compete or an SGI of a
 * GICv2 guest has several senders; the sorted order stays.
 */
#ifndef VGIC_FLUSH_H
#define VGIC_FLUSH_H

#include "state.h"

#define KEY_REST 0x200u

/* Active first, then enabled and pending by priority, then the rest; equal keys keep their order. */
static inline uint32_t key_of(uint32_t s)
{
    if (s & S_ACTIVE)
        return 0;
    if ((s & S_ENABLED) && is_pending(s))
        return 1u + ((s & S_PRIORITY) >> S_PRIORITY_SHIFT);
    return KEY_REST;
}

/* How many list registers the entry asks for: a GICv2 SGI one per sender. */
static inline uint32_t weight_of(uint32_t slot)
{
    uint32_t s = state[slot];
    if (is_v2_sgi(slot) && source[slot])
        return (uint32_t)__builtin_popcount(source[slot]) + ((s & S_ACTIVE) ? 1u : 0u);
    return (s & (S_ACTIVE | S_PENDING)) ? 1u : 0u;
}

/* Merges two runs; the older one (a) wins ties. */
static inline int32_t merge_runs(int32_t a, int32_t b)
{
    int32_t head = NONE;
    int32_t *link = &head;
    for (;;) {
        if (sort_key[a] <= sort_key[b]) {
            *link = a;
            link = &next_slot[a];
            a = *link;
            if (a == NONE) {
                *link = b;
                return head;
            }
        } else {
            *link = b;
            link = &next_slot[b];
            b = *link;
            if (b == NONE) {
                *link = a;
                return head;
            }
        }
    }
}

/*
 * Stable bottom-up merge sort of a list by sort_key. runs[i] is a sorted run of 2^i entries or NONE; a new entry
 * carries like a binary counter. The last entry is found by the caller.
 */
static inline int32_t sort_list(int32_t head)
{
    int32_t runs[32];
    unsigned nr_runs = 0;
    while (head != NONE) {
        int32_t run = head;
        head = next_slot[head];
        next_slot[run] = NONE;
        unsigned level = 0;
        for (; level < nr_runs && runs[level] != NONE; level++) {
            run = merge_runs(runs[level], run);
            runs[level] = NONE;
        }
        if (level == nr_runs)
            nr_runs++;
        runs[level] = run;
    }
    int32_t sorted = NONE;
    for (unsigned level = 0; level < nr_runs; level++)
        if (runs[level] != NONE)
            sorted = sorted == NONE ? runs[level] : merge_runs(runs[level], sorted);
    return sorted;
}

static inline void sort_ap_list(uint32_t vcpu)
{
    int32_t tail = list_head[vcpu] = sort_list(list_head[vcpu]);
    while (next_slot[tail] != NONE)
        tail = next_slot[tail];
    list_tail[vcpu] = tail;
}

/* The GICv2 SGI part of populate: sender and end-of-interrupt request. False: no sender is left, LR untouched. */
static bool populate_v2_sgi(uint32_t slot, uint32_t *lo, uint32_t *hi)
{
    uint32_t s = state[slot];
    bool allow_pending = true;
    if (s & S_ACTIVE) {
        *hi |= LR_ACTIVE;
        *lo |= (uint32_t)active_source[slot] << LR_CPUID_SHIFT;
        if (weight_of(slot) > 1u) {
            allow_pending = false;
            *hi |= LR_EOI;
        }
    }
    if (allow_pending && is_pending(s)) {
        *hi |= LR_PENDING;
        state[slot] = s &= ~S_LATCH;
        if (!source[slot])
            return false;
        uint32_t sender = (uint32_t)__builtin_ctz(source[slot]);
        *lo |= sender << LR_CPUID_SHIFT;
        source[slot] &= (uint8_t)(source[slot] - 1u);
        if (source[slot]) {
            state[slot] = s | S_LATCH;
            *hi |= LR_EOI;
        }
    }
    return true;
}

static inline void write_lr(uint32_t at, uint32_t slot, uint32_t lo, uint32_t hi)
{
    lr_lo[at] = lo;
    lr_hi[at] = hi;
    lr_slot[at] = (int32_t)slot;
}

static inline void populate_lr(uint32_t at, uint32_t slot)
{
    uint32_t s = state[slot];
    uint32_t lo = intid_of[slot];
    uint32_t hi = ((s & S_PRIORITY) << (LR_PRIORITY_SHIFT - S_PRIORITY_SHIFT)) | ((s & S_GROUP) ? LR_GROUP : 0u);

    if (v2_guest && lo < 16u) {
        if (populate_v2_sgi(slot, &lo, &hi))
            write_lr(at, slot, lo, hi);
        return;
    }
    bool allow_pending = true;
    if (s & S_ACTIVE)
        hi |= LR_ACTIVE;
    if (s & S_HW) {
        hi |= LR_HW | (hwintid[slot] & LR_PINTID);
        allow_pending = !(s & S_ACTIVE);
    } else if (s & S_LEVEL) {
        hi |= LR_EOI;
        allow_pending = !(s & S_ACTIVE);
    }
    if (allow_pending && is_pending(s)) {
        hi |= LR_PENDING;
        if (!(s & S_LEVEL))
            state[slot] = s & ~S_LATCH;
        else if (s & S_HW)
            state[slot] = s & ~(S_LINE | S_WIRE); /* the next injection of the host's handler must pass as a rise */
    }
    write_lr(at, slot, lo, hi);
}

static inline uint32_t mix(uint32_t digest, uint32_t word)
{
    return (digest ^ word) * 0x01000193u;
}

/* A list register as GICH_LRn holds it. */
static uint32_t v2_lr(uint32_t lo, uint32_t hi)
{
    uint32_t word = lo | ((hi & LR_GROUP) ? 1u << 30 : 0u) | (hi >> LR_PRIORITY_SHIFT & 0xf8u) << (23 - 3);
    word |= ((hi & LR_ACTIVE) ? 1u << 29 : 0u) | ((hi & LR_PENDING) ? 1u << 28 : 0u);
    if (hi & LR_HW)
        return word | 1u << 31 | (hi & LR_PINTID) << 10;
    return word | ((hi & LR_EOI) ? 1u << 19 : 0u);
}

/* Every word the hardware gets: the number of LRs in use, then low and high word of each. */
static inline uint32_t mix_lrs(uint32_t digest, uint32_t vcpu)
{
    uint32_t base = vcpu * MAX_LR;
    uint32_t used = used_lrs[vcpu];
    digest = mix(digest, used);
    if (machine.model == GICV2) {
        for (uint32_t at = base; at < base + used; at++)
            digest = mix(mix(digest, v2_lr(lr_lo[at], lr_hi[at])), 0);
    } else {
        for (uint32_t at = base; at < base + used; at++)
            digest = mix(mix(digest, lr_lo[at]), lr_hi[at]);
    }
    return digest;
}

static inline uint32_t flush_hwstate(uint32_t vcpu, uint32_t digest)
{
    int32_t slot = list_head[vcpu];
    if (slot == NONE)
        return mix_lrs(digest, vcpu);

    /* An entry weighs 1 or less unless it is a GICv2 SGI, so a list that fits needs no look at its entries. */
    bool multi = false;
    if (list_count[vcpu] > machine.nr_lr || v2_guest) {
        uint32_t depth = 0;
        for (int32_t entry = slot; entry != NONE; entry = next_slot[entry]) {
            uint32_t weight = weight_of((uint32_t)entry);
            depth += weight;
            multi |= weight > 1u;
            sort_key[entry] = key_of(state[entry]);
        }
        if (depth > machine.nr_lr || multi) {
            sort_ap_list(vcpu);
            slot = list_head[vcpu];
        }
    }

    uint32_t base = vcpu * MAX_LR;
    uint32_t count = 0;
    uint32_t floor = 0xffu;
    uint32_t mine = (vcpu + 1u) << S_TARGET_SHIFT;
    uint32_t control = HCR_EN;
    for (; slot != NONE; slot = next_slot[slot]) {
        uint32_t s = state[slot];
        uint32_t priority = (s & S_PRIORITY) >> S_PRIORITY_SHIFT;
        if (multi && priority > floor)
            break;
        if ((s & S_ACTIVE) || (is_deliverable(s) && (s & S_TARGET) == mine)) {
            populate_lr(base + count, (uint32_t)slot);
            count++;
            if (multi && source[slot])
                floor = priority;
            if (count == machine.nr_lr) {
                if (next_slot[slot] != NONE)
                    control |= HCR_UIE;
                break;
            }
        }
    }
    for (uint32_t lr = count; lr < filled_lrs[vcpu]; lr++)
        write_lr(base + lr, vcpu * 32u, 0, 0); /* an empty LR reads as SGI 0, inactive */
    filled_lrs[vcpu] = count;
    used_lrs[vcpu] = count;
    hcr[vcpu] = control;

    return mix_lrs(digest, vcpu);
}

#endif
