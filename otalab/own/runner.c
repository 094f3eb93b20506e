/* The runner: loads the firmware once, and is forked for each power-on, so that RAM dies with the power.
 *
 * The lab and the runner share one file in memory: what they say to each other, a journal, and the flash.
 * A child works on a copy of its own of the flash.  What it does stands in the journal, in order; where it needs an
 * answer, or must not run ahead of a timer, it writes a byte to the lab and waits for one.
 */
#define _GNU_SOURCE
#include "otalab.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#include <sys/prctl.h>
#endif

#pragma weak ota_boot
#pragma weak ota_commit_within
#pragma weak ota_timer
#pragma weak ota_started
#pragma weak ota_committed
#pragma weak ota_confirm
#pragma weak ota_update
#pragma weak ota_factory

enum { POWER_ON = 1, GO, CALL, LEAVE };                                             /* from the lab */
enum { READY = 1, RETURNED, EFFECT, FULL, OFFER, DOWNLOAD, CARRY_OVER, MARKED, WRONG, ENDED }; /* to the lab */
enum { READ = 1, ERASE, PROGRAM, WAIT, LOG, REFUSE };                              /* in the journal */
enum { BOOT, COMMIT_WITHIN, TIMER, STARTED, COMMITTED, CONFIRM, UPDATE, FACTORY }; /* entries */

enum { MAILBOX = 65536, JOURNAL = 1 << 22, SECTORS = 16384 };

struct shared {
    uint32_t command, function, sync, message, status, value[4], used, milliseconds, effects, provided, wild, child;
    uint8_t marked[SECTORS];
    uint8_t mailbox[MAILBOX];
    uint8_t journal[JOURNAL];
    uint8_t flash[];
};

static struct shared *shared;
static uint8_t *flash;
static uint32_t effects;
static int orders, answers;

static void tell(uint32_t message) {
    char byte = 0;
    shared->message = message;
    if (write(answers, &byte, 1) != 1) _exit(0);
}

static void hear(void) {
    char byte;
    if (read(orders, &byte, 1) != 1) _exit(0); /* the lab is gone */
    if (flash && shared->command == LEAVE) _exit(0);
}

/* ---- In the child. ---- */

static void wrong(const char *what, uint32_t address, uint32_t size) {
    shared->value[0] = address;
    shared->value[1] = size;
    strncpy((char *)shared->mailbox, what, 255);
    tell(WRONG);
    for (;;) hear();
}

static uint32_t called(uint32_t function) {
    /* What a stack holds that nobody has written is never the same twice: who reads it is found out. */
    volatile uint8_t dirt[16384];
    for (uint32_t at = 0; at < sizeof dirt; at++) dirt[at] = (uint8_t)(shared->wild + at * 7);
    switch (function) {
        case BOOT: return ota_boot();
        case COMMIT_WITHIN: return ota_commit_within ? ota_commit_within() : 0;
        case TIMER: return ota_timer ? (uint32_t)ota_timer() : 0;
        case STARTED: if (ota_started) ota_started(); return 0;
        case COMMITTED: return (uint32_t)ota_committed();
        case CONFIRM: return ota_confirm ? (uint32_t)ota_confirm() : 0;
        case UPDATE: return ota_update ? (uint32_t)ota_update() : 1;
        case FACTORY: if (ota_factory) ota_factory((const struct ota_image *)(void *)shared->mailbox); return 0;
    }
    return 0;
}

/* Processor time is what a limit counts: how busy the machine is decides nothing. */
static void limited(int on) {
    struct itimerval limit = {{0, 0}, {0, 0}};
    if (on) {
        limit.it_value.tv_sec = shared->milliseconds / 1000;
        limit.it_value.tv_usec = shared->milliseconds % 1000 * 1000;
    }
    setitimer(ITIMER_VIRTUAL, &limit, NULL);
}

/* The sanitizer is about to say what it found, which takes longer than a call may. */
void __asan_on_error(void);
void __asan_on_error(void) { limited(0); }

static void call(void) {
    limited(1);
    shared->value[0] = called(shared->function);
    limited(0);
    tell(RETURNED);
}

/* Do what the lab asks for, until it says to go on. */
static void serve(void) {
    for (;;) {
        hear();
        if (shared->command == GO) return;
        if (shared->command == CALL) call();
    }
}

static void pause_for(uint32_t message) {
    limited(0);
    tell(message);
    serve();
    limited(1);
}

