/*
 * vgic-native FILE [--passes N] [--replays N] [--warmup N] [--flushes]
 *
 * FILE: ten little-endian 32-bit words (magic "VGC1", model, vCPUs, SPIs, LPIs, LRs, distributor enabled, PMR, number of
 * events, 0), then the column of event words, then the column of values. Written by bench/columns-file.ts.
 * Each replay begins with a reset, which is not timed; a pass is the sum of its replays. Prints one JSON line: events,
 * nanoseconds of every pass, kicks of one replay, digest of the first replay and digest that runs on through all.
 * With --flushes: the F line of every flush instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "replay.h"
#include "state.h"

#define MAGIC 0x31434756u
#define DIGEST_SEED 0x811c9dc5u
#define HEADER_WORDS 10u

static void fail(const char *file, const char *what)
{
    fprintf(stderr, "%s: %s\n", file, what);
    exit(4);
}

static uint32_t *read_words(const char *file, size_t *nr_words)
{
    FILE *in = fopen(file, "rb");
    if (!in)
        fail(file, "cannot be opened");
    fseek(in, 0, SEEK_END);
    long bytes = ftell(in);
    rewind(in);
    if (bytes < (long)(HEADER_WORDS * 4u))
        fail(file, "too short for a header");
    uint32_t *words = malloc((size_t)bytes);
    *nr_words = (size_t)bytes / 4u;
    if (!words || fread(words, 4u, *nr_words, in) != *nr_words)
        fail(file, "cannot be read");
    fclose(in);
    return words;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        fail("vgic-native", "usage: vgic-native FILE [--passes N] [--flushes]");
    int passes = 1, replays = 1, warmup = 0;
    bool flushes = false;
    for (int i = 2; i < argc; i++) {
        int *number = !strcmp(argv[i], "--passes")    ? &passes
                      : !strcmp(argv[i], "--replays") ? &replays
                      : !strcmp(argv[i], "--warmup")  ? &warmup
                                                      : NULL;
        if (!strcmp(argv[i], "--flushes"))
            flushes = true;
        else if (number && i + 1 < argc)
            *number = atoi(argv[++i]);
        else
            fail(argv[i], "unknown option");
    }

    size_t nr_words;
    uint32_t *words = read_words(argv[1], &nr_words);
    struct machine m = { words[1], words[2], words[3], words[4], words[5], words[6], words[7] };
    struct events events = { words[8], words + HEADER_WORDS, words + HEADER_WORDS + words[8] };
    if (words[0] != MAGIC || nr_words != HEADER_WORDS + 2u * (size_t)events.count)
        fail(argv[1], "not a columns file");
    if (m.nr_vcpus < 1 || m.nr_vcpus > MAX_VCPUS || m.nr_spis > MAX_SPIS || m.nr_lpis > MAX_LPIS || m.nr_lr < 1 || m.nr_lr > MAX_LR)
        fail(argv[1], "machine beyond the limits");
    for (uint32_t event = 0; event < events.count; event++)
        if ((events.word[event] >> 7 & 0xffu) >= m.nr_vcpus)
            fail(argv[1], "event of a vCPU the machine lacks");

    vgic_create(&m);
    if (flushes) {
        replay_printing(&events, DIGEST_SEED);
        return 0;
    }
    uint32_t digest = DIGEST_SEED;
    uint32_t first_digest = 0;
    const char *separator = "";
    printf("{\"events\":%u,\"ns\":[", events.count);
    for (int pass = -warmup; pass < passes; pass++) {
        uint64_t ns = 0;
        for (int n = 0; n < replays; n++) {
            vgic_reset();
            uint64_t start = now_ns();
            digest = replay(&events, digest);
            ns += now_ns() - start;
            if (pass == -warmup && n == 0)
                first_digest = digest;
        }
        if (pass >= 0) {
            printf("%s%llu", separator, (unsigned long long)ns);
            separator = ",";
        }
    }
    printf("],\"kicks\":%llu,\"digest\":\"%08x\",\"digestOfAll\":\"%08x\"}\n", (unsigned long long)kicks,
           first_digest, digest);
    return 0;
}
