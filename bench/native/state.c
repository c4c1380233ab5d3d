/* The columns of the model and their reset values. */
#include "state.h"

#include <string.h>

struct machine machine;
bool v2_guest;
bool dist_enabled;
uint32_t nr_slots;
uint32_t spi_slot;
uint32_t lpi_slot;

uint32_t state[MAX_SLOTS];
int32_t next_slot[MAX_SLOTS];
uint32_t intid_of[MAX_SLOTS];
uint32_t sort_key[MAX_SLOTS];
uint32_t hwintid[MAX_SLOTS];
uint8_t source[MAX_SLOTS];
uint8_t active_source[MAX_SLOTS];
uint32_t lpi_refs[MAX_LPIS];
uint8_t phys_line[(MAX_VCPUS * 32u) + MAX_HOST_IRQS];

int32_t list_head[MAX_VCPUS];
int32_t list_tail[MAX_VCPUS];
uint32_t list_count[MAX_VCPUS];
uint32_t used_lrs[MAX_VCPUS];
uint32_t filled_lrs[MAX_VCPUS];
uint32_t hcr[MAX_VCPUS];
uint32_t pmr[MAX_VCPUS];
uint32_t lr_lo[MAX_VCPUS * MAX_LR];
uint32_t lr_hi[MAX_VCPUS * MAX_LR];
int32_t lr_slot[MAX_VCPUS * MAX_LR];
uint8_t lpis_enabled[MAX_VCPUS];
uint64_t kicks;

void vgic_create(const struct machine *m)
{
    machine = *m;
    v2_guest = m->model != GICV3;
    spi_slot = m->nr_vcpus * 32u;
    lpi_slot = spi_slot + m->nr_spis;
    nr_slots = lpi_slot + m->nr_lpis;
    vgic_reset();
}

/* Private: SGIs enabled and edge, PPIs level; SPIs edge, for vCPU 0; LPIs not mapped. GICv3: group 1. */
void vgic_reset(void)
{
    uint32_t group = v2_guest ? 0u : S_GROUP;
    for (uint32_t slot = 0; slot < nr_slots; slot++) {
        if (slot < spi_slot) {
            uint32_t intid = slot % 32u;
            intid_of[slot] = intid;
            state[slot] = group | (intid < 16u ? S_ENABLED : S_LEVEL) | ((slot / 32u + 1u) << S_TARGET_SHIFT);
        } else if (slot < lpi_slot) {
            intid_of[slot] = SPI_BASE + slot - spi_slot;
            state[slot] = group | (1u << S_TARGET_SHIFT);
        } else {
            intid_of[slot] = LPI_BASE + slot - lpi_slot;
            state[slot] = 0;
        }
    }
    memset(source, 0, sizeof source);
    memset(active_source, 0, sizeof active_source);
    memset(hwintid, 0, sizeof hwintid);
    memset(lpi_refs, 0, sizeof lpi_refs);
    memset(phys_line, 0, sizeof phys_line);
    memset(list_count, 0, sizeof list_count);
    memset(used_lrs, 0, sizeof used_lrs);
    memset(filled_lrs, 0, sizeof filled_lrs);
    memset(lr_lo, 0, sizeof lr_lo);
    memset(lr_hi, 0, sizeof lr_hi);
    memset(lpis_enabled, 0, sizeof lpis_enabled);
    for (uint32_t vcpu = 0; vcpu < machine.nr_vcpus; vcpu++) {
        list_head[vcpu] = list_tail[vcpu] = NONE;
        hcr[vcpu] = HCR_EN;
        pmr[vcpu] = machine.pmr;
        for (uint32_t lr = 0; lr < MAX_LR; lr++)
            lr_slot[vcpu * MAX_LR + lr] = (int32_t)(vcpu * 32u);
    }
    dist_enabled = machine.dist_enabled;
    kicks = 0;
}
