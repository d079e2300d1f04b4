/*
 * Processes that are hard to find or to end, for attacks on the containment by process groups.
 *
 *   hard-to-end headless <word>       its first thread ends and another goes on, so that it looks like a zombie
 *   hard-to-end holder <pid> <word>   traces a process, holds it in its exit, and never ends; prints "held"
 *   hard-to-end forking <word>        twenty processes that ignore SIGTERM, fork every 3 ms, and go on in the child
 *   hard-to-end root <program> ...    with the set-user-ID bit of root: runs a program as root in all respects
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>

static void *go_on(void *nothing) {
  for (;;) pause();
  return nothing;
}

static void go_on_in_children(void) {
  time_t end = time(0) + 20;
  while (time(0) < end) {
    if (fork() > 0) _exit(0);
    usleep(3000);
  }
  _exit(0);
}

int main(int count, char **words) {
  if (count > 2 && strcmp(words[1], "headless") == 0) {
    pthread_t thread;
    if (pthread_create(&thread, 0, go_on, 0) != 0) return 1;
    pthread_exit(0);
  }
  if (count > 3 && strcmp(words[1], "holder") == 0) {
    signal(SIGHUP, SIG_IGN);
    if (ptrace(PTRACE_SEIZE, atoi(words[2]), 0, PTRACE_O_TRACEEXIT) != 0) return perror("not held"), 1;
    puts("held");
    fflush(stdout);
    go_on(0);
  }
  if (count > 2 && strcmp(words[1], "forking") == 0) {
    signal(SIGTERM, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 20; i++)
      if (fork() == 0) go_on_in_children();
    go_on(0);
  }
  if (count > 2 && strcmp(words[1], "root") == 0) {
    if (setgid(0) != 0 || setuid(0) != 0) return perror("not root"), 1;
    execvp(words[2], words + 2);
  }
  return 1;
}
