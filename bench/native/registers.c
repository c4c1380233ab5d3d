/* Register writes of guests and user space, SGIs and LPI events: everything outside the hot path. */
#include "state.h"

/* Offsets in the distributor; the SGI frame of a redistributor holds the same from 0x10000. */
#define GICD_CTLR 0x000u
#define GICD_IGROUPR 0x080u
#define GICD_ISENABLER 0x100u
#define GICD_ICENABLER 0x180u
#define GICD_ISPENDR 0x200u
#define GICD_ICPENDR 0x280u
#define GICD_ISACTIVER 0x300u
#define GICD_ICACTIVER 0x380u
#define GICD_IPRIORITYR 0x400u
#define GICD_ITARGETSR 0x800u
#define GICD_ICFGR 0xc00u
#define GICD_ICFGR_END 0xd00u
#define GICD_SGIR 0xf00u
#define GICD_CPENDSGIR 0xf10u
#define GICD_SPENDSGIR 0xf20u
#define GICD_SPENDSGIR_END 0xf30u
#define GICD_IROUTER 0x6000u
#define GICD_IROUTER_END 0x8000u
#define GICR_SGI_FRAME 0x10000u
#define GICR_ENABLE_LPIS 1u
#define SGIR_TO_OTHERS 1u
#define SGIR_TO_SELF 2u

static uint32_t sample_line(uint32_t slot, uint32_t vcpu)
{
    return phys_line[phys_index(vcpu, hwintid[slot])];
}

/* ISENABLER samples the line of a mapped level interrupt anew. */
void write_enable(uint32_t slot, uint32_t vcpu, bool set, bool user)
{
    if (!set) {
        state[slot] &= ~S_ENABLED;
        return;
    }
    if (!user && is_mapped_level(state[slot]))
        state[slot] = with_line(state[slot], sample_line(slot, slot < spi_slot ? slot / 32u : vcpu));
    state[slot] |= S_ENABLED;
    queue_irq(slot);
}

/* SGIs of a GICv2 guest have registers of their own; user space reaches them here, with the vCPU as the sender. */
void write_pending(uint32_t slot, uint32_t vcpu, bool set, bool user)
{
    bool sgi = is_v2_sgi(slot);
    if (sgi && !user)
        return;
    if (set) {
        state[slot] |= S_LATCH;
        if (sgi)
            source[slot] |= (uint8_t)(1u << vcpu);
        queue_irq(slot);
    } else {
        state[slot] &= ~S_LATCH;
        if (sgi)
            source[slot] = 0;
    }
}

void write_active(uint32_t slot, uint32_t vcpu, bool set, bool user)
{
    if (!(user && (state[slot] & S_HW))) {
        if (set)
            state[slot] |= S_ACTIVE;
        else
            state[slot] &= ~S_ACTIVE;
        if (set && is_v2_sgi(slot))
            active_source[slot] = user ? 0 : (uint8_t)vcpu;
    }
    if (state[slot] & S_ACTIVE)
        queue_irq(slot);
}

/* A vCPU beyond the machine: no target in GICv3, vCPU 0 in GICv2. */
void write_target(uint32_t slot, uint32_t vcpu)
{
    uint32_t field = vcpu < machine.nr_vcpus ? vcpu + 1u : v2_guest ? 1u : 0u;
    state[slot] = (state[slot] & ~S_TARGET) | (field << S_TARGET_SHIFT);
}

static void set_group(uint32_t slot, bool group)
{
    state[slot] = group ? state[slot] | S_GROUP : state[slot] & ~S_GROUP;
}

/* One bit changes, the whole word of 32 is queued. */
void write_group_word(uint32_t vcpu, uint32_t intid, bool group)
{
    for (uint32_t id = intid & ~31u; id < (intid | 31u) + 1u; id++) {
        int32_t slot = find_slot(vcpu, id);
        if (slot == NONE)
            continue;
        if (id == intid)
            set_group((uint32_t)slot, group);
    }
    for (uint32_t id = intid & ~31u; id < (intid | 31u) + 1u; id++) {
        int32_t slot = find_slot(vcpu, id);
        if (slot != NONE)
            queue_irq((uint32_t)slot);
    }
}

void pend_sgi(uint32_t slot, uint32_t sources, bool set)
{
    if (set) {
        source[slot] |= (uint8_t)sources;
        if (source[slot]) {
            state[slot] |= S_LATCH;
            queue_irq(slot);
        }
    } else {
        source[slot] &= (uint8_t)~sources;
        if (!source[slot])
            state[slot] &= ~S_LATCH;
    }
}

