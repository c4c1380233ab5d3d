#include "replay.h"

#include <stdio.h>

#include "flush.h"
#include "guest.h"
#include "sync.h"

enum kind {
    NOP = 1, INJECT, FLUSH, SYNC, ACK, EOI, PRIORITY_DROP, DEACTIVATE, ENABLE, PRIORITY, PENDING, ACTIVE, CONFIG,
    TARGET, SGI, LPI_MAP, LPI_UNMAP, LPI_CONFIG, LPI_MOVE, LPI_CLEAR, LPI_PENDING, LPI_FLUSH, GROUP, GROUP_ONE,
    DIST_ENABLE, HW_MAP, HW_UNMAP, PHYS_LINE, MMIO_DIST, MMIO_REDIST, SGI_PEND, PENDING_QUERY, PMR, LINE_LEVEL,
    GUEST_LR_STATE, GUEST_DRAIN, FOLD, PRUNE,
};

/* Event word: kind in 6:0, vCPU in 14:7, INTID in 31:15. */
#define KIND(word) ((word) & 0x7fu)
#define VCPU(word) ((word) >> 7 & 0xffu)
#define INTID(word) ((word) >> 15)

/* Answers of PENDING_QUERY: read by nobody, kept so that the question is asked. */
static uint64_t runnable;

static inline void inject(uint32_t slot, bool level)
{
    uint32_t s = state[slot];
    if (s & S_LEVEL) {
        if (((s & S_LINE) != 0) == level)
            return;
        state[slot] = level ? s | S_LINE | S_WIRE : s & ~(S_LINE | S_WIRE);
    } else {
        if (!level)
            return;
        state[slot] = s | S_LATCH;
    }
    queue_irq(slot);
}

static void print_flush(uint32_t event, uint32_t vcpu)
{
    printf("F %u %u %u", event, vcpu, used_lrs[vcpu]);
    for (uint32_t at = vcpu * MAX_LR, end = at + used_lrs[vcpu]; at < end; at++) {
        if (machine.model == GICV2)
            printf(" %08x", v2_lr(lr_lo[at], lr_hi[at]));
        else
            printf(" %08x%08x", lr_hi[at], lr_lo[at]);
    }
    putchar('\n');
}

/* Everything that is rare, or register work. Kept out of the hot switch. */
static __attribute__((noinline)) void apply_rare(uint32_t kind, uint32_t vcpu, uint32_t intid, uint32_t value)
{
    int32_t found = find_slot(vcpu, intid);
    uint32_t slot = (uint32_t)found;
    bool set = value & 1u;
    bool user = value >> 1 & 1u;

    switch (kind) {
    case SGI:
        send_sgi(vcpu, intid, value);
        return;
    case LPI_MAP:
        map_lpi(vcpu, intid, value);
        return;
    case LPI_FLUSH:
        flush_lpis(vcpu);
        return;
    case GROUP:
        write_group_word(vcpu, intid, set);
        return;
    case DIST_ENABLE:
        dist_enabled = set;
        return;
    case PHYS_LINE:
        phys_line[phys_index(vcpu, intid)] = set;
        return;
    case MMIO_DIST:
        write_dist(vcpu, intid, value);
        return;
    case MMIO_REDIST:
        write_redist(vcpu, intid, value);
        return;
    case SGI_PEND:
        pend_sgi(vcpu * 32u + intid, value & 0xffu, value >> 31);
        return;
    case PENDING_QUERY:
        runnable += has_pending_irq(vcpu);
        return;
    case PMR:
        pmr[vcpu] = value;
        return;
    case GUEST_LR_STATE:
        set_lr_state(vcpu, intid, value);
        return;
    case GUEST_DRAIN:
        drain_guest(vcpu);
        return;
    case FOLD:
        fold_lr_state(vcpu);
        return;
    case PRUNE:
        prune_ap_list(vcpu);
        return;
    }
    if (found == NONE)
        return;
    switch (kind) {
    case ENABLE:
        write_enable(slot, vcpu, set, user);
        break;
    case PENDING:
        write_pending(slot, vcpu, set, user);
        break;
    case ACTIVE:
        write_active(slot, vcpu, set, user);
        break;
    case CONFIG:
        if (intid >= SPI_BASE && intid < LPI_BASE)
            state[slot] = with_wire(set ? state[slot] | S_LEVEL : state[slot] & ~S_LEVEL);
        break;
    case TARGET:
        if (intid >= SPI_BASE && intid < LPI_BASE)
            write_target(slot, value);
        break;
    case LPI_UNMAP:
        if (is_lpi_slot(slot) && lpi_refs[slot - lpi_slot])
            lpi_refs[slot - lpi_slot]--;
        break;
    case LPI_CONFIG:
        state[slot] = (state[slot] & ~(S_PRIORITY | S_ENABLED)) | (value & 0xfcu) << S_PRIORITY_SHIFT | (set ? S_ENABLED : 0u);
        queue_irq(slot);
        break;
    case LPI_MOVE:
        write_target(slot, vcpu);
        break;
    case LPI_CLEAR:
        state[slot] &= ~S_LATCH;
        break;
    case LPI_PENDING:
        state[slot] = set ? state[slot] | S_LATCH : state[slot] & ~S_LATCH;
        queue_irq(slot);
        break;
    case GROUP_ONE:
        state[slot] = set ? state[slot] | S_GROUP : state[slot] & ~S_GROUP;
        if (!user)
            queue_irq(slot);
        break;
    case HW_MAP:
        hwintid[slot] = value;
        state[slot] |= S_HW;
        break;
    case HW_UNMAP:
        hwintid[slot] = 0;
        state[slot] &= ~S_HW;
        break;
    case LINE_LEVEL:
        state[slot] = with_line(state[slot], set);
        if (set)
            queue_irq(slot);
        break;
    }
}

static inline __attribute__((always_inline)) uint32_t replay_events(const struct events *events, uint32_t digest, bool print)
{
    for (uint32_t event = 0; event < events->count; event++) {
        uint32_t word = events->word[event];
        uint32_t value = events->value[event];
        uint32_t vcpu = VCPU(word);
        uint32_t intid = INTID(word);
        int32_t slot;
        switch (KIND(word)) {
        case INJECT:
            slot = find_slot(vcpu, intid);
            if (slot != NONE)
                inject((uint32_t)slot, value & 1u);
            break;
        case FLUSH:
            digest = flush_hwstate(vcpu, digest);
            if (print)
                print_flush(event, vcpu);
            break;
        case SYNC:
            fold_lr_state(vcpu);
            prune_ap_list(vcpu);
            break;
        case ACK:
            acknowledge(vcpu, intid, value);
            break;
        case EOI:
        case DEACTIVATE:
            end_of_interrupt(vcpu, intid);
            break;
        case PRIORITY:
            slot = find_slot(vcpu, intid);
            if (slot != NONE)
                state[slot] = (state[slot] & ~S_PRIORITY) | (value & 0xf8u) << S_PRIORITY_SHIFT;
            break;
        case NOP:
        case PRIORITY_DROP:
            break;
        default:
            if (KIND(word) <= PRUNE)
                apply_rare(KIND(word), vcpu, intid, value);
        }
    }
    return digest;
}

uint32_t replay(const struct events *events, uint32_t digest)
{
    return replay_events(events, digest, false);
}

uint32_t replay_printing(const struct events *events, uint32_t digest)
{
    return replay_events(events, digest, true);
}