static void note(uint32_t kind, uint32_t address, uint32_t size, const void *data, uint32_t length) {
    uint32_t entry[4] = {kind, address, size, length};
    if (shared->used + sizeof entry + length > JOURNAL) pause_for(FULL);
    memcpy(shared->journal + shared->used, entry, sizeof entry);
    memcpy(shared->journal + shared->used + sizeof entry, data, length);
    shared->used += sizeof entry + ((length + 3) & ~3u);
}

static void counted(void) {
    if (++effects > shared->effects) wrong("", 0, 0);
    if (shared->sync) pause_for(EFFECT);
}

static void within(const char *what, uint32_t address, uint32_t size) {
    if (address > OTA_FLASH_SIZE || size > OTA_FLASH_SIZE - address) wrong(what, address, size);
}

/* Where sectors are not all alike, the board says so in pieces: where one begins, and with which sector. */
#ifndef OTA_PIECES
#define OTA_PIECES {0, 0, OTA_SECTOR_SIZE, OTA_PAGE_SIZE, OTA_PROGRAM_UNIT}
#endif
static const struct piece { uint32_t begin, sector, sector_size, page_size, program_unit; } pieces[] = {OTA_PIECES};

static const struct piece *piece_at(uint32_t address) {
    const struct piece *piece = pieces + sizeof pieces / sizeof *pieces - 1;
    while (address < piece->begin) piece--;
    return piece;
}

uint32_t ota_sector_size(uint32_t address) { return piece_at(address)->sector_size; }
uint32_t ota_page_size(uint32_t address) { return piece_at(address)->page_size; }
uint32_t ota_program_unit(uint32_t address) { return piece_at(address)->program_unit; }

static uint32_t sector_at(uint32_t address) {
    const struct piece *piece = piece_at(address);
    return piece->sector + (address - piece->begin) / piece->sector_size;
}

static uint32_t sector_start(uint32_t address) {
    const struct piece *piece = piece_at(address);
    return address - (address - piece->begin) % piece->sector_size;
}

static int marked(uint32_t address, uint32_t size) {
    for (uint32_t at = sector_at(address); size && at <= sector_at(address + size - 1); at++)
        if (shared->marked[at]) return 1;
    return 0;
}

/* Take over what the lab has made of these bytes of flash. */
static void renewed(uint32_t address, uint32_t size) {
    if (!size) return;
    uint32_t begin = sector_start(address), last = address + size - 1;
    uint32_t end = sector_start(last) + ota_sector_size(last);
    memcpy(flash + begin, shared->flash + begin, end - begin);
}

int ota_read(uint32_t address, void *to, uint32_t size) {
    within("ota_read", address, size);
    note(READ, address, size, NULL, 0);
    if (marked(address, size)) {
        pause_for(MARKED);
        renewed(address, size);
    }
    memcpy(to, flash + address, size);
    return 0;
}

int ota_erase(uint32_t address, uint32_t size) {
    uint32_t end = address + size;
    within("ota_erase", address, size);
    if (sector_start(address) != address || (end != OTA_FLASH_SIZE && sector_start(end) != end))
        wrong("ota_erase of no whole sectors", address, size);
    while (address < end) {
        uint32_t length = ota_sector_size(address);
        note(ERASE, address, length, NULL, 0);
        counted();
        memset(flash + address, 0xFF, length);
        address += length;
    }
    return 0;
}

int ota_program(uint32_t address, const void *from, uint32_t size) {
    const uint8_t *data = from;
    within("ota_program", address, size);
    if (address % ota_program_unit(address) || (size && (address + size) % ota_program_unit(address + size - 1)))
        wrong("ota_program of no whole units", address, size);
    while (size) {
        uint32_t length = ota_page_size(address) - address % ota_page_size(address);
        if (length > size) length = size;
        note(PROGRAM, address, length, data, length);
        counted();
        if (marked(address, length)) {
            pause_for(MARKED);
            renewed(address, length);
        } else {
            for (uint32_t at = 0; at < length; at++) flash[address + at] &= data[at];
        }
        address += length, data += length, size -= length;
    }
    return 0;
}

static uint32_t text(const char *line) {
    uint32_t length = 0;
    while (length < 1024 && line[length]) length++;
    return length;
}

void ota_wait(uint32_t milliseconds, const char *what) {
    note(WAIT, milliseconds, 0, what, text(what));
    counted();
}

