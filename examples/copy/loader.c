/* Copy, then clear: images run from slot 0 alone.  An update goes to slot 1, and a note says so; the loader copies it
 * over slot 0, and clears the note when that is done.  A cut in between finds the note, and copies again. */
#include "otalab.h"

#include <string.h>

struct note {
    uint32_t magic, size, crc, guard;
};

enum { MAGIC = 0x59504F43 };

static uint8_t sector[OTA_SECTOR_SIZE];

static uint32_t crc_of(uint32_t address, uint32_t size) {
    uint32_t crc = 0;
    for (uint32_t at = 0; at < size; at += sizeof sector) {
        uint32_t length = size - at < sizeof sector ? size - at : sizeof sector;
        ota_read(address + at, sector, length);
        crc = ota_crc32(crc, sector, length);
    }
    return crc;
}

/* Is there an update to be copied?  A torn note fails its guard, and is none. */
static int noted(struct note *note) {
    ota_read(OTA_RECORD_0, note, sizeof *note);
    return note->magic == MAGIC && note->guard == ota_crc32(0, note, sizeof *note - sizeof note->guard);
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

static void copied(uint32_t from, uint32_t to, uint32_t size) {
    for (uint32_t at = 0; at < size; at += sizeof sector) {
        ota_read(from + at, sector, sizeof sector);
        ota_erase(to + at, sizeof sector);
        programmed(to + at);
    }
}

uint32_t ota_boot(void) {
    struct note note;
    if (noted(&note)) {
        copied(OTA_SLOT_1, OTA_SLOT_0, OTA_SLOT_SIZE);
        copied(OTA_FILES_1, OTA_FILES_0, OTA_FILES_SIZE);
        /* Last: until all of it is copied, the next boot must find the note. */
        ota_erase(OTA_RECORD_0, OTA_SECTOR_SIZE);
    }
    return OTA_SLOT_0;
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
    struct ota_image image;
    struct note note = {MAGIC, 0, 0, 0};
    uint32_t files_crc;
    if (ota_offer(&image) || image.size > OTA_SLOT_SIZE || image.files_size > OTA_FILES_SIZE) return 1;
    if (!taken(OTA_APPLICATION, OTA_SLOT_1, image.size, &note.crc)) return 2;
    if (!taken(OTA_FILES, OTA_FILES_1, image.files_size, &files_crc)) return 2;
    if (ota_carry_over(OTA_FILES_0, OTA_FILES_1, OTA_FILES_SIZE) == OTA_NO_ROOM) return 3;
    note.size = image.size;
    note.guard = ota_crc32(0, &note, sizeof note - sizeof note.guard);
    /* What lies there may be torn: nothing is programmed over it. */
    ota_erase(OTA_RECORD_0, OTA_SECTOR_SIZE);
    ota_program(OTA_RECORD_0, &note, sizeof note);
    return 0;
}
