/* tests/support/key_texts.h -- public keys as p= holds them. Nobody keeps their private halves. */
#pragma once

#define RSA_2048                                                                                                       \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArhIaO9Dh0uDR5w3l2A3mIGzucOoLFSy99SP/HhOtvI889HCUEETFM5HN"             \
    "d9LpSQErGAJMHTWnGTxaxnfFqCtcFueI9klwu5m3osMay1XsiDfPYAxg6vlzU2QlC1kQtXCk8YtGurfZRkX8DxClHaX8arcjj7PM"             \
    "29oO/kmkJ1b3b1vrc5I6VmlDYVh8KZhLzOxuoLzLXVaW/Z27zQJUwRlneTn+8z/YALTPmACFwCl1JtJMi2qUxFf1lcM6Ne9BVJ1s"             \
    "b9pwFg8qXmdpV2bzOMju7EshdFLUeYet9bYt5N4fuoDeK4jbirqddRq7giLy2fbSF/CtzcOoo2y7ipVEgPjwhwIDAQAB"
#define RSA_1024                                                                                                       \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwll7cuVTjGOqZ3JxjbTy7zoiZj+oB5Nu58M0CKg1DfYmM81kETf+xf70w/b4h"             \
    "jLdiq1SJQmBgfJmaZIWW2LY9TTaPHA1+KDzV4RDyMQV7FqXVDVlt4HKKaZRxPU45dqD3pNkQCcKl+8cFZ4q64AHUsHa2brYgv7sO"             \
    "DauVb+nRawIDAQAB"
#define RSA_768                                                                                                        \
    "MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAKnDCymbY8AId36IAwNRZUH7SQ/mbGejyAPM9dn72VNu5bgLBnlHXCAtsjT36KSoPWMr"             \
    "eL9hyZii/jHNfKJJD5sBXJUomgZ5a5ZtS3yjGbawAatNp/d6IA30m94JL7rKAQIDAQAB"
#define ED25519 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" /* RFC 8463 appendix A.2 */
