/*
 * Preloaded into a process, this notes in a journal everything that the process changes below one folder, in the order in
 * which it happened: bytes written, lengths, names, and what was made durable. From the journal the test makes disks as
 * a power cut could have left them.
 *
 * Which file a descriptor stands for is asked of the kernel each time, so that copied and inherited descriptors need no
 * care. A change and its record are one step, under a lock that all threads and processes share, or the journal could
 * tell of an fsync before a write that came first. fsync itself is noted and not carried out: nothing here survives by
 * it, and the machine has better things to do.
 *
 * POWER_LOSS_ROOT: the folder, without symbolic links. POWER_LOSS_JOURNAL: the file, outside of it.
 * A record is `struct header`, then path, then second path, then bytes; all numbers are little endian.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0x544c5750u
#define MAX_PATH_BYTES 4096

enum kind {
  CREATE = 'C',    /* path: a new empty file with this inode */
  WRITE = 'W',     /* offset, bytes */
  TRUNCATE = 'T',  /* offset: the length from now on */
  SYNC = 'S',      /* the file's content is durable */
  SYNC_FOLDER = 'D', /* path: the folder's names are durable */
  RENAME = 'R',    /* path, second path */
  LINK = 'L',      /* path, second path: one more name */
  UNLINK = 'U',    /* path */
  MAKE_FOLDER = 'M',
  REMOVE_FOLDER = 'K',
  UNKNOWN = 'X'    /* path: something that this file cannot note; the text says what */
};

struct header {
  uint32_t magic;
  uint32_t kind;
  uint64_t inode;
  uint64_t offset;
  uint64_t at_ms;
  uint32_t path_bytes;
  uint32_t second_bytes;
  uint64_t data_bytes;
} __attribute__((packed));

