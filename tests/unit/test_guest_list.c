#include "http/guest_list.h"
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

struct pair { int ours, theirs; struct guest *guest; };

static struct sockaddr_in v4(uint32_t address) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
}

static struct pair enter(struct guest_list *list, uint32_t address) {
    int fd[2];
    struct sockaddr_in from = v4(address);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    return (struct pair){fd[0], fd[1], guest_list_add(list, fd[0], (const struct sockaddr *)&from)};
}

static bool admit(struct guest_list *list, uint32_t address) {
    struct sockaddr_in from = v4(address);
    return guest_list_admit(list, (const struct sockaddr *)&from);
}

static bool was_sent_away(const struct pair *pair) {
    char c;
    return read(pair->theirs, &c, 1) == 0;
}

static void leave(struct guest_list *list, struct pair *pair) {
    guest_list_remove(list, pair->guest);
    close(pair->ours);
    close(pair->theirs);
}

static void the_longest_waiting_makes_room(void **state) {
    (void)state;
    struct guest_list list;
    guest_list_init(&list, 3, 2);
    struct pair a = enter(&list, 1), b = enter(&list, 2), c = enter(&list, 3);
    guest_list_answered(&list, a.guest); /* b waits longest now */
    assert_true(admit(&list, 4));
    assert_true(!was_sent_away(&a) && was_sent_away(&b) && !was_sent_away(&c));
    struct pair d = enter(&list, 4);
    leave(&list, &b);
    assert_true(admit(&list, 5));
    assert_true(was_sent_away(&c) && !was_sent_away(&a));
    leave(&list, &c);
    assert_true(admit(&list, 5)); /* two are there, and three may be */
    assert_true(!was_sent_away(&a) && !was_sent_away(&d));
    leave(&list, &a);
    leave(&list, &d);
    guest_list_remove(&list, NULL);
    assert_int_equal(list.staying, 0);
}

static void an_address_has_its_share(void **state) {
    (void)state;
    struct guest_list list;
    guest_list_init(&list, 10, 2);
    struct pair a = enter(&list, 1), b = enter(&list, 1);
    assert_false(admit(&list, 1));
    assert_true(admit(&list, 2));
    guest_list_streams(&list, b.guest); /* a stream counts for nothing */
    guest_list_streams(&list, b.guest);
    assert_true(admit(&list, 1) && list.staying == 1);
    leave(&list, &a);
    leave(&list, &b);
    assert_int_equal(list.staying, 0);
}

static void a_network_is_one_and_a_unix_socket_nobody(void **state) {
    (void)state;
    struct guest_list list;
    struct sockaddr_in6 one = {.sin6_family = AF_INET6, .sin6_addr.s6_addr = {0x20, 1, 0xd, 0xb8, [15] = 1}}, two = one;
    struct sockaddr local = {.sa_family = AF_UNIX};
    guest_list_init(&list, 10, 1);
    struct guest *guest = guest_list_add(&list, -1, (const struct sockaddr *)&one);
    two.sin6_addr.s6_addr[15] = 2;
    assert_false(guest_list_admit(&list, (const struct sockaddr *)&two));
    two.sin6_addr.s6_addr[7] = 1;
    assert_true(guest_list_admit(&list, (const struct sockaddr *)&two));
    struct guest *neighbour = guest_list_add(&list, -1, &local);
    assert_true(guest_list_admit(&list, &local) && guest_list_admit(&list, NULL));
    guest_list_remove(&list, guest);
    guest_list_remove(&list, neighbour);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_waiting_makes_room),
        cmocka_unit_test(an_address_has_its_share),
        cmocka_unit_test(a_network_is_one_and_a_unix_socket_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
