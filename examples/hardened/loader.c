/* The hardened design in C: guarded records beside the selected one, read back; images checked; one try. */
#include "otalab.h"

#include <string.h>

enum { NONE = 0xFF, TRIES = 3, RESERVE = 8, PIECE = 4096 };

struct __attribute__((packed)) slot {
    uint32_t length, crc;
    char version[24];
};

struct __attribute__((packed)) record {
    uint64_t sequencer; /* the smaller one is the newer: erased flash is older than any */
    uint8_t active, revert, committed, tried;
    uint32_t interval;
    struct slot slots[2];
    uint32_t crc;
};

static const uint32_t PLACES[2] = {OTA_RECORD_0, OTA_RECORD_1};
static const uint32_t SLOTS[2] = {OTA_SLOT_0, OTA_SLOT_1};
static const uint32_t FILES[2] = {OTA_FILES_0, OTA_FILES_1};

/* RAM: gone at the next power-on. */
static struct record booted;

static uint32_t guard(const struct record *record) {
    return ota_crc32(0, record, sizeof *record - sizeof record->crc);
}

static int valid(const struct record *record) {
    return record->crc == guard(record) && record->sequencer && record->sequencer != UINT64_MAX;
}

/* The record that counts, and its place; -1 if there is none. */
static int selected(struct record *best) {
    int place = -1;
    for (int n = 0; n < 2; n++) {
        struct record found;
        ota_read(PLACES[n], &found, sizeof found);
        if (valid(&found) && (place < 0 || found.sequencer < best->sequencer)) *best = found, place = n;
    }
    return place;
}

/* Make a record the newest: in the other place, until it reads back.  Until then the old one counts. */
static int written(struct record *next) {
    struct record old, back;
    int place = selected(&old);
    if (place < 0) return 0;
    next->sequencer = old.sequencer - 1;
    next->crc = guard(next);
    for (int n = 0; n < TRIES; n++) {
        ota_erase(PLACES[!place], ota_sector_size(PLACES[!place]));
        ota_program(PLACES[!place], next, sizeof *next);
        ota_read(PLACES[!place], &back, sizeof back);
        if (!memcmp(&back, next, sizeof back)) return 1;
    }
    ota_log("The boot record could not be written");
    return 0;
}

static uint32_t crc_of(uint32_t address, uint32_t size) {
    static uint8_t piece[PIECE];
    uint32_t crc = 0;
    while (size) {
        uint32_t length = size < sizeof piece ? size : sizeof piece;
        ota_read(address, piece, length);
        crc = ota_crc32(crc, piece, length);
        address += length, size -= length;
    }
    return crc;
}

static int whole(const struct record *record) {
    if (record->active > 1) return 0;
    const struct slot *slot = &record->slots[record->active];
    return slot->length && slot->length <= OTA_SLOT_SIZE && crc_of(SLOTS[record->active], slot->length) == slot->crc;
}

static void roll_back(struct record *record, const char *reason) {
    ota_log(reason);
    if (record->revert != NONE) record->active = record->revert;
    record->committed = 1, record->revert = NONE, record->tried = 0, record->interval = 0;
    /* The server first: a cut behind the record would leave the old image, and the refused update on offer. */
    ota_refuse(reason);
    written(record);
}

static void try_once(struct record *record) {
    if (record->tried) {
        roll_back(record, "Rolling back: it was tried before and did not commit");
    } else if (!whole(record)) {
        roll_back(record, "Rolling back: the image is not whole");
    } else {
        /* Written before it is started: a try that leaves no trace is free again after every cut. */
        record->tried = 1;
        if (!written(record)) roll_back(record, "Rolling back: its try could not be recorded");
    }
}

uint32_t ota_boot(void) {
    if (selected(&booted) < 0) return 0;
    if (!booted.committed) try_once(&booted);
    return whole(&booted) ? SLOTS[booted.active] : 0;
}

uint32_t ota_commit_within(void) { return booted.committed ? 0 : booted.interval; }

int ota_committed(void) {
    struct record now;
    return selected(&now) >= 0 && now.committed;
}

int ota_timer(void) {
    struct record now;
    if (selected(&now) < 0 || now.committed) return 0;
    roll_back(&now, "Rolling back: not committed in time");
    return 1;
}

int ota_confirm(void) {
    struct record now;
    if (selected(&now) < 0 || now.committed) return 1;
    now.committed = 1, now.revert = NONE, now.tried = 0;
    return !written(&now);
}

/* Write a part of the update into a region, erasing each sector just before it; its CRC-32, or 0. */
static int taken(enum ota_part part, uint32_t address, uint32_t size, uint32_t *crc) {
    static uint8_t piece[PIECE];
    uint32_t sector = ota_sector_size(address), unit = ota_program_unit(address);
    uint32_t step = sector < sizeof piece ? sector : sizeof piece;
    *crc = 0;
    for (uint32_t at = 0; at < size; at += step) {
        uint32_t length = size - at < step ? size - at : step;
        memset(piece, 0xFF, sizeof piece);
        if (ota_download(part, at, piece, length) != length) return 0;
        *crc = ota_crc32(*crc, piece, length);
        if (at % sector == 0) ota_erase(address + at, sector);
        ota_program(address + at, piece, (length + unit - 1) / unit * unit);
    }
    return crc_of(address, size) == *crc;
}

int ota_update(void) {
    struct record next;
    struct ota_image image;
    uint32_t crc, files_crc;
    if (selected(&next) < 0 || !next.committed || next.sequencer < RESERVE) return 1;
    if (!whole(&next)) next.active = booted.active;
    uint8_t old = next.active, target = !old;
    if (ota_offer(&image) || image.size > OTA_SLOT_SIZE || image.files_size > OTA_FILES_SIZE) return 2;
    if (!taken(OTA_APPLICATION, SLOTS[target], image.size, &crc)) return 3;
    if (!taken(OTA_FILES, FILES[target], image.files_size, &files_crc)) return 3;
    if (ota_carry_over(FILES[old], FILES[target], OTA_FILES_SIZE) == OTA_NO_ROOM) return 4;
    next.revert = old, next.active = target, next.committed = 0, next.tried = 0;
    next.interval = image.commit_within;
    next.slots[target].length = image.size, next.slots[target].crc = crc;
    memcpy(next.slots[target].version, image.version, sizeof image.version);
    /* Last, and the only thing that the loader looks at. */
    return written(&next) ? 0 : 5;
}

void ota_factory(const struct ota_image *image) {
    struct record first = {UINT64_MAX - 1, 0, NONE, 1, 0, 0, {{0}}, 0};
    first.slots[0].length = image->size, first.slots[0].crc = crc_of(SLOTS[0], image->size);
    memcpy(first.slots[0].version, image->version, sizeof image->version);
    first.crc = guard(&first);
    ota_program(PLACES[0], &first, sizeof first);
}
