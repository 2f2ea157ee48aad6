/* rules/rule_input.h -- what rules may look at: one message, its verdicts, and who brought it.
 * Pure data; everything is borrowed for the length of one evaluation. Facts (facts.def) are read from here only. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

struct finding_list;
struct header_section;
struct message_result;

enum rule_protocol { RULE_PROTOCOL_UNKNOWN, RULE_PROTOCOL_SMTP, RULE_PROTOCOL_LMTP };

/* What is remembered beyond one message. A callback is asked at most once a message for each argument, on the thread
 * that evaluates; it answers at once and in bounded time. NULL, or false: nothing is known, and the fact is absent. */
struct rule_memory {
    void *owner;
    /* Octets of b= without white space: how often it was seen before this message. */
    bool (*repeats)(void *owner, struct span signature, uint64_t *count);
    /* domain: lower-case A-labels. Seconds since its first signature; its signatures of the last 24 hours. */
    bool (*first_seen)(void *owner, struct span domain, int64_t *age_s);
    bool (*volume)(void *owner, struct span domain, uint64_t *messages);
};

struct rule_input {
    const struct message_result *result;
    const struct header_section
        *header; /* complete; forged Authentication-Results fields are the caller's to leave out */
    const struct finding_list *findings; /* or NULL */
    int64_t now_s;                       /* seconds since 1970 */

    bool has_client;
    uint8_t client[16]; /* 4 octets when client_is_v4 */
    bool client_is_v4;
    struct span helo;              /* as it came; empty: unknown */
    bool has_envelope;             /* MAIL and RCPT are known */
    struct span mail_from;         /* without <>; empty: the null sender */
    const struct span *recipients; /* without <> */
    size_t recipient_count;

    bool has_tls;
    struct span tls_version, tls_cipher; /* "TLSv1.3", "TLS_AES_256_GCM_SHA384"; may be empty */
    struct span listener;                /* its name in the configuration; empty: unknown */
    enum rule_protocol protocol;

    const struct rule_memory *memory; /* or NULL */
};
