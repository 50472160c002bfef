/* Preloaded into a training process: makes writes to journals fail as a broken or full disk would.
 *
 * While the file named by JOURNEY_FAULT exists, every write to a path that ends with ".rlj" fails with the errno whose
 * decimal number the file holds; "half" first lets through half of the bytes of each write that is long enough to
 * be torn (a short write), then fails. "slow" lets writes through but makes bringing a journal onto the disk (fsync)
 * take two seconds. All other files work as ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_journal(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path);
    return length > 4 && memcmp(path + length - 4, ".rlj", 4) == 0;
}

/* The errno to fail with, 0 for none, -1 for a short write, -2 for a slow disk. */
static int fault_of(int fd) {
    const char *name = getenv("JOURNEY_FAULT");
    if (name == NULL || access(name, F_OK) != 0 || !is_journal(fd)) return 0;
    int file = open(name, O_RDONLY);
    if (file < 0) return 0;
    char text[16] = {0};
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return 0;
    if (strncmp(text, "slow", 4) == 0) return -2;
    return strncmp(text, "half", 4) == 0 ? -1 : atoi(text);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    static ssize_t (*real)(int, const void *, size_t);
    static __thread int was_torn;
    if (real == NULL) real = dlsym(RTLD_NEXT, "write");
    int fault = fault_of(fd);
    if (fault == -1 && count > 1 && !was_torn) {
        was_torn = 1;
        return real(fd, bytes, count / 2);
    }
    if (fault != 0 && fault != -2) {
        was_torn = 0;
        errno = fault == -1 ? ENOSPC : fault;
        return -1;
    }
    return real(fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    static ssize_t (*real)(int, const struct iovec *, int);
    if (real == NULL) real = dlsym(RTLD_NEXT, "writev");
    int fault = fault_of(fd);
    if (fault != 0 && fault != -2) {
        errno = fault == -1 ? ENOSPC : fault;
        return -1;
    }
    return real(fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (real == NULL) real = dlsym(RTLD_NEXT, "pwrite");
    int fault = fault_of(fd);
    if (fault != 0 && fault != -2) {
        errno = fault == -1 ? ENOSPC : fault;
        return -1;
    }
    return real(fd, bytes, count, offset);
}

int fsync(int fd) {
    static int (*real)(int);
    if (real == NULL) real = dlsym(RTLD_NEXT, "fsync");
    if (fault_of(fd) == -2) sleep(2);
    return real(fd);
}

int fdatasync(int fd) {
    static int (*real)(int);
    if (real == NULL) real = dlsym(RTLD_NEXT, "fdatasync");
    if (fault_of(fd) == -2) sleep(2);
    return real(fd);
}
