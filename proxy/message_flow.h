/* proxy/message_flow.h -- one message between the client's MAIL and its delivery: with the envelope SPF and iprev begin,
 * so that their lookups pass while the client is still talking; from DATA on octets off the wire go through data_reader
 * into the verifier and the spool at once; behind the end of data the last verdicts are awaited for the DNS budget; then
 * the rules are asked (message_rules), the header section is rewritten (forged fields out, Authentication-Results on
 * top, an ARC set beneath it) and the content is ready to be sent. Speaks no SMTP; what goes wrong is a fault with the
 * reply that the client gets for it. A fault does not end the reading: the rest of the data is read and dropped, so that the session goes on.
 * Flows are made once and used for many messages; a pool keeps those that are not in use, without any octet of the
 * message before.
 * Thread rule: the loop's thread. Limits: struct message_setup. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "proxy/content_writer.h"
#include "proxy/message_rules.h"
#include "verifier/authserv_id.h"
#include "verifier/auth_results_style.h"
#include "verifier/authentication.h"

struct arc_config;
struct bytes;
struct clock;
struct message_parties;
struct loop;
struct memory_account;
struct smtp_reply;
struct spool_pool;

/* id, word in the log, reply code, enhanced code, text; a limit's number follows the text where there is one. */
#define MESSAGE_FAULTS(X)                                                                                              \
    X(MESSAGE_FINE, "none", 250, "2.0.0", "Ok")                                                                        \
    X(MESSAGE_TOO_LARGE, "message_too_large", 552, "5.3.4", "Message larger than the limit of octets:")                \
    X(MESSAGE_HEADER_TOO_LARGE, "header_too_large", 552, "5.3.4", "Header section larger than the limit of octets:")   \
    X(MESSAGE_FIELD_TOO_LARGE, "field_too_large", 552, "5.3.4", "Header field larger than the limit of octets:")       \
    X(MESSAGE_TOO_MANY_FIELDS, "too_many_fields", 552, "5.3.4", "More header fields than the limit:")                  \
    X(MESSAGE_BARE_CR, "bare_cr", 550, "5.6.0", "CR without LF in the message")                                        \
    X(MESSAGE_BARE_LF, "bare_lf", 550, "5.6.0", "LF without CR in the message")                                        \
    X(MESSAGE_NUL, "nul", 550, "5.6.0", "NUL in the message")                                                          \
    X(MESSAGE_SPOOL_FULL, "spool_full", 452, "4.3.1", "No room for the message now")                                   \
    X(MESSAGE_NO_MEMORY, "no_memory", 452, "4.3.1", "Out of memory")                                                   \
    X(MESSAGE_SPOOL_BROKEN, "spool_broken", 451, "4.3.0", "Message cannot be stored now")
#define X(id, word, code, enhanced, text) id,
enum message_fault { MESSAGE_FAULTS(X) MESSAGE_FAULT_COUNT };
#undef X

/* What became of the ARC set. id, word in the log. */
#define MESSAGE_SEALS(X)                                                                                               \
    X(SEAL_OFF, "off")                         /* none was wanted, or the message did not get that far */              \
    X(SEAL_ADDED, "added")                                                                                             \
    X(SEAL_ALREADY_FAILED, "already_failed")   /* the chain says itself that it is broken */                           \
    X(SEAL_FULL, "full")                       /* 50 sets are there */                                                 \
    X(SEAL_UNDECIDED, "undecided")             /* DNS failed: a chain that may be sound shall not be broken by us */   \
    X(SEAL_ERROR, "error")                     /* no memory, or the key does not sign */
#define X(id, word) MESSAGE_##id,
enum message_seal { MESSAGE_SEALS(X) };
#undef X

struct message_setup {
    struct verifier_policy policy;
    struct authserv_id authserv_id;
    uint64_t message_max;
    int64_t budget_ms, spf_budget_ms;
    enum auth_results_style style;
    const struct arc_config *arc; /* NULL, or one without a key: nothing is sealed */
    struct key_source *keys;
    struct dns_source *dns;       /* NULL: no SPF, DMARC and iprev */
    const struct clock *clock;
    struct loop *loop;
    struct spool_pool *spools;
    struct memory_account *memory; /* where header sections are counted; NULL: nobody counts */
    struct message_judge judge;   /* zeroed: no rules */
};

