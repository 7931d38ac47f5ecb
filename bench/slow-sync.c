/*
 * Preloaded into a process, this makes each of its syncs take longer, as on a disk that needs that long to have something
 * for certain. The thread sleeps meanwhile, as it would: it uses no processor.
 *
 * SLOW_SYNC_US: by how many microseconds.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static struct timespec added;

__attribute__((constructor)) static void read_delay(void) {
  const char *text = getenv("SLOW_SYNC_US");
  long microseconds = text ? strtol(text, NULL, 10) : 0;
  added.tv_sec = microseconds / 1000000;
  added.tv_nsec = microseconds % 1000000 * 1000;
}

static int sync_slowly(const char *name, int descriptor) {
  int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  struct timespec left = added;
  while (nanosleep(&left, &left) == -1 && errno == EINTR) continue;
  return sync(descriptor);
}

int fsync(int descriptor) { return sync_slowly("fsync", descriptor); }
int fdatasync(int descriptor) { return sync_slowly("fdatasync", descriptor); }
