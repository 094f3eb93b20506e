/* The published design in C: two records, the smaller sequencer is the newer, and nothing guards them. */
#include "otalab.h"

#include <string.h>

struct __attribute__((packed)) slot {
    uint32_t length, crc;
    char version[24];
};

struct __attribute__((packed)) record {
    uint64_t sequencer;
    uint8_t active, previous, committed, previously_committed;
    uint32_t interval;
    struct slot slots[2];
};

static const uint32_t PLACES[2] = {OTA_RECORD_0, OTA_RECORD_1};
static const uint32_t SLOTS[2] = {OTA_SLOT_0, OTA_SLOT_1};
static const uint32_t FILES[2] = {OTA_FILES_0, OTA_FILES_1};

/* RAM: gone at the next power-on. */
static struct record booted;

/* The record that counts, and its place; -1 if there is none. */
static int selected(struct record *best) {
    int place = -1;
    for (int n = 0; n < 2; n++) {
        struct record found;
        ota_read(PLACES[n], &found, sizeof found);
        if (found.sequencer != UINT64_MAX && (place < 0 || found.sequencer < best->sequencer)) *best = found, place = n;
    }
    return place;
}

/* Erase the other place, and program the next record into it. */
static int written(struct record *next) {
    struct record old;
    int place = selected(&old);
    if (place < 0) return 0;
    next->sequencer = old.sequencer - 1;
    ota_erase(PLACES[!place], OTA_SECTOR_SIZE);
    ota_program(PLACES[!place], next, sizeof *next);
    return 1;
}

uint32_t ota_boot(void) {
    if (selected(&booted) < 0 || booted.active > 1) return 0;
    return SLOTS[booted.active];
}

uint32_t ota_commit_within(void) { return booted.committed ? 0 : booted.interval; }

int ota_committed(void) {
    struct record now;
    return selected(&now) >= 0 && now.committed;
}

int ota_timer(void) {
    struct record now;
    if (selected(&now) < 0 || now.committed) return 0;
    ota_log("Rolling back: not committed in time");
    /* The server first: a cut behind the record would leave the old image, and the refused update on offer. */
    ota_refuse("not committed in time");
    now.active = now.previous, now.committed = now.previously_committed;
    now.previously_committed = 1, now.interval = 0;
    written(&now);
    return 1;
}

int ota_confirm(void) {
    struct record now;
    if (selected(&now) < 0 || now.committed) return 1;
    now.committed = 1, now.previous = now.active, now.previously_committed = 1;
    return !written(&now);
}

static uint32_t crc_of(uint32_t address, uint32_t size) {
    static uint8_t piece[OTA_SECTOR_SIZE];
    uint32_t crc = 0;
    while (size) {
        uint32_t length = size < sizeof piece ? size : sizeof piece;
        ota_read(address, piece, length);
        crc = ota_crc32(crc, piece, length);
        address += length, size -= length;
    }
    return crc;
}

/* Write a part of the update into a region, erasing each sector just before it. */
static int taken(enum ota_part part, uint32_t address, uint32_t size, uint32_t *crc) {
    static uint8_t piece[OTA_SECTOR_SIZE];
    *crc = 0;
    for (uint32_t at = 0; at < size; at += sizeof piece) {
        uint32_t length = size - at < sizeof piece ? size - at : sizeof piece;
        memset(piece, 0xFF, sizeof piece);
        if (ota_download(part, at, piece, length) != length) return 0;
        *crc = ota_crc32(*crc, piece, length);
        ota_erase(address + at, OTA_SECTOR_SIZE);
        ota_program(address + at, piece, (length + OTA_PROGRAM_UNIT - 1) / OTA_PROGRAM_UNIT * OTA_PROGRAM_UNIT);
    }
    return crc_of(address, size) == *crc;
}

int ota_update(void) {
    struct record next;
    struct ota_image image;
    uint32_t crc, files_crc;
    if (selected(&next) < 0 || !next.committed) return 1;
    uint8_t old = next.active > 1 ? booted.active : next.active, target = !old;
    if (ota_offer(&image) || image.size > OTA_SLOT_SIZE || image.files_size > OTA_FILES_SIZE) return 2;
    if (!taken(OTA_APPLICATION, SLOTS[target], image.size, &crc)) return 3;
    if (!taken(OTA_FILES, FILES[target], image.files_size, &files_crc)) return 3;
    if (ota_carry_over(FILES[old], FILES[target], OTA_FILES_SIZE) == OTA_NO_ROOM) return 4;
    next.previously_committed = next.committed, next.committed = 0;
    next.previous = old, next.active = target, next.interval = image.commit_within;
    next.slots[target].length = image.size, next.slots[target].crc = crc;
    memcpy(next.slots[target].version, image.version, sizeof image.version);
    /* Last, and the only thing that the loader looks at. */
    return written(&next) ? 0 : 5;
}

void ota_factory(const struct ota_image *image) {
    struct record first = {UINT64_MAX - 1, 0, 0, 1, 1, 0, {{0}}};
    first.slots[0].length = image->size, first.slots[0].crc = crc_of(SLOTS[0], image->size);
    memcpy(first.slots[0].version, image->version, sizeof image->version);
    ota_program(PLACES[0], &first, sizeof first);
}
