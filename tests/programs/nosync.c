/*
 * Syncs that do nothing, loaded with LD_PRELOAD: with them a test of durability
 * has to fail, or it tests nothing.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

int fsync(int fd) { (void)fd; return 0; }
int fdatasync(int fd) { (void)fd; return 0; }
int syncfs(int fd) { (void)fd; return 0; }

int sync_file_range(int fd, off_t offset, off_t bytes, unsigned int flags)
{
    (void)fd; (void)offset; (void)bytes; (void)flags;
    return 0;
}
