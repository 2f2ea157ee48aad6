/* cli/verb_verify_explain.h -- sceau verify --explain: the diagnosis of one message, and the keys that it may want
 * beside those of the signatures, and the records of SPF and DMARC, which are looked up here. Thread rule: that of the worker whose loop and keys it
 * uses. */
#pragma once
#include "base/loop.h"
#include "base/span.h"
#include "verifier/diagnosis.h"
#include "verifier/message_verifier.h"

struct clock;
struct dns_source;
struct verify_explain;

/* All is borrowed until destroy. NULL: no memory or descriptors. */
struct verify_explain *verify_explain_create(struct loop *loop, struct key_source *keys, struct dns_source *dns,
                                             const struct clock *clock);
void verify_explain_destroy(struct verify_explain *explain); /* accepts NULL */
/* The findings about the message that verifier has just verified, whose octets message are; header_alone: it has no
 * body. Valid until the next call. */
const struct finding_list *verify_explain_run(struct verify_explain *explain, const struct message_verifier *verifier,
                                              const struct message_result *result, struct span message,
                                              bool header_alone);
