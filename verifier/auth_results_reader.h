/* verifier/auth_results_reader.h -- read the value of an Authentication-Results field, strictly (RFC 8601 section 2.2).
 * Says what the field claims; whether the claim may be believed (section 5) is not asked here. Comments are left out.
 * Beyond the grammar only what every writer does is accepted: a property value that is no token but holds neither white
 * space nor one of ( ) ; " (as in header.b=DU/QdEi3, policy.iprev=2001:db8::1), and LF in place of the CRLF of a fold.
 * Pure but for arena; no recursion. Cost: one pass. Limits: the enum below. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/span.h"

enum { AUTH_RESULTS_METHODS_MAX = 200, AUTH_RESULTS_PROPS_MAX = 1000 }; /* in one field */

#define AUTH_RESULTS_STATUSES(X)                                                                                       \
    X(AUTH_RESULTS_OK, "valid Authentication-Results value")                                                           \
    X(AUTH_RESULTS_BAD_ID, "no authserv-id at the start")                                                              \
    X(AUTH_RESULTS_BAD_VERSION, "the version after the authserv-id is no number")                                      \
    X(AUTH_RESULTS_NO_RESULT, "no semicolon and result after the authserv-id")                                         \
    X(AUTH_RESULTS_NONE_WITH_OTHERS, "\"none\" stands beside other results")                                           \
    X(AUTH_RESULTS_LAST_SEMICOLON, "no result after the last semicolon")                                               \
    X(AUTH_RESULTS_BAD_METHOD, "no method name where a result starts")                                                 \
    X(AUTH_RESULTS_NO_EQUALS, "no = where one must stand")                                                             \
    X(AUTH_RESULTS_BAD_RESULT, "no result word after the method")                                                      \
    X(AUTH_RESULTS_BAD_REASON, "the reason is neither a token nor a quoted string")                                    \
    X(AUTH_RESULTS_BAD_PROPERTY, "not a property of the form type.name=value")                                         \
    X(AUTH_RESULTS_BAD_VALUE, "a property has no value")                                                               \
    X(AUTH_RESULTS_OPEN_COMMENT, "a comment is not closed")                                                            \
    X(AUTH_RESULTS_OPEN_QUOTE, "a quoted string is not closed")                                                        \
    X(AUTH_RESULTS_BAD_OCTET, "a control octet, a line end that folds nothing, or an octet that is not UTF-8")         \
    X(AUTH_RESULTS_TOO_MANY, "more results or properties than are read")                                               \
    X(AUTH_RESULTS_OUT_OF_MEMORY, "out of memory")
#define X(id, text) id,
enum auth_results_status { AUTH_RESULTS_STATUSES(X) AUTH_RESULTS_STATUS_COUNT };
#undef X
const char *auth_results_status_text(enum auth_results_status status);

struct auth_results_prop {
    struct span ptype, property; /* lower case; ptype is empty only in a claim (action=none) */
    struct span value;           /* a quoted string without its quotes; "local part"@domain as it stands */
};

struct auth_results_info {
    struct span method;      /* lower case */
    uint32_t method_version; /* 1 when none is given */
    struct span result;      /* lower case, any word */
    bool has_reason;
    struct span reason;
    size_t prop_count;
    const struct auth_results_prop *prop;
};

struct auth_results {
    struct span authserv_id; /* empty: a claim that nobody answers for */
    uint32_t version; /* 1 when none is given */
    size_t count;     /* 0: the field says "none" */
    const struct auth_results_info *info;
};

/* Reads value: what stands behind the field's colon, folds inside, with or without the final line end; it must outlive
 * *out, as must arena. On any status but AUTH_RESULTS_OK *out is zeroed and *error_at the offset, in octets, of what
 * offends. */
enum auth_results_status auth_results_read(struct span value, struct arena *arena, struct auth_results *out,
                                           size_t *error_at);

/* Reads a value in Microsoft's form, which names no authserv-id ("spf=pass (...) smtp.mailfrom=a.test; dkim=none ...;
 * compauth=fail reason=001"): results from the start on, names of domains alone between semicolons, properties without a
 * type, a semicolon at the end. Nobody answers for it by name, so it can only be a claim, never a result to be trusted
 * (section 5). Statuses and promises of auth_results_read; AUTH_RESULTS_BAD_ID: does not begin as this form does. No value
 * is read by both. */
enum auth_results_status auth_results_read_claim(struct span value, struct arena *arena, struct auth_results *out,
                                                 size_t *error_at);
