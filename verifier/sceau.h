/* sceau.h -- libsceau: verify the DKIM signatures of a message (RFC 6376, 8301, 8463) from any program.
 * The library does no I/O, knows no clock but what it is told, and starts no thread: octets of the message and key
 * records go in; the names of wanted keys, results and an Authentication-Results field come out. Look the keys up in
 * whatever way suits: the DNS TXT records at sceau_wanted_key's names, RFC 6376 section 3.6.2.
 *
 *     sceau_begin(v, 0);
 *     while (more) sceau_update(v, octets, len);            (header lines end in CRLF, as on the wire)
 *     for (const char *name; (name = sceau_wanted_key(v)) != NULL;) sceau_give_key(v, name, ...);
 *     sceau_end(v);
 *
 * Keys may be given at any time after the header section, before or after sceau_end. Thread rule: one thread at a time
 * per verifier, as many verifiers as you like. A verifier is made once and used for many messages. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SCEAU_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

struct sceau_verifier;
struct sceau_text { const char *ptr; size_t len; }; /* borrowed octets, no final NUL */

enum sceau_status {
    SCEAU_OK,        /* taken; after sceau_end: the results are there */
    SCEAU_WANTS_KEYS, /* after sceau_end: results come when the wanted keys were given, or with sceau_give_up */
    SCEAU_REFUSED,   /* the header section is over a limit (256 KiB, 1,000 fields, 64 KiB a field) */
    SCEAU_NO_MEMORY,
    SCEAU_NOT_WANTED /* sceau_give_key: nobody asked for that name, or it was given already */
};

/* How a key lookup ended. */
enum sceau_key { SCEAU_KEY_FOUND, SCEAU_KEY_NXDOMAIN, SCEAU_KEY_NODATA, SCEAU_KEY_SERVFAIL, SCEAU_KEY_TIMEOUT, SCEAU_KEY_BOGUS };
enum sceau_dnssec { SCEAU_DNSSEC_INDETERMINATE, SCEAU_DNSSEC_INSECURE, SCEAU_DNSSEC_SECURE, SCEAU_DNSSEC_BOGUS };

/* One DKIM-Signature field's verdict. Texts are valid until the next sceau_begin or sceau_destroy. */
struct sceau_signature {
    const char *result;      /* pass fail policy neutral temperror permerror (RFC 8601 section 2.7.1) */
    const char *code;        /* why, one word: ok, body_hash_mismatch, key_missing ... */
    const char *header_part; /* intact changed unknown: judged independently of the body */
    const char *body_part;
    const char *dnssec;      /* of the key: secure insecure bogus indeterminate; NULL: no key was looked up */
    struct sceau_text domain, selector, auid, algorithm; /* d= s= i= a= */
    unsigned key_bits;       /* 0: no key */
    int aligned, testing;    /* d= fits the From address's domain; the key says t=y */
    uint64_t unsigned_octets; /* canonical body octets that l= leaves out */
};

SCEAU_API const char *sceau_version(void);
SCEAU_API struct sceau_verifier *sceau_create(void); /* NULL: no memory */
SCEAU_API void sceau_destroy(struct sceau_verifier *verifier); /* accepts NULL */

/* Starts a message, judged as of now_s (Unix time; 0: the system's clock). */
SCEAU_API void sceau_begin(struct sceau_verifier *verifier, int64_t now_s);
SCEAU_API enum sceau_status sceau_update(struct sceau_verifier *verifier, const void *octets, size_t len);
SCEAU_API enum sceau_status sceau_end(struct sceau_verifier *verifier);

/* A key name ("selector._domainkey.domain", C string) that was not given yet; NULL when there is none. Valid until it is
 * given. */
SCEAU_API const char *sceau_wanted_key(const struct sceau_verifier *verifier);
/* The TXT records at name, each with its strings joined; count 0 unless SCEAU_KEY_FOUND. Nothing is kept of them. */
SCEAU_API enum sceau_status sceau_give_key(struct sceau_verifier *verifier, const char *name, enum sceau_key key,
                                           enum sceau_dnssec dnssec, const struct sceau_text *records, size_t count);
/* After sceau_end: what still waits becomes temperror, dns_timeout. */
SCEAU_API void sceau_give_up(struct sceau_verifier *verifier);

/* Results, from SCEAU_OK of sceau_end, the last sceau_give_key after it, or sceau_give_up on. */
SCEAU_API size_t sceau_signature_count(const struct sceau_verifier *verifier);
/* The index-th DKIM-Signature field from the top. */
SCEAU_API struct sceau_signature sceau_signature(const struct sceau_verifier *verifier, size_t index);
/* Our Authentication-Results field, with its final CRLF and a NUL, into buffer; returns its length without the NUL, 0 when
 * room is too small (4,200 always suffices) or authserv_id is not usable. */
SCEAU_API size_t sceau_authentication_results(const struct sceau_verifier *verifier, const char *authserv_id, char *buffer,
                                              size_t room);

#ifdef __cplusplus
}
#endif
