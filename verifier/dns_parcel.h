/* verifier/dns_parcel.h -- questions and answers of the resolver as octets, for the way from thread to thread.
 * No pointers in them, and every length is checked when they are read, so that the resolver can live in a process of
 * its own that nobody needs to trust. Pure but for the memory of struct bytes; spans of what is read borrow from the
 * octets. */
#pragma once
#include "base/bytes.h"
#include "base/span.h"
#include "verifier/dns.h"
#include "verifier/dns_name.h"

enum dns_parcel_kind { DNS_PARCEL_ASK, DNS_PARCEL_CANCEL, DNS_PARCEL_CLOSE }; /* CLOSE: the client's last one */

struct dns_parcel_question {
    enum dns_parcel_kind kind;
    uint16_t client;    /* who asks */
    uint64_t id;        /* the client's own; of CLOSE without meaning */
    enum dns_type type; /* ASK only, like name */
    struct dns_name name;
};

/* Replaces what is in out; false when that does not fit. */
bool dns_parcel_write_question(const struct dns_parcel_question *question, struct bytes *out);
bool dns_parcel_read_question(struct span octets, struct dns_parcel_question *out);

bool dns_parcel_write_answer(uint64_t id, const struct dns_answer *answer, struct bytes *out);
/* False: octets are no answer; *id and *out are undefined. */
bool dns_parcel_read_answer(struct span octets, uint64_t *id, struct dns_answer *out);
