/*
 * The native yardstick: the sort-on-flush ap_list of kvm-6.1 on the data layout of the typed-array core: one packed
 * state word per interrupt, index links, list registers as two planes. Behaviour: the virtual GIC rules that
 * src/vgic implements; the golden files in traces/golden say whether both are right (bench/native.test.ts).
 */
#ifndef VGIC_STATE_H
#define VGIC_STATE_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_VCPUS 126u
#define MAX_SPIS 988u
#define MAX_LPIS 57344u
#define MAX_LR 64u
#define MAX_SLOTS (MAX_VCPUS * 32u + MAX_SPIS + MAX_LPIS)
#define MAX_HOST_IRQS 1024u
#define SPI_BASE 32u
#define LPI_BASE 8192u
#define NONE (-1)

enum gic_model { GICV3, GICV2, GICV2_ON_GICV3 };

struct machine {
    uint32_t model;
    uint32_t nr_vcpus;
    uint32_t nr_spis;
    uint32_t nr_lpis;
    uint32_t nr_lr;
    uint32_t dist_enabled;
    uint32_t pmr;
};

/* State word of one interrupt. */
#define S_ENABLED (1u << 0)
#define S_LATCH (1u << 1)
#define S_WIRE (1u << 2) /* LINE and LEVEL: the line as it counts */
#define S_ACTIVE (1u << 3)
#define S_LEVEL (1u << 4)
#define S_HW (1u << 5)
#define S_GROUP (1u << 6)
#define S_PENDING (S_LATCH | S_WIRE)
#define S_PRIORITY_SHIFT 8
#define S_PRIORITY (0xffu << S_PRIORITY_SHIFT)
#define S_TARGET_SHIFT 16 /* vCPU + 1, 0 = none */
#define S_TARGET (0x7fu << S_TARGET_SHIFT)
#define S_QUEUED_SHIFT 23 /* vCPU whose ap_list holds it + 1, 0 = on no list */
#define S_QUEUED (0x7fu << S_QUEUED_SHIFT)
#define S_LINE (1u << 30) /* last level told by the device, kept through changes of configuration */

/* High word of a list register. Inside, every model uses the GICv3 form; v2_lr() gives GICH_LRn. */
#define LR_ACTIVE (1u << 31)
#define LR_PENDING (1u << 30)
#define LR_STATE (LR_ACTIVE | LR_PENDING)
#define LR_HW (1u << 29)
#define LR_GROUP (1u << 28)
#define LR_PRIORITY_SHIFT 16
#define LR_EOI (1u << 9)
#define LR_PINTID 0x3ffu
/* Low word for a GICv2 guest: INTID in 9:0, sender of an SGI in 12:10. */
#define LR_CPUID_SHIFT 10
#define LR_VINTID_V2 0x3ffu

#define HCR_EN (1u << 0)
#define HCR_UIE (1u << 1)

extern struct machine machine;
extern bool v2_guest; /* GICv2 guest: SGIs remember their senders */
extern bool dist_enabled;
extern uint32_t nr_slots;
extern uint32_t spi_slot; /* slot of INTID 32 */
extern uint32_t lpi_slot; /* slot of INTID 8192 */

extern uint32_t state[MAX_SLOTS];
extern int32_t next_slot[MAX_SLOTS];
extern uint32_t intid_of[MAX_SLOTS];
extern uint32_t sort_key[MAX_SLOTS];
extern uint32_t hwintid[MAX_SLOTS];
extern uint8_t source[MAX_SLOTS]; /* GICv2 SGI: senders still pending */
extern uint8_t active_source[MAX_SLOTS];
extern uint32_t lpi_refs[MAX_LPIS]; /* map references */
extern uint8_t phys_line[(MAX_VCPUS * 32u) + MAX_HOST_IRQS];

extern int32_t list_head[MAX_VCPUS];
extern int32_t list_tail[MAX_VCPUS];
extern uint32_t list_count[MAX_VCPUS];
extern uint32_t used_lrs[MAX_VCPUS];
extern uint32_t filled_lrs[MAX_VCPUS]; /* slots that are not zero lie below */
extern uint32_t hcr[MAX_VCPUS];
extern uint32_t pmr[MAX_VCPUS];
extern uint32_t lr_lo[MAX_VCPUS * MAX_LR];
extern uint32_t lr_hi[MAX_VCPUS * MAX_LR];
extern int32_t lr_slot[MAX_VCPUS * MAX_LR];
extern uint8_t lpis_enabled[MAX_VCPUS];
extern uint64_t kicks;