static void send_sgi_to(uint32_t sender, uint32_t target, uint32_t intid)
{
    uint32_t slot = target * 32u + intid;
    state[slot] |= S_LATCH;
    if (v2_guest)
        source[slot] |= (uint8_t)(1u << sender);
    queue_irq(slot);
}

/* `spec`: bits 3:0 SGI, bit 4 all but the sender, bits 12:5 first vCPU of the list `targets`. */
void send_sgi(uint32_t sender, uint32_t spec, uint32_t targets)
{
    uint32_t intid = spec & 15u;
    bool to_others = (spec >> 4) & 1u;
    uint32_t first = (spec >> 5) & 0xffu;
    for (uint32_t target = 0; target < machine.nr_vcpus; target++) {
        uint32_t bit = target - first;
        bool listed = to_others ? target != sender : bit < 32u && (targets >> bit & 1u);
        if (listed)
            send_sgi_to(sender, target, intid);
    }
}

/* value: bits 15:8 priority, bit 16 enabled. An LPI that exists only gains a reference. */
void map_lpi(uint32_t vcpu, uint32_t intid, uint32_t value)
{
    if (intid - LPI_BASE >= machine.nr_lpis)
        return;
    uint32_t slot = lpi_slot + intid - LPI_BASE;
    if (!lpi_exists(slot)) {
        uint32_t target = vcpu < machine.nr_vcpus ? vcpu + 1u : 0u;
        state[slot] = S_GROUP | ((value & 0xfc00u) >> 8 << S_PRIORITY_SHIFT) | (target << S_TARGET_SHIFT) |
                      ((value >> 16 & 1u) ? S_ENABLED : 0u);
    }
    lpi_refs[slot - lpi_slot]++;
}

/* EnableLPIs 1 to 0: every LPI leaves the list of `vcpu`. List registers are not recalled. */
void flush_lpis(uint32_t vcpu)
{
    int32_t slot = list_head[vcpu];
    list_head[vcpu] = list_tail[vcpu] = NONE;
    list_count[vcpu] = 0;
    while (slot != NONE) {
        int32_t next = next_slot[slot];
        if (is_lpi_slot((uint32_t)slot))
            state[slot] &= ~(S_LATCH | S_QUEUED);
        else
            append(vcpu, (uint32_t)slot);
        slot = next;
    }
}

typedef void (*bit_write)(uint32_t slot, uint32_t vcpu, bool set, bool user);

/* ISENABLER and its kin: one interrupt a set bit, from `first` up. */
static void write_bits(uint32_t vcpu, uint32_t first, uint32_t value, bit_write write, bool set)
{
    for (uint32_t bit = 0; bit < 32u; bit++) {
        int32_t slot = value >> bit & 1u ? find_slot(vcpu, first + bit) : NONE;
        if (slot != NONE)
            write((uint32_t)slot, vcpu, set, false);
    }
}

/* The banks that distributor and redistributor have in common. `offset` is inside the bank of a distributor. */
static void write_bank(uint32_t vcpu, uint32_t offset, uint32_t value)
{
    uint32_t first = (offset & 0x7fu) * 8u;
    if (offset >= GICD_IPRIORITYR && offset < GICD_ITARGETSR) {
        for (uint32_t byte = 0; byte < 4u; byte++) {
            int32_t slot = find_slot(vcpu, offset - GICD_IPRIORITYR + byte);
            if (slot != NONE)
                state[slot] = (state[slot] & ~S_PRIORITY) | ((value >> (8u * byte) & 0xf8u) << S_PRIORITY_SHIFT);
        }
        return;
    }
    switch (offset & ~0x7fu) {
    case GICD_IGROUPR:
        for (uint32_t bit = 0; bit < 32u; bit++) {
            int32_t slot = find_slot(vcpu, first + bit);
            if (slot != NONE) {
                set_group((uint32_t)slot, value >> bit & 1u);
                queue_irq((uint32_t)slot);
            }
        }
        break;
    case GICD_ISENABLER:
        write_bits(vcpu, first, value, write_enable, true);
        break;
    case GICD_ICENABLER:
        write_bits(vcpu, first, value, write_enable, false);
        break;
    case GICD_ISPENDR:
        write_bits(vcpu, first, value, write_pending, true);
        break;
    case GICD_ICPENDR:
        write_bits(vcpu, first, value, write_pending, false);
        break;
    case GICD_ISACTIVER:
        write_bits(vcpu, first, value, write_active, true);
        break;
    case GICD_ICACTIVER:
        write_bits(vcpu, first, value, write_active, false);
        break;
    }
}