/* Who brought the message, and for whom: what rules may ask besides the message. */
struct message_parties {
    const struct authentication_envelope *envelope;
    struct span recipients; /* accepted forward-paths, each ended by LF */
    size_t recipient_count;
    const char *tls_version, *listener; /* tls_version NULL: in clear */
    enum rule_protocol protocol;
};

struct message_pool;
struct message_flow;

/* setup is borrowed until destroy. NULL: no memory. */
struct message_pool *message_pool_create(const struct message_setup *setup);
void message_pool_destroy(struct message_pool *pool); /* accepts NULL; no flow may be out */

/* MAIL was accepted: what can be checked of the envelope, which is copied, begins. verified is called from the loop, once,
 * when message_flow_end has returned false. NULL: no memory. */
struct message_flow *message_flow_open(struct message_pool *pool, const struct authentication_envelope *envelope,
                                       void (*verified)(void *owner), void *owner);
/* Starts the message: the next octet is the first behind the CRLF of DATA. */
void message_flow_begin(struct message_flow *flow, bool reject_line_ends);
/* Gives the flow back, at any time: whatever is under way is cancelled. Accepts NULL. */
void message_flow_release(struct message_flow *flow);

/* Takes octets off the client's stream; true: the end of data was among them, what was not taken is the next command. */
bool message_flow_take(struct message_flow *flow, struct span octets, size_t *taken);
/* The data is complete. True: every verdict is there (or a fault, which needs none); false: verified will be called. */
bool message_flow_end(struct message_flow *flow);
/* Asks the rules, when every verdict is there: message_flow_rules tells what is to become of the message. False: a fault. */
bool message_flow_judge(struct message_flow *flow, const struct message_parties *parties);
/* Makes the content ready, after message_flow_judge; extra (whole fields, may be empty) goes beneath our own. False: a fault. */
bool message_flow_seal(struct message_flow *flow, struct span extra);

enum message_fault message_flow_fault(const struct message_flow *flow); /* the first one */
/* Makes *reply the answer to the fault (never MESSAGE_FINE). False: no memory. */
bool message_flow_set_reply(const struct message_flow *flow, struct smtp_reply *reply);
const char *message_fault_word(enum message_fault fault); /* for the log: "message_too_large" */

/* Appends the message as it came, before anything was changed. False: it does not fit, or the spool cannot be read. */
bool message_flow_copy(const struct message_flow *flow, struct bytes *out);
/* Valid after message_flow_seal until release. */
const struct content *message_flow_content(const struct message_flow *flow);
/* What the rules said; not judged before message_flow_judge, or without rules. */
const struct message_rules *message_flow_rules(const struct message_flow *flow);
/* The session cannot tell anybody the recipient that a rule named: it counts as an error of that rule. */
void message_flow_drop_redirect(struct message_flow *flow);
/* NULL when there was a fault before the end of data. */
const struct message_result *message_flow_result(const struct message_flow *flow);
/* Why the result's first count signatures failed, as metrics call it: CAUSE_NONE for those that passed. May take about a
 * millisecond of work: for when the client has its reply. */
void message_flow_causes(const struct message_flow *flow, enum cause *cause, size_t count);
uint64_t message_flow_octets(const struct message_flow *flow);  /* content octets received */
uint64_t message_flow_removed(const struct message_flow *flow); /* forged fields taken out */
enum message_seal message_flow_seal_state(const struct message_flow *flow);
const char *message_seal_word(enum message_seal seal);
/* Working time spent on the header section, on the body (both with the spool's share), and at the end of data. */
struct message_times {
    int64_t header_us, body_us, verify_us;
};
struct message_times message_flow_times(const struct message_flow *flow);
int64_t message_flow_wait_us(const struct message_flow *flow); /* from the end of data to the last verdict */
int64_t message_flow_age_us(const struct message_flow *flow);  /* since message_flow_begin */