static inline bool is_pending(uint32_t s)
{
    return (s & S_PENDING) != 0;
}

static inline uint32_t with_wire(uint32_t s)
{
    return (s & S_LINE) && (s & S_LEVEL) ? s | S_WIRE : s & ~S_WIRE;
}

static inline uint32_t with_line(uint32_t s, bool high)
{
    return with_wire(high ? s | S_LINE : s & ~S_LINE);
}

/* Does the interrupt want a list register of its target: enabled, pending and a distributor that forwards? */
static inline bool is_deliverable(uint32_t s)
{
    return (s & S_ENABLED) && is_pending(s) && dist_enabled;
}

/* The vCPU that should hold the interrupt, plus one; 0 = none. An active one stays where it is. */
static inline uint32_t oracle(uint32_t s)
{
    if (s & S_ACTIVE)
        return (s & S_QUEUED) ? (s & S_QUEUED) >> S_QUEUED_SHIFT : (s & S_TARGET) >> S_TARGET_SHIFT;
    return is_deliverable(s) ? (s & S_TARGET) >> S_TARGET_SHIFT : 0;
}

static inline bool is_lpi_slot(uint32_t slot)
{
    return slot >= lpi_slot;
}

/* An LPI lives while it is mapped or queued. */
static inline bool lpi_exists(uint32_t slot)
{
    return lpi_refs[slot - lpi_slot] || (state[slot] & S_QUEUED);
}

/* The slot of an INTID as `vcpu` sees it, or NONE. */
static inline int32_t find_slot(uint32_t vcpu, uint32_t intid)
{
    if (intid < SPI_BASE)
        return vcpu < machine.nr_vcpus ? (int32_t)(vcpu * 32u + intid) : NONE;
    if (intid - SPI_BASE < machine.nr_spis)
        return (int32_t)(spi_slot + intid - SPI_BASE);
    if (intid - LPI_BASE < machine.nr_lpis) {
        uint32_t slot = lpi_slot + intid - LPI_BASE;
        return lpi_exists(slot) ? (int32_t)slot : NONE;
    }
    return NONE;
}

static inline bool is_v2_sgi(uint32_t slot)
{
    return v2_guest && intid_of[slot] < 16u;
}

static inline void append(uint32_t vcpu, uint32_t slot)
{
    state[slot] = (state[slot] & ~S_QUEUED) | ((vcpu + 1u) << S_QUEUED_SHIFT);
    next_slot[slot] = NONE;
    if (list_head[vcpu] == NONE)
        list_head[vcpu] = (int32_t)slot;
    else
        next_slot[list_tail[vcpu]] = (int32_t)slot;
    list_tail[vcpu] = (int32_t)slot;
    list_count[vcpu]++;
}

/* Appends the interrupt to the list of the vCPU that should hold it, unless it is on a list; kicks in both cases. */
static inline void queue_irq(uint32_t slot)
{
    uint32_t s = state[slot];
    uint32_t holder = oracle(s);
    if (!holder)
        return;
    kicks++;
    if (!(s & S_QUEUED))
        append(holder - 1u, slot);
}

/* Index of a host interrupt's line; host PPIs exist once a vCPU. */
static inline uint32_t phys_index(uint32_t vcpu, uint32_t host_irq)
{
    return host_irq < 32u ? vcpu * 32u + host_irq : MAX_VCPUS * 32u + (host_irq & (MAX_HOST_IRQS - 1u));
}

static inline bool is_mapped_level(uint32_t s)
{
    return (s & (S_HW | S_LEVEL)) == (S_HW | S_LEVEL);
}

void vgic_create(const struct machine *m);
void vgic_reset(void);

/* Register writes and LPI events (registers.c). */
void write_enable(uint32_t slot, uint32_t vcpu, bool set, bool user);
void write_pending(uint32_t slot, uint32_t vcpu, bool set, bool user);
void write_active(uint32_t slot, uint32_t vcpu, bool set, bool user);
void write_target(uint32_t slot, uint32_t vcpu);
void write_group_word(uint32_t vcpu, uint32_t intid, bool group);
void write_dist(uint32_t vcpu, uint32_t offset, uint32_t value);
void write_redist(uint32_t vcpu, uint32_t offset, uint32_t value);
void pend_sgi(uint32_t slot, uint32_t sources, bool set);
void send_sgi(uint32_t sender, uint32_t spec, uint32_t targets);
void map_lpi(uint32_t vcpu, uint32_t intid, uint32_t value);
void flush_lpis(uint32_t vcpu);

#endif