static void write_sgir(uint32_t vcpu, uint32_t value)
{
    uint32_t filter = value >> 24 & 3u;
    uint32_t targets = filter == SGIR_TO_SELF ? 1u << vcpu : value >> 16 & 0xffu;
    if (filter <= SGIR_TO_SELF)
        send_sgi(vcpu, (value & 15u) | (filter == SGIR_TO_OTHERS ? 16u : 0u), targets);
}

static uint32_t vcpu_of_affinity(uint32_t mpidr)
{
    for (uint32_t vcpu = 0; vcpu < machine.nr_vcpus; vcpu++)
        if (((vcpu & 15u) | (vcpu >> 4 & 0xffu) << 8) == (mpidr & 0xffffffu))
            return vcpu;
    return MAX_VCPUS;
}

/* A 32-bit write; IROUTER: the low word. */
void write_dist(uint32_t vcpu, uint32_t offset, uint32_t value)
{
    if (offset & 3u)
        return;
    if (offset == GICD_CTLR) {
        dist_enabled = value >> (v2_guest ? 0 : 1) & 1u;
    } else if (offset >= GICD_IROUTER && offset < GICD_IROUTER_END) {
        uint32_t intid = (offset - GICD_IROUTER) / 8u;
        int32_t slot = find_slot(vcpu, intid);
        if (!v2_guest && intid >= SPI_BASE && !(offset & 7u) && slot != NONE)
            write_target((uint32_t)slot, vcpu_of_affinity(value));
    } else if (offset >= GICD_ITARGETSR && offset < GICD_ICFGR) {
        for (uint32_t byte = 0; v2_guest && byte < 4u; byte++) {
            uint32_t intid = offset - GICD_ITARGETSR + byte;
            uint32_t targets = value >> (8u * byte) & 0xffu & ((1u << machine.nr_vcpus) - 1u);
            int32_t slot = find_slot(vcpu, intid);
            if (intid >= SPI_BASE && slot != NONE)
                write_target((uint32_t)slot, targets ? (uint32_t)__builtin_ctz(targets) : 0u);
        }
    } else if (offset >= GICD_ICFGR && offset < GICD_ICFGR_END) {
        for (uint32_t field = 0; field < 16u; field++) {
            uint32_t intid = (offset - GICD_ICFGR) * 4u + field;
            int32_t slot = find_slot(vcpu, intid);
            if (intid < SPI_BASE || slot == NONE)
                continue;
            bool level = !(value >> (2u * field + 1u) & 1u);
            state[slot] = with_wire(level ? state[slot] | S_LEVEL : state[slot] & ~S_LEVEL);
        }
    } else if (offset == GICD_SGIR) {
        if (v2_guest)
            write_sgir(vcpu, value);
    } else if (offset >= GICD_CPENDSGIR && offset < GICD_SPENDSGIR_END) {
        bool set = offset >= GICD_SPENDSGIR;
        for (uint32_t byte = 0; v2_guest && byte < 4u; byte++)
            pend_sgi(vcpu * 32u + (offset & 15u) + byte, value >> (8u * byte) & 0xffu, set);
    } else if (offset < GICD_ITARGETSR) {
        bool is_private = offset < GICD_IPRIORITYR ? !(offset & 0x7cu) : offset < GICD_IPRIORITYR + 32u;
        if (v2_guest || !is_private)
            write_bank(vcpu, offset, value);
    }
}

/* A 32-bit write to the redistributor of `vcpu`; a GICv2 guest has none. */
void write_redist(uint32_t vcpu, uint32_t offset, uint32_t value)
{
    if (v2_guest)
        return;
    if (offset == 0u && machine.nr_lpis) {
        if (lpis_enabled[vcpu] && !(value & GICR_ENABLE_LPIS))
            flush_lpis(vcpu);
        lpis_enabled[vcpu] = value & GICR_ENABLE_LPIS;
        return;
    }
    if (offset & 3u || offset < GICR_SGI_FRAME)
        return;
    uint32_t bank = offset - GICR_SGI_FRAME;
    bool is_private = bank < GICD_IPRIORITYR ? !(bank & 0x7cu) : bank < GICD_IPRIORITYR + 32u;
    if (is_private)
        write_bank(vcpu, bank, value);
}
