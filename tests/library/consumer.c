/* consumer.c -- a program of somebody else's: verifies the message of its first argument with libsceau, the key record of its
 * second. Built by tests/end_to_end/test_library.py against the installed header and library only. */
#include <sceau.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_all(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    char *octets = malloc(1 << 20);
    *len = octets != NULL ? fread(octets, 1, 1 << 20, file) : 0;
    fclose(file);
    return octets;
}

int main(int argc, char **argv) {
    size_t len = 0;
    char *octets = argc == 3 ? read_all(argv[1], &len) : NULL;
    struct sceau_verifier *verifier = sceau_create();
    if (octets == NULL || verifier == NULL) return 2;
    sceau_begin(verifier, 0);
    if (sceau_update(verifier, octets, len) != SCEAU_OK) return 3;
    if (sceau_end(verifier) != SCEAU_WANTS_KEYS) return 4;
    struct sceau_text record = {argv[2], strlen(argv[2])};
    for (const char *name; (name = sceau_wanted_key(verifier)) != NULL;) {
        printf("wanted %s\n", name);
        if (sceau_give_key(verifier, name, SCEAU_KEY_FOUND, SCEAU_DNSSEC_SECURE, &record, 1) != SCEAU_OK) return 5;
    }
    if (sceau_give_key(verifier, "x._domainkey.y", SCEAU_KEY_NXDOMAIN, SCEAU_DNSSEC_SECURE, NULL, 0) != SCEAU_NOT_WANTED) return 6;
    for (size_t i = 0; i < sceau_signature_count(verifier); i++) {
        struct sceau_signature one = sceau_signature(verifier, i);
        printf("%s %s %.*s %u %s header %s body %s\n", one.result, one.code, (int)one.domain.len, one.domain.ptr, one.key_bits,
               one.dnssec, one.header_part, one.body_part);
    }
    char field[4200];
    if (sceau_authentication_results(verifier, "mx.here.test", field, sizeof field) == 0) return 7;
    fputs(field, stdout);
    sceau_destroy(verifier);
    free(octets);
    return 0;
}
