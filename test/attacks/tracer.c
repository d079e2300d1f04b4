/*
 * What a task can do to a process by ptrace(2) and /proc, for attacks on the engine.
 *
 *   tracer try <pid> ...       tells all that it is granted, a line each
 *   tracer nested try <pid>    the same with every capability, in a user namespace of its own
 *   tracer hold <pid> <word>   traces a process and holds it in its exit; prints "held" or why it cannot; never ends
 *   tracer write <fd> <text> <times>
 *                              writes a text to a descriptor of each process that comes, if it is a pipe; never ends
 *   tracer seek                looks for the value of SEEK in the arguments of all processes, until it gets SIGTERM
 *   tracer child               traces a child of its own through a system call; prints "traced"
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void granted(int pid, const char *what) {
  printf("%d %s\n", pid, what);
  fflush(stdout);
}

static void opens(int pid, const char *name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  int fd = open(path, flags | O_NONBLOCK);
  if (fd < 0) return;
  granted(pid, name);
  close(fd);
}

static void try_all(int pid) {
  static const char *links[] = {"fd/0", "fd/1", "fd/3", "fd/4", "root/.", "cwd/.", "exe", "ns/pid", "ns/mnt"};
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) opens(pid, links[i], O_RDONLY);
  opens(pid, "fd/0", O_WRONLY);
  opens(pid, "mem", O_RDONLY);
  opens(pid, "mem", O_RDWR);
  char byte;
  struct iovec local = {&byte, 1}, remote = {(void *)0x400000, 1};
  if (process_vm_readv(pid, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT) granted(pid, "process_vm_readv");
  int pidfd = syscall(SYS_pidfd_open, pid, 0);
  if (pidfd >= 0 && syscall(SYS_pidfd_getfd, pidfd, 0, 0) >= 0) granted(pid, "pidfd_getfd");
  if (pidfd >= 0 && setns(pidfd, CLONE_NEWNS) == 0) granted(pid, "setns");
  if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
    granted(pid, "PTRACE_SEIZE");
    ptrace(PTRACE_DETACH, pid, 0, 0);
  }
  if (ptrace(PTRACE_ATTACH, pid, 0, 0) == 0) {
    granted(pid, "PTRACE_ATTACH");
    waitpid(pid, 0, __WALL);
    ptrace(PTRACE_DETACH, pid, 0, 0);
  }
}

static void hold(int pid) {
  if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXIT) == 0) puts("held");
  else printf("not held: %s\n", strerror(errno));
  fflush(stdout);
  for (int signal = 1; signal < 32; signal++) sigaction(signal, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
  for (;;) pause();
}

/* Descriptors of a process that is about to become a command are those of the shell that starts it. */
static void write_to_all(const char *fd, const char *text, long times) {
  signal(SIGPIPE, SIG_IGN);
  for (int pid = getpid() + 1;; pid = pid > getpid() + 400 ? getpid() + 1 : pid + 1) {
    char path[64];
    struct stat found;
    snprintf(path, sizeof path, "/proc/%d/fd/%s", pid, fd);
    if (stat(path, &found) != 0 || !S_ISFIFO(found.st_mode)) continue;
    int pipe = open(path, O_WRONLY);
    if (pipe < 0) continue;
    for (long i = 0; i < times && write(pipe, text, strlen(text)) > 0; i++);
    close(pipe);
  }
}

static void seek(void) {
  const char *word = getenv("SEEK");
  static char arguments[1 << 16];
  puts("seeking");
  fflush(stdout);
  for (;;) {
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
      char path[300];
      snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
      int fd = open(path, O_RDONLY);
      ssize_t length = fd < 0 ? -1 : read(fd, arguments, sizeof arguments);
      if (fd >= 0) close(fd);
      if (length <= 0 || memmem(arguments, length, word, strlen(word)) == NULL) continue;
      printf("found in %s\n", arguments);
      fflush(stdout);
    }
    closedir(folder);
  }
}

static void trace_child(void) {
  int child = fork(), status;
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(7);
  }
  waitpid(child, &status, 0);
  if (!WIFSTOPPED(status) || ptrace(PTRACE_SYSCALL, child, 0, 0) != 0) return;
  waitpid(child, &status, 0);
  if (WIFSTOPPED(status) && ptrace(PTRACE_CONT, child, 0, 0) == 0) waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 7) puts("traced");
}

int main(int count, char **words) {
  if (count > 1 && strcmp(words[1], "nested") == 0) {
    if (unshare(CLONE_NEWUSER) != 0) return printf("unshare: %s\n", strerror(errno)), 1;
    count--, words++;
  }
  if (count > 1 && strcmp(words[1], "child") == 0) trace_child();
  else if (count > 1 && strcmp(words[1], "seek") == 0) seek();
  else if (count > 2 && strcmp(words[1], "hold") == 0) hold(atoi(words[2]));
  else if (count > 4 && strcmp(words[1], "write") == 0) write_to_all(words[2], words[3], atol(words[4]));
  else for (int i = 2; i < count; i++) try_all(atoi(words[i]));
  return 0;
}
