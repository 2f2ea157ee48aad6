/* http/tester_report.h -- what the tester found out about one message or one domain: the value that pages and JSON show.
 * Made once by tester_job from what the verifier's modules say, copied out of them into one piece of memory, immutable
 * from then on and shared by reference count. A masked twin, for links that are given away, has every local part of an
 * address replaced by "***" wherever it stands: in fields, tags, findings and excerpts.
 * Spans live as long as the report; they hold octets from outside: escape them. Thread rule: read, acquire and release
 * from any thread. Limits: TESTER_ below; what is cut says so. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/json.h"
#include "verifier/finding.h"
#include "verifier/header_section.h"
#include "verifier/record_report.h"
#include "verifier/result.h"

enum {
    TESTER_SIGNATURES_MAX = 32, /* DKIM signatures told of */
    TESTER_TAGS_MAX = 32,       /* tags of one of them */
    TESTER_STEPS_MAX = 50,      /* Received fields */
    TESTER_RECORDS_MAX = 4,     /* signing domains whose key records are judged */
    TESTER_FIELD_MAX = 2048,    /* octets of a header field shown */
    TESTER_CANONICAL_MAX = 16384, /* octets of a canonical text */
    TESTER_CANONICAL_LINES_MAX = 200,
};

/* Text that may have been cut. octets: before that. */
struct tester_text {
    struct span text;
    uint64_t octets;
};

struct tester_tag {
    struct span name, value; /* as written; folds in the value are kept */
};

struct tester_signature {
    const struct dkim_result *result;
    enum cause cause;                    /* refined by the diagnosis; CAUSE_NONE where it passes */
    size_t tag_count;                    /* 0: the field cannot be split into tags */
    const struct tester_tag *tag;        /* in order of the field */
    const struct record_selector *key;   /* its key record, judged; NULL: not asked for */
    struct tester_text canonical_header; /* the fields that were signed, in the order of h=, and the signature itself */
    struct tester_text canonical_body;   /* empty: no body was given */
};

/* One server on the way, the sender's side last. */
struct tester_step {
    struct span from, by, with; /* words behind "from", "by" and "with"; may be empty */
    bool has_time;
    int64_t time_s;
};

/* How the message came. */
struct tester_arrival {
    int64_t at_s;               /* wall clock */
    uint64_t octets;            /* of the message */
    bool is_header_alone;       /* header fields without a body were pasted */
    bool is_repaired;           /* the paste had lost the blanks of folded lines; a signature proves the repair */
    bool has_envelope;          /* it came by SMTP: what follows is set */
    struct span client;         /* address, as text */
    struct span helo, mail_from;
    const char *tls;            /* "TLSv1.3", static; NULL: in clear */
};

struct tester_report {
    int64_t made_s; /* wall clock */
    bool is_masked;
    bool has_message; /* false: a domain was looked at; what follows up to records is empty */
    struct tester_arrival arrival;
    enum header_status header; /* HEADER_COMPLETE; else the header section is over a limit, and nothing more is known */
    struct tester_text from, subject, date, message_id; /* bodies of the first such fields, unfolded; empty: none */
    const struct message_result *result;
    size_t signature_count;
    const struct tester_signature *signature; /* one for each of result->dkim, in its order */
    size_t step_count;
    const struct tester_step *step;
    const struct finding_list *findings;      /* about the message, never NULL; signature numbers are indices of signature */
    struct tester_text message;               /* the message itself, when it was to be kept; else empty */
    size_t record_count;
    const struct record_report *record;       /* one for each domain whose key records were judged */
};

/* A copy of draft and of all it points to, one reference; draft's signatures stand for its result's dkim, one by one, and
 * their keys in its records. NULL: no memory. */
const struct tester_report *tester_report_make(const struct tester_report *draft);
const struct tester_report *tester_report_acquire(const struct tester_report *report);
void tester_report_release(const struct tester_report *report); /* accepts NULL */
/* What it takes in memory. */
size_t tester_report_octets(const struct tester_report *report);
/* The masked twin, one reference; NULL: no memory. It has no canonical bodies and no message. */
const struct tester_report *tester_report_mask(const struct tester_report *report);

/* Writes the object of the API: openapi.yaml, TesterReport. */
void tester_report_write_json(struct json *json, const struct tester_report *report);
