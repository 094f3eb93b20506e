/* Swap with a scratch sector: images run from slot 0 alone.  An update goes to slot 1; the loader lets the two slots
 * change places, sector by sector, and lets them change back where the new image was started once and not confirmed.
 *
 * One sector holds the request, and behind it a row of flags that are set one after the other and never cleared singly:
 * three for each sector of the swap there (moved to scratch, moved to slot 0, moved to slot 1), then as many for the
 * way back, then `tried` and `confirmed`.  Whatever a cut leaves of a step, the step is done again from its beginning;
 * each reads from one place and writes another one, so that costs nothing. */
#include "otalab.h"

#include <string.h>

#define REQUEST OTA_RECORD_0
#define SCRATCH OTA_STATE_0

struct request {
    uint32_t magic, interval, guard;
};

enum {
    MAGIC = 0x50415753,
    SECTORS = (OTA_SLOT_SIZE + OTA_FILES_SIZE) / OTA_SECTOR_SIZE,
    THERE = 0,
    BACK = 3 * SECTORS,
    TRIED = 6 * SECTORS,
    CONFIRMED,
    FLAGS_AT = 64
};

static uint8_t sector[OTA_SECTOR_SIZE];

static uint32_t guard(const struct request *request) {
    return ota_crc32(0, request, sizeof *request - sizeof request->guard);
}

static int requested(struct request *request) {
    ota_read(REQUEST, request, sizeof *request);
    return request->magic == MAGIC && request->guard == guard(request);
}

static uint32_t flag_at(uint32_t number) { return REQUEST + FLAGS_AT + number * OTA_PROGRAM_UNIT; }

/* A flag counts when all of it is zero: a torn one does not, and what it stands for is done again. */
static int is_set(uint32_t number) {
    uint8_t flag[OTA_PROGRAM_UNIT];
    ota_read(flag_at(number), flag, sizeof flag);
    for (uint32_t n = 0; n < sizeof flag; n++)
        if (flag[n]) return 0;
    return 1;
}

static void set(uint32_t number) {
    const uint8_t flag[OTA_PROGRAM_UNIT] = {0};
    ota_program(flag_at(number), flag, sizeof flag);
}

static void forgotten(void) {
    const struct request none = {0, 0, 0};
    /* The request first, and whole: an erase that is cut leaves some flags, and a request that still stands would
     * believe them. */
    ota_program(REQUEST, &none, sizeof none);
    ota_erase(REQUEST, OTA_SECTOR_SIZE);
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

static void moved(uint32_t flag, uint32_t from, uint32_t to) {
    if (is_set(flag)) return;
    ota_read(from, sector, sizeof sector);
    ota_erase(to, sizeof sector);
    programmed(to);
    /* Behind it: a flag that is set before says of a half-written sector that it is done. */
    set(flag);
}

static uint32_t sector_of(uint32_t app, uint32_t files, uint32_t number) {
    uint32_t at = number * OTA_SECTOR_SIZE;
    return at < OTA_SLOT_SIZE ? app + at : files + (at - OTA_SLOT_SIZE);
}

/* Let the slots change places, from where an earlier boot had come. */
static void swapped(uint32_t flags) {
    if (is_set(flags + 3 * SECTORS - 1)) return;
    for (uint32_t n = 0; n < SECTORS; n++) {
        uint32_t here = sector_of(OTA_SLOT_0, OTA_FILES_0, n), there = sector_of(OTA_SLOT_1, OTA_FILES_1, n);
        moved(flags + 3 * n, here, SCRATCH);
        moved(flags + 3 * n + 1, there, here);
        moved(flags + 3 * n + 2, SCRATCH, there);
    }
}

static int on_trial(struct request *request) { return requested(request) && !is_set(CONFIRMED); }

uint32_t ota_boot(void) {
    struct request request;
    if (!on_trial(&request)) return OTA_SLOT_0;
    swapped(THERE);
    if (!is_set(TRIED)) {
        /* Before it is started: a try that leaves no trace is free again after every cut. */
        set(TRIED);
        return OTA_SLOT_0;
    }
    swapped(BACK);
    /* The server first: a cut behind the erase would leave the old image, and the refused update on offer. */
    ota_refuse("It was started, and not confirmed");
    forgotten();
    return OTA_SLOT_0;
}

uint32_t ota_commit_within(void) {
    struct request request;
    return on_trial(&request) ? request.interval : 0;
}

int ota_committed(void) {
    struct request request;
    return !on_trial(&request);
}

int ota_timer(void) {
    ota_log("Not confirmed in time");
    return !ota_committed(); /* the next boot goes back */
}

int ota_confirm(void) {
    if (!ota_committed()) set(CONFIRMED);
    return 0;
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

static int taken(enum ota_part part, uint32_t address, uint32_t size) {
    uint32_t crc = 0;
    for (uint32_t at = 0; at < size; at += sizeof sector) {
        uint32_t length = size - at < sizeof sector ? size - at : sizeof sector;
        memset(sector, 0xFF, sizeof sector);
        if (ota_download(part, at, sector, length) != length) return 0;
        crc = ota_crc32(crc, sector, length);
        ota_erase(address + at, sizeof sector);
        programmed(address + at);
    }
    return crc_of(address, size) == crc;
}

int ota_update(void) {
    struct ota_image image;
    struct request request = {MAGIC, 0, 0};
    if (!ota_committed()) return 1;
    if (ota_offer(&image) || image.size > OTA_SLOT_SIZE || image.files_size > OTA_FILES_SIZE) return 2;
    /* Before slot 1 is touched: from here on there is nothing to go back to. */
    forgotten();
    if (!taken(OTA_APPLICATION, OTA_SLOT_1, image.size)) return 3;
    if (!taken(OTA_FILES, OTA_FILES_1, image.files_size)) return 3;
    if (ota_carry_over(OTA_FILES_0, OTA_FILES_1, OTA_FILES_SIZE) == OTA_NO_ROOM) return 4;
    request.interval = image.commit_within;
    request.guard = guard(&request);
    ota_program(REQUEST, &request, sizeof request);
    return 0;
}
