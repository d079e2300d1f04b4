/* Plays the part of systemd's notification socket (sd_notify(3)): prints who sent each datagram, and its lines. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 2) return 64;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  int one = 1;
  int s = socket(AF_UNIX, SOCK_DGRAM, 0);
  setsockopt(s, SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
  if (bind(s, (struct sockaddr *)&address, sizeof address) != 0) return 1;
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("listening\n");
  for (;;) {
    char text[4096], control[512];
    struct iovec part = {text, sizeof text - 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t size = recvmsg(s, &message, 0);
    if (size < 0) return 2;
    text[size] = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != SOL_SOCKET) continue;
      if (c->cmsg_type == SCM_CREDENTIALS) {
        struct ucred sender;
        memcpy(&sender, CMSG_DATA(c), sizeof sender);
        printf("sender %d\n", sender.pid);
      } else if (c->cmsg_type == SCM_RIGHTS) {
        /* A barrier: the sender waits until this descriptor is closed. */
        int descriptor;
        memcpy(&descriptor, CMSG_DATA(c), sizeof descriptor);
        close(descriptor);
      }
    }
    printf("%s\n", text);
  }
}
