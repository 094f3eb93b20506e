/* MCUboot where it only overwrites, in C: images run from slot 0; one that waits in slot 1 has a trailer that says so.
 * The loader checks it, copies it over slot 0, and erases the trailer when that is done. */
#include "otalab.h"

#include <stddef.h>
#include <string.h>

/* Flags have a write unit of their own, so that each is set without an erase: 1 is set, ones are not set. */
struct trailer {
    uint8_t swap_info[8], copy_done[8], image_ok[8], magic[16];
};

enum { SET = 0x01, UNSET = 0xFF, WRITE_UNIT = 4 };

static const uint8_t MAGIC[16] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                  0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80};
static uint8_t sector[OTA_SECTOR_SIZE];

/* An image begins with `OTAL` and its size, and ends with a CRC-32 of all before it. */
static int whole(uint32_t address) {
    uint32_t head[2], crc = 0, wanted;
    ota_read(address, head, sizeof head);
    if (head[0] != 0x4C41544F || head[1] < 12 || head[1] > OTA_SLOT_SIZE) return 0;
    uint32_t size = head[1] - 4;
    for (uint32_t at = 0; at < size; at += sizeof sector) {
        uint32_t length = size - at < sizeof sector ? size - at : sizeof sector;
        ota_read(address + at, sector, length);
        crc = ota_crc32(crc, sector, length);
    }
    ota_read(address + size, &wanted, sizeof wanted);
    return crc == wanted;
}

/* Does an image wait in slot 1? */
static int waits(void) {
    struct trailer trailer;
    ota_read(OTA_RECORD_1, &trailer, sizeof trailer);
    if (memcmp(trailer.magic, MAGIC, sizeof MAGIC)) return 0;
    return trailer.image_ok[0] == SET || trailer.image_ok[0] == UNSET;
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
    if (waits()) {
        if (whole(OTA_SLOT_1)) {
            copied(OTA_SLOT_1, OTA_SLOT_0, OTA_SLOT_SIZE);
            copied(OTA_FILES_1, OTA_FILES_0, OTA_FILES_SIZE);
        }
        /* Last: until all of it is copied, the next boot must find the trailer. */
        ota_erase(OTA_RECORD_1, OTA_SECTOR_SIZE);
    }
    return whole(OTA_SLOT_0) ? OTA_SLOT_0 : 0;
}

/* Write a part of the update into a region, erasing each sector just before it. */
static int taken(enum ota_part part, uint32_t address, uint32_t size) {
    static uint8_t piece[OTA_SECTOR_SIZE];
    uint32_t crc = 0, found = 0;
    for (uint32_t at = 0; at < size; at += sizeof piece) {
        uint32_t length = size - at < sizeof piece ? size - at : sizeof piece;
        memset(piece, 0xFF, sizeof piece);
        if (ota_download(part, at, piece, length) != length) return 0;
        crc = ota_crc32(crc, piece, length);
        ota_erase(address + at, OTA_SECTOR_SIZE);
        ota_program(address + at, piece, (length + OTA_PROGRAM_UNIT - 1) / OTA_PROGRAM_UNIT * OTA_PROGRAM_UNIT);
    }
    for (uint32_t at = 0; at < size; at += sizeof piece) {
        uint32_t length = size - at < sizeof piece ? size - at : sizeof piece;
        ota_read(address + at, piece, length);
        found = ota_crc32(found, piece, length);
    }
    return found == crc;
}

int ota_update(void) {
    struct ota_image image;
    static const uint8_t image_ok[WRITE_UNIT] = {SET, 0xFF, 0xFF, 0xFF};
    if (ota_offer(&image) || image.size > OTA_SLOT_SIZE || image.files_size > OTA_FILES_SIZE) return 1;
    /* First: an image that is not whole yet must not be asked for. */
    ota_erase(OTA_RECORD_1, OTA_SECTOR_SIZE);
    if (!taken(OTA_APPLICATION, OTA_SLOT_1, image.size)) return 2;
    if (!taken(OTA_FILES, OTA_FILES_1, image.files_size)) return 2;
    if (!whole(OTA_SLOT_1)) return 3;
    if (ota_carry_over(OTA_FILES_0, OTA_FILES_1, OTA_FILES_SIZE) == OTA_NO_ROOM) return 4;
    ota_program(OTA_RECORD_1 + offsetof(struct trailer, magic), MAGIC, sizeof MAGIC);
    ota_program(OTA_RECORD_1 + offsetof(struct trailer, image_ok), image_ok, sizeof image_ok);
    return 0;
}

void ota_factory(const struct ota_image *image) {
    static const struct trailer shipped = {
        {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
        {SET, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
        {SET, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
        {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80}};
    (void)image;
    ota_program(OTA_RECORD_0, &shipped, sizeof shipped);
}
