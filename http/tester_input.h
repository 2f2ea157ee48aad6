/* http/tester_input.h -- what people bring to the tester, by mail, page or API, and how they want to be answered. Pure data,
 * borrowed by whoever takes it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/span.h"
#include "verifier/phrase.h"

struct event_stream;
struct tester_report;

enum {
    TESTER_MESSAGES_MAX = 5, /* of one test by mail */
    TESTER_LIFE_S = 3600,    /* its address takes mail for so long */
    TESTER_PASTE_MAX = 1 << 20,
    TESTER_UPLOAD_MAX = 10 << 20,
    TESTER_SELECTORS_MAX = 8, /* of one question */
};

/* Where a test or question comes from: the label of the metric. */
enum tester_source { TESTER_BY_MAIL, TESTER_BY_PASTE, TESTER_BY_UPLOAD, TESTER_BY_API, TESTER_BY_DOMAIN, TESTER_SOURCE_COUNT };

/* Who asks, for the caps: the address as text, IPv6 by its /64; empty: not counted apart. */
struct tester_client {
    struct span address;
};

/* A message to be tested; copied. */
struct tester_message {
    struct span octets;
    bool is_header_alone; /* pasted header fields: line ends and folds are repaired, no body is expected */
    bool is_pasted;       /* line ends may be bare LF */
    bool is_to_be_kept;   /* where setup allows it */
    /* What SMTP told, when it came by mail. */
    bool has_envelope;
    bool has_address, is_v4;
    uint8_t address[16];
    struct span helo, mail_from, client; /* client: address as text */
    const char *tls;      /* static; NULL: in clear */
    unsigned left_out;    /* bits of authentication.h: checks that make no sense where it came in */
};

/* Key records to be looked at; copied. */
struct tester_question {
    struct span domain;
    size_t selector_count;
    struct span selector[TESTER_SELECTORS_MAX];
    struct span expected_cname[TESTER_SELECTORS_MAX]; /* may be empty */
    struct span provider_answer; /* as pasted; may be empty, and may stand in for domain and selectors */
    struct span record;          /* not published yet: judged in the first selector's place; may be empty */
};

/* Called in the desk's thread, without its lock; report NULL: no memory. What it appends goes to the stream, which then
 * ends. */
struct tester_answer {
    void (*write)(struct bytes *out, const struct tester_report *report, enum language language);
    enum language language;
    struct event_stream *stream; /* a reference is taken */
};
