/* What firmware and the lab say to each other.  The firmware includes this, and links against nothing.
 *
 * Addresses and sizes are in bytes, addresses count from the beginning of the flash.
 * Where things lie is said by the board, when the firmware is built:
 *
 *   OTA_FLASH_SIZE, OTA_SECTOR_SIZE (what is erased at once), OTA_PAGE_SIZE, OTA_PROGRAM_UNIT;
 *   a board on which one of these is not the same everywhere does not define it: see ota_sector_size
 *   OTA_RECORD_0, OTA_RECORD_1               the two sectors for boot records
 *   OTA_STATE_0, OTA_STATE_1                 two more, on a board that has them
 *   OTA_SLOT_0, OTA_SLOT_1, OTA_SLOT_SIZE    where applications lie, and how much room one has
 *   OTA_FILES_0, OTA_FILES_1, OTA_FILES_SIZE the file systems beside them
 *   OTA_SLOT_2, OTA_FILES_2                  and so on, on a board that has more; a factory image is the last of them
 */
#ifndef OTALAB_H
#define OTALAB_H

#include <stdint.h>

/* ---- What the lab provides. ---- */

/* Read, erase whole sectors, program: 0 if it was done.  A program can only turn ones into zeros.
 * An access beyond the chip is how a run ends: no part can be asked to do that. */
int ota_read(uint32_t address, void *to, uint32_t size);
int ota_erase(uint32_t address, uint32_t size);
int ota_program(uint32_t address, const void *from, uint32_t size);

/* How flash is divided at an address: what is erased at once, what one program may hold, what each is made of. */
uint32_t ota_sector_size(uint32_t address);
uint32_t ota_page_size(uint32_t address);
uint32_t ota_program_unit(uint32_t address);

/* Let time pass, and say what for; write a line into the boot log. */
void ota_wait(uint32_t milliseconds, const char *what);
void ota_log(const char *line);

/* What an update says of itself; `commit_within`: seconds that it is given to commit, 0 for no limit. */
struct ota_image {
    char version[24];
    uint32_t size;
    uint32_t files_size;
    uint32_t commit_within;
};

enum ota_part { OTA_APPLICATION, OTA_FILES };

/* In `ota_update`: what is on offer, 0 if it may be taken; then bytes of a part of it.
 * Returned is how many there were: fewer than asked for at its end, OTA_BROKEN if the download is no good. */
#define OTA_BROKEN 0xFFFFFFFFu
int ota_offer(struct ota_image *image);
uint32_t ota_download(enum ota_part part, uint32_t position, void *to, uint32_t size);

/* Carry the files that the file system at `to` lacks over from the one at `from`, as the lab's own firmware does:
 * 0 if it was done, OTA_NO_FILES if there is a file system that cannot be mounted, OTA_NO_ROOM if they do not fit. */
#define OTA_NO_FILES 1
#define OTA_NO_ROOM 2
int ota_carry_over(uint32_t from, uint32_t to, uint32_t size);

/* Tell the server that this update was no good, before the record says so: it is then not offered again. */
void ota_refuse(const char *reason);

/* The CRC-32 of zip and ethernet; begin with 0, go on with what was returned. */
uint32_t ota_crc32(uint32_t crc, const void *data, uint32_t size);

/* ---- What the firmware provides; all but the first may be missing. ---- */

uint32_t ota_boot(void);          /* the boot loader: the address of the image to start; 0 to halt */
uint32_t ota_commit_within(void); /* after ota_boot: seconds until the commit timer is due; 0, or missing: no timer */
int ota_timer(void);              /* the commit timer is due; not 0: reset */
void ota_started(void);           /* the first thing that an image does */
int ota_committed(void);          /* is this image to stay?  Missing: ota_confirm went well, or is missing as well */
int ota_confirm(void);            /* the health check passed: keep this image; 0 if that is done */
int ota_update(void);             /* take what is on offer; 0: it is done, reset; else the update is lost */
void ota_factory(const struct ota_image *image); /* once, at the factory: an image lies in slot 0, write the record */

#endif
