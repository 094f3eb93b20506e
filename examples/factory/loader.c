/* Three slots: two that updates go to by turns, and one with the image of the factory, which nobody writes again.
 * There is one boot record, written in its place: while it is written there is none, and then the factory's image is
 * started, which takes the update again. */
#include "otalab.h"

#include <string.h>

enum { FACTORY = 2 };

struct record {
    uint32_t active, previous, committed, tried, interval;
    uint32_t size[2], crc[2];
    uint32_t guard;
};

static const uint32_t SLOTS[3] = {OTA_SLOT_0, OTA_SLOT_1, OTA_SLOT_2};
static const uint32_t FILES[3] = {OTA_FILES_0, OTA_FILES_1, OTA_FILES_2};

/* RAM: gone at the next power-on. */
static struct record booted;
static uint32_t started;
static uint8_t sector[OTA_SECTOR_SIZE];

static uint32_t guard(const struct record *record) {
    return ota_crc32(0, record, sizeof *record - sizeof record->guard);
}

static int found(struct record *record) {
    ota_read(OTA_RECORD_0, record, sizeof *record);
    return record->guard == guard(record) && record->active < FACTORY && record->previous <= FACTORY;
}

static void written(struct record *record) {
    record->guard = guard(record);
    ota_erase(OTA_RECORD_0, OTA_SECTOR_SIZE);
    ota_program(OTA_RECORD_0, record, sizeof *record);
}

static uint32_t crc_of(uint32_t address, uint32_t size) {
    uint32_t crc = 0;
    for (uint32_t at = 0; at < size; at += sizeof sector) {
        uint32_t length = size - at < sizeof sector ? size - at : sizeof sector;
        ota_read(address + at, sector, length);
        crc = ota_crc32(crc, sector, length);
    }
    return crc;
}

static int whole(const struct record *record, uint32_t slot) {
    uint32_t size = record->size[slot];
    return size && size <= OTA_SLOT_SIZE && crc_of(SLOTS[slot], size) == record->crc[slot];
}

/* Go back to what ran before.  The server first: a cut behind it loses the record, and the factory's image must not be
 * offered again what was no good. */
static void roll_back(struct record *record, const char *reason) {
    ota_log(reason);
    ota_refuse(reason);
    if (record->previous < FACTORY) {
        record->active = record->previous;
        record->committed = 1;
        written(record);
    } else {
        ota_erase(OTA_RECORD_0, OTA_SECTOR_SIZE);
    }
}

uint32_t ota_boot(void) {
    if (found(&booted) && !booted.committed) {
        if (booted.tried) {
            roll_back(&booted, "Rolling back: it was tried before and did not commit");
        } else {
            /* Before it is started: a try that leaves no trace is free again after every cut. */
            booted.tried = 1;
            written(&booted);
        }
    }
    started = found(&booted) && whole(&booted, booted.active) ? booted.active : FACTORY;
    return SLOTS[started];
}

static int on_trial(void) { return started != FACTORY && !booted.committed; }

uint32_t ota_commit_within(void) { return on_trial() ? booted.interval : 0; }

int ota_committed(void) { return !on_trial(); }

int ota_timer(void) {
    if (!on_trial()) return 0;
    roll_back(&booted, "Rolling back: not committed in time");
    return 1;
}

int ota_confirm(void) {
    if (on_trial()) {
        booted.committed = 1;
        written(&booted);
    }
    return 0;
}

static void programmed(uint32_t address) {
    for (uint32_t at = 0; at < sizeof sector; at += OTA_PAGE_SIZE) {
        const uint8_t *page = sector + at;
        for (uint32_t n = 0; n < OTA_PAGE_SIZE; n++)
            if (page[n] != 0xFF) { /* a page of ones is there already */
                ota_program(address + at, page, OTA_PAGE_SIZE);
                break;
            }
    }
}

static int taken(enum ota_part part, uint32_t address, uint32_t size, uint32_t *crc) {
    *crc = 0;
    for (uint32_t at = 0; at < size; at += sizeof sector) {
        uint32_t length = size - at < sizeof sector ? size - at : sizeof sector;
        memset(sector, 0xFF, sizeof sector);
        if (ota_download(part, at, sector, length) != length) return 0;
        *crc = ota_crc32(*crc, sector, length);
        ota_erase(address + at, sizeof sector);
        programmed(address + at);
    }
    return crc_of(address, size) == *crc;
}

int ota_update(void) {
    struct record next = booted;
    struct ota_image image;
    uint32_t target = started == 0 ? 1 : 0, files_crc;
    if (on_trial()) return 1;
    if (started == FACTORY) memset(&next, 0, sizeof next);
    if (ota_offer(&image) || image.size > OTA_SLOT_SIZE || image.files_size > OTA_FILES_SIZE) return 2;
    if (!taken(OTA_APPLICATION, SLOTS[target], image.size, &next.crc[target])) return 3;
    if (!taken(OTA_FILES, FILES[target], image.files_size, &files_crc)) return 3;
    if (ota_carry_over(FILES[started], FILES[target], OTA_FILES_SIZE) == OTA_NO_ROOM) return 4;
    next.size[target] = image.size;
    next.previous = started, next.active = target, next.committed = 0, next.tried = 0;
    next.interval = image.commit_within;
    written(&next);
    return 0;
}

static void copied(uint32_t from, uint32_t to, uint32_t size) {
    for (uint32_t at = 0; at < size; at += sizeof sector) {
        ota_read(from + at, sector, sizeof sector);
        programmed(to + at);
    }
}

void ota_factory(const struct ota_image *image) {
    struct record first = {0, FACTORY, 1, 0, 0, {0}, {0}, 0};
    first.size[0] = image->size, first.crc[0] = crc_of(SLOTS[0], image->size);
    copied(SLOTS[0], SLOTS[FACTORY], OTA_SLOT_SIZE);
    copied(FILES[0], FILES[FACTORY], OTA_FILES_SIZE);
    first.guard = guard(&first);
    ota_program(OTA_RECORD_0, &first, sizeof first);
}
