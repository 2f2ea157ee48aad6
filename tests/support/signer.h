/* tests/support/signer.h -- makes DKIM signatures for tests, with a canonicalization of its own: written from RFC 6376
 * section 3.4 in the plainest way and sharing no code with verifier/, so that the two check each other.
 * Allocates with malloc and ends the process when that fails; not for use outside tests. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"

struct signer;
struct signer *signer_create_rsa(unsigned bits);
struct signer *signer_create_ed25519(void);
void signer_destroy(struct signer *signer);
/* "v=DKIM1; k=...; p=...": the key record, valid until destroy. */
const char *signer_record(const struct signer *signer);

struct signing {
    const char *domain, *selector;    /* NULL: d.example, sel */
    const char *signed_names;         /* h=; NULL: "from:to:subject:date" */
    bool simple_header, simple_body;
    bool has_limit;
    size_t limit;                     /* l= */
    const char *more_tags;            /* "t=1; x=2;", put before h= as it is; NULL: none */
    const char *algorithm;            /* a= as claimed; NULL: what the key does */
};
/* The message (CRLF line ends) with a DKIM-Signature field on top; caller frees ptr. */
struct span signer_sign(const struct signer *signer, const struct signing *how, struct span message);