void ota_log(const char *line) { note(LOG, 0, 0, line, text(line)); }

void ota_refuse(const char *reason) {
    note(REFUSE, 0, 0, reason, text(reason));
    counted();
}

int ota_offer(struct ota_image *image) {
    pause_for(OFFER);
    memcpy(image, shared->mailbox, sizeof *image);
    return (int)shared->value[0];
}

uint32_t ota_download(enum ota_part part, uint32_t position, void *to, uint32_t size) {
    uint32_t done = 0;
    while (done < size) {
        uint32_t wanted = size - done > MAILBOX ? MAILBOX : size - done;
        shared->value[0] = (uint32_t)part, shared->value[1] = position + done, shared->value[2] = wanted;
        pause_for(DOWNLOAD);
        if (shared->value[0] == OTA_BROKEN) return OTA_BROKEN;
        memcpy((uint8_t *)to + done, shared->mailbox, shared->value[0]);
        done += shared->value[0];
        if (shared->value[0] < wanted) break;
    }
    return done;
}

int ota_carry_over(uint32_t from, uint32_t to, uint32_t size) {
    within("ota_carry_over", from, size);
    within("ota_carry_over", to, size);
    shared->value[0] = from, shared->value[1] = to, shared->value[2] = size;
    pause_for(CARRY_OVER);
    renewed(from, size);
    renewed(to, size);
    return (int)shared->value[0];
}

uint32_t ota_crc32(uint32_t crc, const void *data, uint32_t size) {
    static uint32_t table[8][256];
    const uint8_t *byte = data;
    if (!table[0][1]) {
        for (uint32_t n = 0; n < 256; n++) {
            uint32_t c = n;
            for (int bit = 0; bit < 8; bit++) c = c & 1 ? 0xEDB88320u ^ c >> 1 : c >> 1;
            table[0][n] = c;
        }
        for (uint32_t n = 0; n < 256; n++)
            for (int k = 1; k < 8; k++) table[k][n] = table[0][table[k - 1][n] & 255] ^ table[k - 1][n] >> 8;
    }
    crc = ~crc;
    for (; size >= 8; size -= 8, byte += 8) {
        uint32_t low = crc ^ (byte[0] | byte[1] << 8 | byte[2] << 16 | (uint32_t)byte[3] << 24);
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^
              table[3][byte[4]] ^ table[2][byte[5]] ^ table[1][byte[6]] ^ table[0][byte[7]];
    }
    while (size--) crc = table[0][(crc ^ *byte++) & 255] ^ crc >> 8;
    return ~crc;
}

/* The power comes on with the first call; a child waits for it, so that nobody waits for a fork. */
static void powered(int file, pid_t parent) {
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent) _exit(0); /* it died before that was asked for */
    do hear();
    while (shared->command != POWER_ON);
    long page = sysconf(_SC_PAGESIZE);
    uintptr_t offset = (uintptr_t)(shared->flash - (uint8_t *)shared), low = offset / (uintptr_t)page * (uintptr_t)page;
    uint8_t *own = mmap(NULL, OTA_FLASH_SIZE + offset - low, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, (off_t)low);
    if (own == MAP_FAILED) _exit(99);
    flash = own + (offset - low);
    shared->child = (uint32_t)getpid();
    call();
    for (;;) serve();
}

/* ---- In the runner itself. ---- */

int main(int count, char **words) {
    if (count < 4) return 98;
    int file = atoi(words[1]);
    orders = atoi(words[2]), answers = atoi(words[3]);
    shared = mmap(NULL, sizeof *shared + OTA_FLASH_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED) return 97;
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) { /* not everywhere allowed */ }
#endif
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    ota_crc32(0, "", 1);
    shared->provided = !!ota_boot << BOOT | !!ota_commit_within << COMMIT_WITHIN | !!ota_timer << TIMER |
                       !!ota_started << STARTED | !!ota_committed << COMMITTED | !!ota_confirm << CONFIRM |
                       !!ota_update << UPDATE | !!ota_factory << FACTORY;
    tell(READY);
    for (;;) {
        int status = 0;
        pid_t parent = getpid(), child = fork();
        if (child < 0) return 96;
        if (!child) {
            powered(file, parent);
            _exit(0);
        }
        while (waitpid(child, &status, 0) != child) {}
        shared->status = (uint32_t)status;
        tell(ENDED);
    }
}
