/* A store: entries one behind the other in two sectors, and the newest one that is good says which slot to start.
 * It is safe; its page has a change of one line for each way in which code can go wrong. */
#include "otalab.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct entry {
    uint32_t number; /* the greater one is the newer */
    uint32_t slot;
    uint32_t crc;
};

enum { ROOM = 2 }; /* so many entries in a sector: few, so that sectors change often */

static const uint32_t SECTORS[2] = {OTA_RECORD_0, OTA_RECORD_1};
static const uint32_t SLOTS[2] = {OTA_SLOT_0, OTA_SLOT_1};
static const uint32_t FILES[2] = {OTA_FILES_0, OTA_FILES_1};

static uint8_t piece[OTA_SECTOR_SIZE];

static uint32_t guard(const struct entry *entry) { return ota_crc32(0, entry, sizeof *entry - sizeof entry->crc); }

static int blank(const struct entry *entry) {
    static const struct entry erased = {~0u, ~0u, ~0u};
    return !memcmp(entry, &erased, sizeof erased);
}

/* The newest good entry and its sector, and the first free place there; the sector is -1 if there is none. */
static int newest(struct entry *best, int *free_place) {
    int sector = -1;
    for (int n = 0; n < 2; n++) {
        struct entry log[ROOM];
        ota_read(SECTORS[n], log, sizeof log);
        int begin = sector, first_free = ROOM;
        for (int place = ROOM - 1; place >= 0 && blank(&log[place]); place--) first_free = place;
        for (int place = 0; place < first_free; place++) {
            const struct entry *entry = &log[place];
            if (entry->crc != guard(entry)) continue; /* torn: it says nothing, and its place is used up */
            if (sector < 0 || entry->number > best->number) *best = *entry, sector = n;
        }
        if (sector != begin) *free_place = first_free;
    }
    return sector;
}

/* Put an entry behind the others; where there is no room, at the beginning of the other sector. */
static void put(uint32_t slot) {
    struct entry last, next;
    int place, sector = newest(&last, &place);
    next.number = last.number + 1;
    next.slot = slot;
    next.crc = guard(&next);
    if (place == ROOM) {
        /* The other one: what counts stays where it is until something newer is whole. */
        sector = !sector, place = 0;
        ota_erase(SECTORS[sector], OTA_SECTOR_SIZE);
    }
    ota_program(SECTORS[sector] + (uint32_t)place * sizeof next, &next, sizeof next);
}

uint32_t ota_boot(void) {
    struct entry entry;
    int place;
    if (newest(&entry, &place) < 0) return 0;
    return SLOTS[entry.slot];
}

static int taken(enum ota_part part, uint32_t address, uint32_t size) {
    for (uint32_t at = 0; at < size; at += sizeof piece) {
        uint32_t length = size - at < sizeof piece ? size - at : sizeof piece;
        memset(piece, 0xFF, sizeof piece);
        if (ota_download(part, at, piece, length) != length) return 0;
        ota_erase(address + at, sizeof piece);
        ota_program(address + at, piece, sizeof piece);
    }
    return 1;
}

int ota_update(void) {
    struct ota_image image;
    struct entry entry;
    int place;
    if (newest(&entry, &place) < 0 || ota_offer(&image)) return 1;
    uint32_t target = !entry.slot;
    if (image.size > OTA_SLOT_SIZE || image.files_size > OTA_FILES_SIZE) return 2;
    if (!taken(OTA_APPLICATION, SLOTS[target], image.size)) return 3;
    if (!taken(OTA_FILES, FILES[target], image.files_size)) return 3;
    if (ota_carry_over(FILES[entry.slot], FILES[target], OTA_FILES_SIZE) == OTA_NO_ROOM) return 4;
    put(target);
    return 0;
}

void ota_factory(const struct ota_image *image) {
    struct entry first = {1, 0, 0};
    (void)image;
    first.crc = guard(&first);
    ota_program(SECTORS[0], &first, sizeof first);
}
