/* Certificates and keys for tests, made by the openssl command in a folder of their own. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* good.pem, good.key: for mx.example and 127.0.0.1, signed by itself, so that it is its own CA. other.*: the same for
 * other.example. old.pem: good.key's, expired. locked.key: good.key with a passphrase. False: there is no openssl. */
static inline bool tls_files_make(char folder[64]) {
    char command[2048];
    (void)snprintf(folder, 64, "/tmp/sceau-tls-XXXXXX");
    if (mkdtemp(folder) == NULL) abort();
    (void)snprintf(
        command, sizeof command,
        "cd %s && umask 077 && exec >/dev/null 2>&1 && make() { openssl req -x509 -newkey ec -pkeyopt "
        "ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.pem -days 30 -subj /CN=$1 -addext \"subjectAltName=$2\"; } && "
        "make good DNS:mx.example,IP:127.0.0.1 && make other DNS:other.example && "
        "openssl req -new -key good.key -subj /CN=old -addext subjectAltName=DNS:mx.example -out old.csr && "
        "openssl x509 -req -copy_extensions copy -in old.csr -signkey good.key -days -1 -out old.pem && "
        "openssl ec -in good.key -aes128 -passout pass:secret -out locked.key && "
        "mkdir all && chmod 777 all && ln -s ../good.key all/link.key && cp good.key open.key && chmod 640 open.key && echo none >empty.pem",
        folder);
    return system(command) == 0;
}

static inline void tls_files_remove(const char *folder) {
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) abort();
}
