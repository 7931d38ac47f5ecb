/*
 * Preloaded into a process, this makes its clock (the time of day, not the one that only counts) run ahead of the
 * machine's or behind it, by as much as a file says at that moment. Processes that it starts share it.
 *
 * MOVED_CLOCK: the file, eight bytes, a whole number of microseconds, little endian; negative is behind.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND_US 1000000

static volatile int64_t *ahead_us;

__attribute__((constructor)) static void map_file(void) {
  const char *path = getenv("MOVED_CLOCK");
  if (!path) return;
  /* Past whatever else is preloaded, and may make calls fail. */
  long file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  syscall(SYS_close, file);
  if (mapped != MAP_FAILED) ahead_us = mapped;
}

static int64_t now_us(void) {
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000 + (ahead_us ? *ahead_us : 0);
}

int clock_gettime(clockid_t clock, struct timespec *result) {
  static int (*machine)(clockid_t, struct timespec *);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
    int64_t now = now_us();
    result->tv_sec = now / SECOND_US;
    result->tv_nsec = now % SECOND_US * 1000;
    return 0;
  }
  if (!machine) machine = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  return machine(clock, result);
}

int gettimeofday(struct timeval *result, void *zone) {
  (void)zone;
  int64_t now = now_us();
  result->tv_sec = now / SECOND_US;
  result->tv_usec = now % SECOND_US;
  return 0;
}

time_t time(time_t *result) {
  time_t now = now_us() / SECOND_US;
  if (result) *result = now;
  return now;
}
