#include "http/guest_list.h"
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_OCTETS = 8 }; /* IPv4 whole; of IPv6 the network, /64 */

struct guest {
    struct list node;
    int fd;
    uint8_t key[KEY_OCTETS];
    bool has_key, is_leaving, has_stream;
};

static bool key_of(const struct sockaddr *address, uint8_t key[KEY_OCTETS]) {
    memset(key, 0, KEY_OCTETS);
    if (address != NULL && address->sa_family == AF_INET)
        memcpy(key, &((const struct sockaddr_in *)(const void *)address)->sin_addr, sizeof(struct in_addr));
    else if (address != NULL && address->sa_family == AF_INET6)
        memcpy(key, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, KEY_OCTETS);
    else
        return false;
    return true;
}

void guest_list_init(struct guest_list *list, size_t most, size_t most_of_address) {
    *list = (struct guest_list){.most = most, .most_of_address = most_of_address};
    list_init(&list->waiting);
}

static bool stays(const struct guest *guest) { return !guest->is_leaving && !guest->has_stream; }

static void send_away(struct guest_list *list, struct guest *guest) {
    guest->is_leaving = true;
    list->staying--;
    shutdown(guest->fd, SHUT_RDWR); /* its owner sees the end, and closes it */
}

bool guest_list_admit(struct guest_list *list, const struct sockaddr *address) {
    uint8_t key[KEY_OCTETS];
    bool has_key = key_of(address, key);
    size_t same = 0;
    struct guest *longest = NULL;
    for (struct list *node = list->waiting.next; node != &list->waiting; node = node->next) {
        struct guest *guest = LIST_ENTRY(node, struct guest, node);
        if (!stays(guest)) continue;
        if (longest == NULL) longest = guest;
        same += has_key && guest->has_key && memcmp(key, guest->key, KEY_OCTETS) == 0;
    }
    if (same >= list->most_of_address) return false;
    if (list->staying >= list->most && longest != NULL) send_away(list, longest);
    return true;
}

struct guest *guest_list_add(struct guest_list *list, int fd, const struct sockaddr *address) {
    struct guest *guest = calloc(1, sizeof *guest);
    if (guest == NULL) return NULL;
    guest->fd = fd;
    guest->has_key = key_of(address, guest->key);
    list_append(&list->waiting, &guest->node);
    list->staying++;
    return guest;
}

void guest_list_remove(struct guest_list *list, struct guest *guest) {
    if (guest == NULL) return;
    list->staying -= stays(guest);
    list_remove(&guest->node);
    free(guest);
}

void guest_list_answered(struct guest_list *list, struct guest *guest) {
    if (guest == NULL) return;
    list_remove(&guest->node);
    list_append(&list->waiting, &guest->node);
}

void guest_list_streams(struct guest_list *list, struct guest *guest) {
    if (guest == NULL || guest->has_stream) return;
    list->staying -= stays(guest);
    guest->has_stream = true;
}
