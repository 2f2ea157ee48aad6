#include "cli/daemon_privileges.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/option_value.h"
#include "base/options.h"
#include "base/private_file.h"

enum { GROUPS_MAX = 256 };

__attribute__((format(printf, 2, 3))) static bool refuse(char **error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(error, format, arguments) < 0) *error = NULL;
    va_end(arguments);
    return false;
}

/* A number stands for itself, also where nobody has that name: containers. */
static bool read_number(const char *text, uint32_t *out) {
    int64_t number;
    if (!option_value_parse(OPTION_COUNT, text, &number) || number >= UINT32_MAX) return false;
    *out = (uint32_t)number;
    return true;
}

static bool find_user(const char *path, const char *name, struct daemon_identity *out, char **error) {
    const struct passwd *entry = getpwnam(name);
    if (entry != NULL) {
        out->user = entry->pw_uid;
        out->group = entry->pw_gid;
        return true;
    }
    if (!read_number(name, &out->user)) return refuse(error, "%s: 'user': there is no user '%s'", path, name);
    entry = getpwuid(out->user);
    out->group = entry != NULL ? entry->pw_gid : out->user;
    return true;
}

static bool find_group(const char *path, const char *name, struct daemon_identity *out, char **error) {
    const struct group *entry = getgrnam(name);
    if (entry == NULL && !read_number(name, &out->group))
        return refuse(error, "%s: 'group': there is no group '%s'", path, name);
    if (entry != NULL) out->group = entry->gr_gid;
    return true;
}

/* The user and group that are named, else ours. */
static bool look_up(const char *path, const struct options *options, struct daemon_identity *out, char **error) {
    bool has_user = options->user[0] != '\0', has_group = options->group[0] != '\0';
    *error = NULL;
    *out = (struct daemon_identity){.user = geteuid(), .group = getegid()};
    if (!has_user && has_group) return refuse(error, "%s: 'group' needs 'user' beside it", path);
    if (has_user && !find_user(path, options->user, out, error)) return false;
    if (has_group && !find_group(path, options->group, out, error)) return false;
    out->changes = out->user != geteuid() || (out->user == 0 && has_group);
    return true;
}

bool daemon_identity_check(const char *path, const struct options *options, char **error) {
    struct daemon_identity identity;
    if (!look_up(path, options, &identity, error)) return false;
    if (geteuid() == 0) private_file_trust(identity.user);
    return true;
}

bool daemon_identity_find(const char *path, const struct options *options, struct daemon_identity *out, char **error) {
    if (!look_up(path, options, out, error)) return false;
    out->is_root_unasked = options->user[0] == '\0' && out->user == 0;
    return !out->changes || geteuid() == 0 ||
           refuse(error, "%s: 'user': only root can become '%s'", path, options->user);
}

/* The user's groups as /etc/group has them, so that it reaches sockets that are a group's. */
static bool take_groups(const struct daemon_identity *identity) {
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;
    const struct passwd *entry = getpwuid(identity->user);
    if (entry == NULL) return setgroups(0, NULL) == 0;
    if (getgrouplist(entry->pw_name, identity->group, groups, &count) < 0) return errno = E2BIG, false;
    return setgroups((size_t)count, groups) == 0;
}

static bool has_become(const struct daemon_identity *identity) {
    uid_t user[3];
    gid_t group[3];
    if (getresuid(&user[0], &user[1], &user[2]) != 0 || getresgid(&group[0], &group[1], &group[2]) != 0) return false;
    for (int i = 0; i < 3; i++)
        if (user[i] != identity->user || group[i] != identity->group) return false;
    return identity->user == 0 || (setuid(0) != 0 && setgid(0) != 0);
}

bool daemon_identity_take(const struct daemon_identity *identity, char **error) {
    *error = NULL;
    if (!identity->changes) return true;
    if (take_groups(identity) && setresgid(identity->group, identity->group, identity->group) == 0 &&
        setresuid(identity->user, identity->user, identity->user) == 0) {
        daemon_privileges_harden(); /* a change of user sets some of it anew */
        return has_become(identity) || refuse(error, "'user': it is still root after all");
    }
    return refuse(error, "cannot become user %u, group %u: %s", identity->user, identity->group,
                  strerrordesc_np(errno));
}

void daemon_privileges_harden(void) {
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}
