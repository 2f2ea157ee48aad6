#include "verifier/spf_identity.h"
#include "verifier/domain_name.h"

static const char postmaster[] = "postmaster";

/* local_part@domain in arena. */
static struct span join(struct span local_part, struct span domain, struct arena *arena) {
    size_t len = local_part.len + 1 + domain.len;
    char *text = arena_alloc(arena, len);
    if (text == NULL) return (struct span){NULL, 0};
    memcpy(text, local_part.ptr, local_part.len);
    text[local_part.len] = '@';
    if (domain.len > 0) memcpy(text + local_part.len + 1, domain.ptr, domain.len);
    return (struct span){text, len};
}

static size_t last_at_sign(struct span text) {
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != '@') at--;
    return at; /* behind it; 0: there is none */
}

bool spf_identity_read(enum spf_scope scope, struct span helo, struct span mail_from, struct arena *arena,
                       struct spf_identity *out) {
    char ascii[DOMAIN_NAME_MAX];
    bool is_mail_from = scope == SPF_MAIL_FROM && mail_from.len > 0;
    size_t behind = is_mail_from ? last_at_sign(mail_from) : 0;
    struct span domain = is_mail_from ? span_after(mail_from, behind) : helo;
    struct span local_part = behind > 1 ? span_first(mail_from, behind - 1) : span_of(postmaster);
    *out = (struct spf_identity){.local_part = arena_copy(arena, local_part)};
    out->text = scope == SPF_HELO ? arena_copy(arena, helo) : join(local_part, domain, arena);
    if (out->local_part.ptr == NULL || (out->text.ptr == NULL && (scope == SPF_MAIL_FROM || helo.len > 0)))
        return false;
    size_t len = domain_name_write(domain, true, ascii);
    if (len == 0) return true;
    out->domain = arena_copy(arena, (struct span){ascii, len});
    out->sender = join(local_part, out->domain, arena);
    return out->domain.ptr != NULL && out->sender.ptr != NULL;
}
