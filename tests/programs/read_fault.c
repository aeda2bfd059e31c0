/*
 * Reads that fail as on a bad disk, loaded with LD_PRELOAD.
 *
 * READ_FAULTS names a file with lines of `NAME FROM TO TIMES`. A read of a file with this name that touches a byte
 * from FROM up to TO fails with EIO, as often as TIMES says in all; 0: each time. The file may change at any time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long failed;

static int is_faulty(int fd, off_t offset, size_t bytes)
{
    const char *faults = getenv("READ_FAULTS");
    char link[64], path[PATH_MAX], name[256];
    long long from, to;
    long times;
    int is_faulty = 0;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (!faults || length < 0)
        return 0;
    path[length] = 0;
    const char *base = strrchr(path, '/');
    /* Files of SQLite only: the list is read, too. */
    if (!base || !strstr(base, ".db"))
        return 0;
    int saved = errno;
    FILE *list = fopen(faults, "r");
    while (list && !is_faulty && fscanf(list, "%255s %lld %lld %ld", name, &from, &to, &times) == 4)
        is_faulty = !strcmp(name, base + 1) && offset < to && (long long)(offset + bytes) > from
            && (times == 0 || atomic_fetch_add(&failed, 1) < times);
    if (list)
        fclose(list);
    errno = saved;
    return is_faulty;
}

ssize_t read(int fd, void *buffer, size_t bytes)
{
    static ssize_t (*next)(int, void *, size_t);
    if (!next)
        next = dlsym(RTLD_NEXT, "read");
    off_t offset = lseek(fd, 0, SEEK_CUR);
    if (offset >= 0 && is_faulty(fd, offset, bytes)) {
        errno = EIO;
        return -1;
    }
    return next(fd, buffer, bytes);
}

static ssize_t read_at(const char *name, int fd, void *buffer, size_t bytes, off_t offset)
{
    if (is_faulty(fd, offset, bytes)) {
        errno = EIO;
        return -1;
    }
    ssize_t (*next)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, name);
    return next(fd, buffer, bytes, offset);
}

ssize_t pread(int fd, void *buffer, size_t bytes, off_t offset)
{
    return read_at("pread", fd, buffer, bytes, offset);
}

ssize_t pread64(int fd, void *buffer, size_t bytes, off64_t offset)
{
    return read_at("pread64", fd, buffer, bytes, offset);
}
