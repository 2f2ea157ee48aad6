#include "verifier/body_canon.h"
#include "base/ascii.h"
#include "verifier/wsp_squeeze.h"

/* Spares the stage the zeros that -ftrivial-auto-var-init writes: they cost a tenth of a short message. */
#define UNINITIALIZED __attribute__((uninitialized))

enum { STAGE = 8 * 1024 };   /* octets squeezed at a time: with their input they stay in the first-level cache */
enum { STRAIGHT_MIN = 512 }; /* octets that are worth being hashed where they are */
enum { PAGE = 4096 };

static struct span without_last(struct span s, size_t count) { return span_first(s, s.len - count); }

/* The canonical octets, and nothing else, pass here. */
static void feed(struct body_canon *canon, struct span octets) {
    size_t hashed = octets.len;
    if (canon->has_limit) {
        uint64_t left = canon->limit > canon->octets ? canon->limit - canon->octets : 0;
        if (hashed > left) hashed = (size_t)left;
    }
    digest_update(canon->digest, span_first(octets, hashed));
    canon->octets += octets.len;
}

/* Content, whose last line is not empty: the lines held back before it were not the end. */
static void feed_content(struct body_canon *canon, struct span content) {
    static const char crlfs[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
    const uint64_t most = (sizeof crlfs - 1) / 2;
    while (canon->held_lines > 0) {
        uint64_t count = canon->held_lines < most ? canon->held_lines : most;
        feed(canon, (struct span){crlfs, (size_t)count * 2});
        canon->held_lines -= count;
    }
    feed(canon, content);
    canon->any_content = true;
}

/* Canonical octets that may end with any number of CRLFs. */
static void feed_lines(struct body_canon *canon, struct span lines) {
    uint64_t ends = 0;
    while (lines.len >= 2 && lines.ptr[lines.len - 1] == '\n' && lines.ptr[lines.len - 2] == '\r') {
        lines = without_last(lines, 2);
        ends++;
    }
    if (lines.len > 0) feed_content(canon, lines);
    canon->held_lines += ends;
}

static bool is_held(const struct body_canon *canon, char c) {
    return c == '\r' || (canon->kind == CANON_RELAXED && ascii_is_wsp(c));
}

/* Content behind the blank and the CR that turned out to be content too. */
static void release_held(struct body_canon *canon) {
    static const char held[] = " \r";
    size_t start = canon->held_blank ? 0 : 1, end = canon->held_cr ? 2 : 1;
    if (end > start) feed_content(canon, (struct span){held + start, end - start});
    canon->held_blank = canon->held_cr = false;
}

/* One octet where what stands before or behind it decides. */
static void step(struct body_canon *canon, char c) {
    if (canon->held_cr && c == '\n') {
        canon->held_blank = canon->held_cr = false; /* white space at the end of a line is gone */
        canon->held_lines++;
        return;
    }
    if (canon->held_cr) release_held(canon);
    if (c == '\r') {
        canon->held_cr = true;
    } else if (is_held(canon, c)) {
        canon->held_blank = true;
    } else {
        release_held(canon);
        feed_content(canon, (struct span){&c, 1});
    }
}

/* The processor takes a load for one of what was just stored when their addresses differ by a multiple of a page, and
 * waits: half a page apart the kernel runs up to half as fast again. */
static void feed_squeezed(struct body_canon *canon, struct span octets) {
    UNINITIALIZED char room[PAGE + STAGE + WSP_SQUEEZE_SLACK];
    char *stage = room + ((uintptr_t)octets.ptr - (uintptr_t)room + PAGE / 2) % PAGE;
    feed_lines(canon, (struct span){stage, wsp_squeeze(octets.ptr, octets.len, stage)});
}

/* Octets of which neither the first depends on what went before nor the last on what will come. */
static void feed_whole(struct body_canon *canon, struct span octets) {
    size_t settled = canon->kind == CANON_SIMPLE ? octets.len : wsp_settled(octets.ptr, octets.len);
    if (settled < STRAIGHT_MIN && settled < octets.len) settled = 0;
    feed_lines(canon, span_first(octets, settled));
    if (settled < octets.len) feed_squeezed(canon, span_after(octets, settled));
}

static void update_piece(struct body_canon *canon, struct span piece) {
    while (piece.len > 0 && (canon->held_blank || canon->held_cr)) {
        step(canon, piece.ptr[0]);
        piece = span_after(piece, 1);
    }
    size_t whole = piece.len;
    while (whole > 0 && is_held(canon, piece.ptr[whole - 1])) whole--;
    if (whole > 0) feed_whole(canon, span_first(piece, whole));
    for (size_t i = whole; i < piece.len; i++) step(canon, piece.ptr[i]);
}

void body_canon_begin(struct body_canon *canon, enum canonicalization kind, bool has_limit, uint64_t limit,
                      struct digest *digest) {
    *canon = (struct body_canon){.kind = kind, .has_limit = has_limit, .limit = limit, .digest = digest};
}

void body_canon_update(struct body_canon *canon, struct span octets) {
    while (canon->kind == CANON_RELAXED && octets.len > STAGE) {
        update_piece(canon, span_first(octets, STAGE));
        octets = span_after(octets, STAGE);
    }
    update_piece(canon, octets);
}

void body_canon_end(struct body_canon *canon) {
    canon->held_blank = canon->held_blank && canon->held_cr; /* before the end as before a line's end */
    release_held(canon);
    if (canon->any_content || canon->kind == CANON_SIMPLE) feed(canon, (struct span){"\r\n", 2});
    canon->held_lines = 0;
}
