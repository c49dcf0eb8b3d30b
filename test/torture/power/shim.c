// Notes, for each file below a directory, how long it was at its last successful fsync or fdatasync: what a loss of power is
// sure to leave of it. Loaded with LD_PRELOAD. POWER_DIR is the directory, POWER_LOG the file to note in, as lines of
// "<length> <inode> <path>". With POWER_FORGET set a sync is reported to have worked, and is not noted: a disk that lies.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int note_fd = -1;
static const char *directory;
static int forget;

__attribute__((constructor)) static void begin(void) {
  real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  directory = getenv("POWER_DIR");
  forget = getenv("POWER_FORGET") != NULL;
  const char *log = getenv("POWER_LOG");
  if (log != NULL) note_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

// The length before the sync: what is written while it runs may or may not be covered by it.
static int is_file(int fd, struct stat *found) {
  return fstat(fd, found) == 0 && S_ISREG(found->st_mode);
}

static void note(int fd, const struct stat *found) {
  char link[64], path[PATH_MAX], line[PATH_MAX + 64];
  if (note_fd < 0 || directory == NULL) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return;
  path[size] = 0;
  if (strncmp(path, directory, strlen(directory)) != 0) return;
  int written = snprintf(line, sizeof line, "%lld %llu %s\n", (long long)found->st_size,
                         (unsigned long long)found->st_ino, path);
  // One write to a file opened for appending: lines of several threads do not mix.
  if (write(note_fd, line, written) != written) abort();
}

static int sync_with(int (*real)(int), int fd) {
  int kept = errno;
  struct stat found;
  int counts = is_file(fd, &found);
  if (forget) return 0;
  int result = real(fd);
  if (result == 0) {
    if (counts) note(fd, &found);
    errno = kept;
  }
  return result;
}

int fsync(int fd) { return sync_with(real_fsync, fd); }
int fdatasync(int fd) { return sync_with(real_fdatasync, fd); }