static char root[MAX_PATH_BYTES];
static size_t root_bytes;
static int journal = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...) static result (*real_##name)(__VA_ARGS__)
REAL(int, open64, const char *, int, ...);
REAL(int, openat64, int, const char *, int, ...);
REAL(FILE *, fopen64, const char *, const char *);
REAL(ssize_t, write, int, const void *, size_t);
REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
REAL(ssize_t, writev, int, const struct iovec *, int);
REAL(ssize_t, pwritev64, int, const struct iovec *, int, off64_t);
REAL(int, ftruncate64, int, off64_t);
REAL(int, truncate64, const char *, off64_t);
REAL(int, fallocate64, int, int, off64_t, off64_t);
REAL(int, posix_fallocate64, int, off64_t, off64_t);
REAL(int, fsync, int);
REAL(int, fdatasync, int);
REAL(int, rename, const char *, const char *);
REAL(int, renameat, int, const char *, int, const char *);
REAL(int, renameat2, int, const char *, int, const char *, unsigned);
REAL(int, link, const char *, const char *);
REAL(int, symlink, const char *, const char *);
REAL(int, unlink, const char *);
REAL(int, unlinkat, int, const char *, int);
REAL(int, remove, const char *);
REAL(int, rmdir, const char *);
REAL(int, mkdir, const char *, mode_t);
REAL(int, mkdirat, int, const char *, mode_t);
REAL(void *, mmap64, void *, size_t, int, int, int, off64_t);
REAL(ssize_t, sendfile64, int, int, off64_t *, size_t);
REAL(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned);
REAL(long, syscall, long, ...);
REAL(int, ioctl, int, unsigned long, ...);

#define FIND(name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void start(void) {
  FIND(open64); FIND(openat64); FIND(fopen64); FIND(write); FIND(pwrite64); FIND(writev); FIND(pwritev64);
  FIND(ftruncate64); FIND(truncate64); FIND(fallocate64); FIND(posix_fallocate64); FIND(fsync); FIND(fdatasync);
  FIND(rename); FIND(renameat); FIND(renameat2); FIND(link); FIND(symlink); FIND(unlink); FIND(unlinkat); FIND(remove);
  FIND(rmdir); FIND(mkdir); FIND(mkdirat); FIND(mmap64); FIND(sendfile64); FIND(copy_file_range); FIND(syscall);
  FIND(ioctl);
  const char *folder = getenv("POWER_LOSS_ROOT");
  const char *path = getenv("POWER_LOSS_JOURNAL");
  if (folder == NULL || path == NULL) return;
  int opened = real_open64(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (opened < 0) abort();
  /* High, where no program looks for a descriptor of its own. */
  journal = fcntl(opened, F_DUPFD_CLOEXEC, 900);
  if (journal < 0) abort();
  close(opened);
  root_bytes = strlen(folder);
  memcpy(root, folder, root_bytes + 1);
}

/* ---- What is watched ---- */

static int is_below(const char *path) {
  return journal >= 0 && strncmp(path, root, root_bytes) == 0 && (path[root_bytes] == '/' || path[root_bytes] == 0);
}

/* SQLite's shared memory is never durable, and may be anything after a power cut. */
static int is_exempt(const char *path) {
  size_t length = strlen(path);
  return length > 4 && strcmp(path + length - 4, "-shm") == 0;
}

static int read_link_of(int fd, char *path) {
  char name[64];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(name, path, MAX_PATH_BYTES - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return 1;
}

/* The whole path, as text; 0 when it is not watched. */
static int find_path(int folder, const char *path, char *whole) {
  if (journal < 0 || path == NULL) return 0;
  if (path[0] == '/') {
    if (snprintf(whole, MAX_PATH_BYTES, "%s", path) >= MAX_PATH_BYTES) return 0;
  } else {
    char base[MAX_PATH_BYTES];
    if (folder == AT_FDCWD ? getcwd(base, sizeof base) == NULL : !read_link_of(folder, base)) return 0;
    size_t length = strlen(base);
    if (length + strlen(path) + 2 > MAX_PATH_BYTES) return 0;
    memcpy(whole, base, length);
    whole[length] = '/';
    strcpy(whole + length + 1, path);
  }
  return is_below(whole) && !is_exempt(whole);
}

/* Whether a descriptor stands for a watched file or folder, which one, and what it is called now. */
static int find_file(int fd, struct stat64 *facts, char *path) {
  if (journal < 0 || fd < 0 || fd == journal || fstat64(fd, facts) != 0) return 0;
  if (!S_ISREG(facts->st_mode) && !S_ISDIR(facts->st_mode)) return 0;
  return read_link_of(fd, path) && is_below(path) && !is_exempt(path);
}

/* ---- The journal ---- */

static void lock(void) {
  pthread_mutex_lock(&mutex);
  while (flock(journal, LOCK_EX) != 0 && errno == EINTR);
}

static void unlock(void) {
  int error = errno;
  flock(journal, LOCK_UN);
  pthread_mutex_unlock(&mutex);
  errno = error;
}

static void note(enum kind kind, uint64_t inode, uint64_t offset, const char *path, const char *second, const void *data,
                 size_t data_bytes) {
  int error = errno;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct header header = {
    MAGIC, kind, inode, offset, (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
    path ? strlen(path) : 0, second ? strlen(second) : 0, data_bytes,
  };
  struct iovec parts[] = {
    {&header, sizeof header}, {(void *)path, header.path_bytes}, {(void *)second, header.second_bytes},
    {(void *)data, data_bytes},
  };
  size_t whole = sizeof header + header.path_bytes + header.second_bytes + data_bytes;
  /* In one piece: others add to the journal as well. A journal with a hole proves nothing. */
  if (real_writev(journal, parts, 4) != (ssize_t)whole) abort();
  errno = error;
}

/* What stands in the file now: for calls whose bytes this process has never seen. */
static void note_content(int fd, uint64_t inode, uint64_t offset, size_t byte_count) {
  char path[64];
  char *buffer = malloc(byte_count > 0 ? byte_count : 1);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int reader = real_open64(path, O_RDONLY | O_CLOEXEC);
  if (buffer == NULL || reader < 0) abort();
  ssize_t found = pread64(reader, buffer, byte_count, offset);
  if (found > 0) note(WRITE, inode, offset, NULL, NULL, buffer, found);
  close(reader);
  free(buffer);
}

/* ---- Opening ---- */

static int note_opened(int fd, const char *path, int flags, int existed) {
  struct stat64 facts;
  if (fd < 0 || fstat64(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) return fd;
  if ((flags & O_TMPFILE) == O_TMPFILE) note(UNKNOWN, facts.st_ino, 0, path, NULL, "O_TMPFILE", 9);
  else if (!existed) note(CREATE, facts.st_ino, 0, path, NULL, NULL, 0);
  else if (flags & O_TRUNC) note(TRUNCATE, facts.st_ino, 0, NULL, NULL, NULL, 0);
  return fd;
}

static int open_watched(int folder, const char *path, int flags, mode_t mode) {
  char whole[MAX_PATH_BYTES];
  if (!(flags & (O_CREAT | O_TRUNC)) || !find_path(folder, path, whole)) return real_openat64(folder, path, flags, mode);
  lock();
  struct stat64 before;
  int existed = stat64(whole, &before) == 0;
  int fd = note_opened(real_openat64(folder, path, flags, mode), whole, flags, existed);
  unlock();
  return fd;
}

#define MODE_OF(flags, mode) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list arguments; \
    va_start(arguments, flags); \
    mode = va_arg(arguments, mode_t); \
    va_end(arguments); \
  }

int open(const char *path, int flags, ...) { MODE_OF(flags, mode) return open_watched(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags, mode) return open_watched(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE_OF(flags, mode) return open_watched(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE_OF(flags, mode) return open_watched(folder, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_watched(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

/* The writes of a stream do not come through here, so there must be none. */
FILE *fopen64(const char *path, const char *mode) {
  char whole[MAX_PATH_BYTES];
  if (strpbrk(mode, "wa+") != NULL && find_path(AT_FDCWD, path, whole)) {
    lock();
    note(UNKNOWN, 0, 0, whole, NULL, "fopen", 5);
    unlock();
  }
  return real_fopen64(path, mode);
}
FILE *fopen(const char *path, const char *mode) { return fopen64(path, mode); }

/* ---- Content ---- */

/* Runs a call that writes at `at`, or at the descriptor's own place when `at` is negative, and notes what it took. */
#define WRITE_WATCHED(fd, at, call, note_taken) \
  struct stat64 facts; \
  char path[MAX_PATH_BYTES]; \
  if (!find_file(fd, &facts, path)) return call; \
  lock(); \
  int is_appending = fcntl(fd, F_GETFL) & O_APPEND; \
  fstat64(fd, &facts); \
  off64_t begin = is_appending ? facts.st_size : (at) < 0 ? lseek64(fd, 0, SEEK_CUR) : (at); \
  ssize_t taken = call; \
  if (taken > 0) note_taken; \
  unlock(); \
  return taken;

static void note_parts(uint64_t inode, off64_t begin, const struct iovec *parts, int part_count, size_t taken) {
  for (int index = 0; index < part_count && taken > 0; index++) {
    size_t bytes = parts[index].iov_len < taken ? parts[index].iov_len : taken;
    if (bytes > 0) note(WRITE, inode, begin, NULL, NULL, parts[index].iov_base, bytes);
    begin += bytes;
    taken -= bytes;
  }
}

ssize_t write(int fd, const void *data, size_t bytes) {
  WRITE_WATCHED(fd, (off64_t)-1, real_write(fd, data, bytes), note(WRITE, facts.st_ino, begin, NULL, NULL, data, taken))
}
ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at) {
  WRITE_WATCHED(fd, at, real_pwrite64(fd, data, bytes, at), note(WRITE, facts.st_ino, begin, NULL, NULL, data, taken))
}
ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at) { return pwrite64(fd, data, bytes, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
  WRITE_WATCHED(fd, (off64_t)-1, real_writev(fd, parts, count), note_parts(facts.st_ino, begin, parts, count, taken))
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  WRITE_WATCHED(fd, at, real_pwritev64(fd, parts, count, at), note_parts(facts.st_ino, begin, parts, count, taken))
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return pwritev64(fd, parts, count, at); }

ssize_t sendfile64(int out, int in, off64_t *from, size_t bytes) {
  WRITE_WATCHED(out, (off64_t)-1, real_sendfile64(out, in, from, bytes), note_content(out, facts.st_ino, begin, taken))
}
ssize_t sendfile(int out, int in, off_t *from, size_t bytes) { return sendfile64(out, in, from, bytes); }

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t bytes, unsigned flags) {
  off64_t at = to ? *to : -1;
  WRITE_WATCHED(out, at, real_copy_file_range(in, from, out, to, bytes, flags),
                note_content(out, facts.st_ino, begin, taken))
}

/* libuv calls the kernel directly for what its oldest libraries lack. */
long syscall(long number, ...) {
  va_list list;
  long a[6];
  va_start(list, number);
  for (int index = 0; index < 6; index++) a[index] = va_arg(list, long);
  va_end(list);
  if (number == SYS_copy_file_range) {
    return copy_file_range((int)a[0], (off64_t *)a[1], (int)a[2], (off64_t *)a[3], (size_t)a[4], (unsigned)a[5]);
  }
  if (number == SYS_renameat2) {
    return renameat2((int)a[0], (const char *)a[1], (int)a[2], (const char *)a[3], (unsigned)a[4]);
  }
  return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* FICLONE and its like share blocks between files: whoever asks is told that it cannot be had, and copies. */
int ioctl(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void *argument = va_arg(list, void *);
  va_end(list);
  struct stat64 facts;
  char path[MAX_PATH_BYTES];
  if ((request & 0xff00) == 0x9400 && find_file(fd, &facts, path)) {
    errno = EOPNOTSUPP;
    return -1;
  }
  return real_ioctl(fd, request, argument);
}

int ftruncate64(int fd, off64_t length) {
  struct stat64 facts;
  char path[MAX_PATH_BYTES];
  if (!find_file(fd, &facts, path)) return real_ftruncate64(fd, length);
  lock();
  int result = real_ftruncate64(fd, length);
  if (result == 0) note(TRUNCATE, facts.st_ino, length, NULL, NULL, NULL, 0);
  unlock();
  return result;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int truncate64(const char *path, off64_t length) {
  char whole[MAX_PATH_BYTES];
  struct stat64 facts;
  if (!find_path(AT_FDCWD, path, whole)) return real_truncate64(path, length);
  lock();
  int result = real_truncate64(path, length);
  if (result == 0 && stat64(path, &facts) == 0) note(TRUNCATE, facts.st_ino, length, NULL, NULL, NULL, 0);
  unlock();
  return result;
}
int truncate(const char *path, off_t length) { return truncate64(path, length); }

/* Room for a file only makes it longer; any other mode changes what is in it, which is not noted. */
#define ALLOCATE_WATCHED(mode, call) \
  struct stat64 facts; \
  char path[MAX_PATH_BYTES]; \
  if (!find_file(fd, &facts, path)) return call; \
  lock(); \
  int result = call; \
  struct stat64 after; \
  if (result == 0 && (mode) != 0) note(UNKNOWN, facts.st_ino, 0, path, NULL, "fallocate", 9); \
  else if (result == 0 && fstat64(fd, &after) == 0) note(TRUNCATE, facts.st_ino, after.st_size, NULL, NULL, NULL, 0); \
  unlock(); \
  return result;

int fallocate64(int fd, int mode, off64_t at, off64_t bytes) { ALLOCATE_WATCHED(mode, real_fallocate64(fd, mode, at, bytes)) }
int fallocate(int fd, int mode, off_t at, off_t bytes) { return fallocate64(fd, mode, at, bytes); }
int posix_fallocate64(int fd, off64_t at, off64_t bytes) { ALLOCATE_WATCHED(0, real_posix_fallocate64(fd, at, bytes)) }
int posix_fallocate(int fd, off_t at, off_t bytes) { return posix_fallocate64(fd, at, bytes); }

void *mmap64(void *address, size_t bytes, int protection, int flags, int fd, off64_t at) {
  struct stat64 facts;
  char path[MAX_PATH_BYTES];
  if (fd >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE) && find_file(fd, &facts, path)) {
    lock();
    note(UNKNOWN, facts.st_ino, 0, path, NULL, "mmap", 4);
    unlock();
  }
  return real_mmap64(address, bytes, protection, flags, fd, at);
}
void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t at) {
  return mmap64(address, bytes, protection, flags, fd, at);
}

/* ---- What becomes durable ---- */

static int sync_watched(int fd, int (*real)(int)) {
  struct stat64 facts;
  char path[MAX_PATH_BYTES];
  if (!find_file(fd, &facts, path)) return real(fd);
  lock();
  if (S_ISDIR(facts.st_mode)) note(SYNC_FOLDER, facts.st_ino, 0, path, NULL, NULL, 0);
  else note(SYNC, facts.st_ino, 0, NULL, NULL, NULL, 0);
  unlock();
  return 0;
}
int fsync(int fd) { return sync_watched(fd, real_fsync); }
int fdatasync(int fd) { return sync_watched(fd, real_fdatasync); }

/* ---- Names ---- */

static uint64_t inode_of(const char *path) {
  struct stat64 facts;
  return lstat64(path, &facts) == 0 ? facts.st_ino : 0;
}

static int is_folder(const char *path) {
  struct stat64 facts;
  return lstat64(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/* Both ends of a name that moves or is doubled; what crosses the border of the folder is not noted. */
static int name_watched(enum kind kind, int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  char source[MAX_PATH_BYTES], target[MAX_PATH_BYTES];
  int is_source = find_path(from_folder, from, source);
  int is_target = find_path(to_folder, to, target);
  int is_noted = is_source && is_target;
  if (is_source || is_target) lock();
  int is_unknown = is_source != is_target || (is_noted && (flags != 0 || is_folder(source)));
  if (is_unknown) note(UNKNOWN, 0, 0, is_source ? source : target, NULL, "rename", 6);
  uint64_t inode = is_noted ? inode_of(source) : 0;
  int result = kind == LINK ? real_link(from, to)
    : flags != 0 ? real_renameat2(from_folder, from, to_folder, to, flags)
    : real_renameat(from_folder, from, to_folder, to);
  if (result == 0 && is_noted) note(kind, inode, 0, source, target, NULL, 0);
  if (is_source || is_target) unlock();
  return result;
}
int rename(const char *from, const char *to) { return name_watched(RENAME, AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return name_watched(RENAME, a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
  return name_watched(RENAME, a, from, b, to, flags);
}
int link(const char *from, const char *to) { return name_watched(LINK, AT_FDCWD, from, AT_FDCWD, to, 0); }

int symlink(const char *from, const char *to) {
  char whole[MAX_PATH_BYTES];
  if (find_path(AT_FDCWD, to, whole)) {
    lock();
    note(UNKNOWN, 0, 0, whole, NULL, "symlink", 7);
    unlock();
  }
  return real_symlink(from, to);
}

#define PATH_WATCHED(kind, folder, name, call) \
  char whole[MAX_PATH_BYTES]; \
  if (!find_path(folder, name, whole)) return call; \
  lock(); \
  uint64_t inode = inode_of(whole); \
  int is_dir = is_folder(whole); \
  (void)is_dir; \
  int result = call; \
  if (result == 0) note(kind, inode, 0, whole, NULL, NULL, 0); \
  unlock(); \
  return result;

int unlink(const char *path) { PATH_WATCHED(UNLINK, AT_FDCWD, path, real_unlink(path)) }
int unlinkat(int folder, const char *path, int flags) {
  PATH_WATCHED((flags & AT_REMOVEDIR) ? REMOVE_FOLDER : UNLINK, folder, path, real_unlinkat(folder, path, flags))
}
int remove(const char *path) { PATH_WATCHED(is_dir ? REMOVE_FOLDER : UNLINK, AT_FDCWD, path, real_remove(path)) }
int rmdir(const char *path) { PATH_WATCHED(REMOVE_FOLDER, AT_FDCWD, path, real_rmdir(path)) }
int mkdir(const char *path, mode_t mode) { PATH_WATCHED(MAKE_FOLDER, AT_FDCWD, path, real_mkdir(path, mode)) }
int mkdirat(int folder, const char *path, mode_t mode) {
  PATH_WATCHED(MAKE_FOLDER, folder, path, real_mkdirat(folder, path, mode))
}
