/* verifier/spf_machine.h -- what the steps of an SPF check share: its state, its limits, names to ask for, questions.
 * Private to spf_check, which runs the steps, and spf_names: no other module includes it.
 * A step looks at what has arrived, moves on, and says whether to run the next one; only spf_machine_go, _finish, _ask
 * and _names_come_first assign the state. Asks its dns_source; no other I/O. Thread rule: that of the source. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "verifier/dns.h"
#include "verifier/dns_name.h"
#include "verifier/result.h"
#include "verifier/spf_macro.h"
#include "verifier/spf_record.h"

struct clock;

enum { /* section 4.6.4 */
       SPF_LOOKUPS_MAX = 10,
       SPF_VOID_LOOKUPS_MAX = 2,
       SPF_HOSTS_MAX = 10,                    /* names of one MX or PTR answer */
       SPF_RECORDS_MAX = SPF_LOOKUPS_MAX + 1, /* the first one, and as many inside each other as there are lookups */
};

enum spf_state {
    SPF_STATE_ASK_RECORD,
    SPF_STATE_READ_RECORD,
    SPF_STATE_NEXT_DIRECTIVE,
    SPF_STATE_EVALUATE,
    SPF_STATE_READ_ADDRESSES,
    SPF_STATE_READ_EXISTS,
    SPF_STATE_READ_MX,
    SPF_STATE_ASK_MX_HOST,
    SPF_STATE_READ_MX_HOST,
    SPF_STATE_MATCHED,
    SPF_STATE_REDIRECT,
    SPF_STATE_ASK_NAMES,
    SPF_STATE_READ_NAMES,
    SPF_STATE_ASK_NAME_HOST,
    SPF_STATE_READ_NAME_HOST,
    SPF_STATE_ASK_EXPLANATION,
    SPF_STATE_READ_EXPLANATION,
    SPF_STATE_EXPLAIN,
    SPF_STATE_DONE,
};
/* What a step says: run the next one, or wait for the DNS (or for good, when done). */
enum spf_step { SPF_STEP_AGAIN, SPF_STEP_WAIT };

/* A record under evaluation. Those above it on the stack were included by its directive. */
struct spf_frame {
    struct span domain;    /* %{d} */
    enum spf_code if_none; /* what it means that the domain has no record */
    struct spf_record record;
    size_t at;                      /* in the record, where the next directive begins */
    struct spf_directive directive; /* the one being evaluated */
};

struct spf_check {
    struct dns_source *dns;
    const struct clock *clock;
    struct arena *arena;
    void (*done)(void *owner);
    void *owner;

    enum spf_state state;
    struct dns_query query;
    void (*answered)(struct dns_query *query, const struct dns_answer *answer); /* runs the steps */
    bool is_pending;
    struct dns_answer *room;         /* for an answer that is there at once; while the steps run */
    const struct dns_answer *answer; /* valid in the state that reads it */

    uint8_t address[16];
    bool is_v4, wants_explanation;
    struct spf_macro_values values; /* domain is that of the frame */
    struct spf_frame frames[SPF_RECORDS_MAX];
    size_t depth;    /* frames[depth] is the one evaluated */
    bool is_void;    /* the term at hand was counted as void */
    bool is_decided; /* the result stands; only its explanation is wanted */

    char target[DNS_NAME_TEXT_MAX]; /* name the term at hand is about, in the form of dns_name */
    size_t target_len;
    struct span hosts[SPF_HOSTS_MAX]; /* to be looked up one by one */
    size_t host_count, host_at;
    bool has_names; /* the validated names of the client are known (section 5.5) */
    struct span names[SPF_HOSTS_MAX];
    size_t name_count;
    enum spf_state after_names;
    struct span explanation; /* text of the exp= record, not expanded */
    struct spf_result result;
};

static inline struct spf_frame *spf_machine_top(struct spf_check *check) { return &check->frames[check->depth]; }
static inline enum dns_type spf_machine_address_type(const struct spf_check *check) {
    return check->is_v4 ? DNS_A : DNS_AAAA;
}

/* ---- Ends ---- */

enum spf_step spf_machine_go(struct spf_check *check, enum spf_state state);
/* The result falls; for a fail whose explanation is wanted, that comes next. One that has fallen stays. */
enum spf_step spf_machine_finish(struct spf_check *check, enum auth_result result, enum spf_code code);
enum spf_step spf_machine_out_of_memory(struct spf_check *check);
/* Did the lookup fail, so that nothing can be said (section 2.6.6)? */
bool spf_machine_is_failure(const struct dns_answer *answer);
enum spf_step spf_machine_finish_failed(struct spf_check *check); /* temperror, as the answer says */

/* ---- Limits ---- */

/* A term, or the first %{p}, is about to ask the DNS. False: it is one too many, and the check is finished. */
bool spf_machine_count_lookup(struct spf_check *check);
/* Section 4.6.4 limits the number of terms for which queries find nothing: the hosts of one mx count once, so that a
 * client on IPv6 is not refused because three mail servers have IPv4 addresses only. False: as above. */
bool spf_machine_count_void(struct spf_check *check);

/* ---- Names, questions, answers ---- */

enum spf_step spf_machine_ask(struct spf_check *check, struct span name, enum dns_type type, enum spf_state next);
enum spf_step spf_machine_ask_target(struct spf_check *check, enum dns_type type, enum spf_state next);
/* Octets as they are to check->target, in the form of dns_name. False: they are no name to ask for. */
bool spf_machine_aim_at(struct spf_check *check, struct span octets);
enum spf_aim { SPF_AIM_OK, SPF_AIM_NO_NAME, SPF_AIM_FINISHED };
/* Expands domain_spec (empty: the domain of the frame) into check->target, and its octets, when octets is not NULL,
 * into the arena. */
enum spf_aim spf_machine_aim_at_domain(struct spf_check *check, struct span domain_spec, struct span *octets);
/* %{p}: the domain itself, else a name below it, else any (section 7.3); empty: there is none. */
struct span spf_machine_validated_name(const struct spf_check *check, struct span domain);
/* Is %{p} wanted and not known yet? Then it is found out first, and state comes after that. */
bool spf_machine_names_come_first(struct spf_check *check, bool wanted, enum spf_state after);
/* Is the client among the addresses of the answer, to so many bits? */
bool spf_machine_matches_addresses(const struct spf_check *check, unsigned prefix_v4_bits, unsigned prefix_v6_bits);
/* Takes the names of an MX or PTR answer, behind skip octets, as the hosts to look up. False: no memory. */
bool spf_machine_take_hosts(struct spf_check *check, size_t skip);
