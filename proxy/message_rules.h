/* proxy/message_rules.h -- what the rules made of one message: asked once, when every verdict is there and before a
 * field of ours is written, and kept as long as the message. Whatever the rules say is copied, since the worker's
 * scratch serves the next message before this one's reply is there. No I/O. Thread rule: the loop's thread. Memory: one
 * arena of MESSAGE_RULES_OCTETS, made when the first message is judged. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/span.h"
#include "rules/rule_input.h"
#include "rules/rule_set.h"

struct arena;
struct domain_stats;
struct header_edit;
struct replay_counter;
struct rule_config;

enum { MESSAGE_RULES_OCTETS = 1 << 18, MESSAGE_RULES_ADDED_MAX = 1 << 16 /* octets of fields that rules add */ };

struct message_rules {
    struct arena *arena;
    bool is_judged; /* false: there are no rules, or the message did not get that far; then all the rest is zero */
    enum rule_verdict verdict;
    bool is_on_error;     /* an evaluation error decided */
    unsigned code;        /* of the reply: reject, tempfail */
    const char *enhanced; /* with it */
    const char *text;     /* of the reply, or the reason; "" without one */
    struct span rule;     /* that decided; empty: the default */
    enum rule_verdict shadow_verdict;
    struct span shadow_rule; /* that would have decided with the shadow rules armed; empty: none, or the same */
    const char *quarantine;  /* path of the Maildir; NULL: not to another one */
    const char *redirect;    /* the only recipient from now on; NULL: those of the envelope */
    struct span notes;       /* texts of the action log, with "; " between them */
    struct span override_reason;
    size_t hits, shadow_hits, errors; /* rules */
    size_t edit_count;
    const struct rule_edit *edit;
};

/* What judging needs besides the message. */
struct message_judge {
    const struct rule_config *config; /* NULL, or one without rules: nothing is judged */
    struct rule_scratch *scratch;
    struct replay_counter *replays; /* may be NULL */
    struct domain_stats *domains;   /* likewise */
};

/* As new, for the next message; keeps the memory. */
void message_rules_reset(struct message_rules *rules);
void message_rules_release(struct message_rules *rules); /* frees */

/* Judges input, whose memory is set here. False: no memory for the answer. */
bool message_rules_judge(struct message_rules *rules, const struct message_judge *judge, struct rule_input *input);
/* An action of rule could not be carried out: it is counted as an error of that rule. */
void message_rules_fail(struct message_rules *rules, const struct message_judge *judge, uint32_t rule);

/* There is no server that could be told another recipient. */
void message_rules_drop_redirect(struct message_rules *rules, const struct message_judge *judge);

/* Carries out removals and tags on what stays of the header section, and appends the fields that are added to out,
 * those of the configuration's own (X-Sceau-Rule) among them. Only for a message that goes on. False: no memory. */
bool message_rules_edit(struct message_rules *rules, const struct message_judge *judge, struct header_edit *edit,
                        struct bytes *out);
