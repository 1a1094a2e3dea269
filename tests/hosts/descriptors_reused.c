/*
 * environment: GUARD_START_DELAY=20ms GUARD_INTERVAL=10ms
 * Every descriptor is closed or replaced by a socket of the host's, at any time (hazards 53, 104 to 106).
 * Equal: no byte is taken from the host's sockets and none comes into them; the lowest number is 3.
 */
#include "host.h"
#include <sys/socket.h>

#define HIGHEST 1024

static void cover(int type)
{
	int pair[2], round = 0;
	char text[64];

	if (socketpair(AF_UNIX, type, 0, pair))
		exit(1);
	for (int fd = 3; fd < HIGHEST; fd++)
		if (fd != pair[0] && fd != pair[1] && dup2(pair[0], fd) != fd)
			exit(2);
	for (round = 0; round < 5; round++) {
		churn_for(10);
		if (write(200 + round, "HELLO", 5) != 5)
			say("not written\n");
		churn_for(10);
		if (read(pair[1], text, sizeof(text)) != 5 || memcmp(text, "HELLO", 5))
			say("not what was written\n");
		if (write(pair[1], "BACK", 4) != 4)
			say("not written back\n");
		churn_for(10);
		if (read(300 + round, text, sizeof(text)) != 4 || memcmp(text, "BACK", 4))
			say("not what was written back\n");
		if (recv(pair[1], text, sizeof(text), MSG_DONTWAIT) > 0 ||
		    recv(3 + 100, text, sizeof(text), MSG_DONTWAIT) > 0)
			say("there is more\n");
	}
	closefrom(3);
}

int main(void)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};

	churn_for(60);
	for (int i = 0; i < 6; i++) {
		cover(types[i % 3]);
		say("open: %d\n", open("/dev/null", O_RDONLY));
		churn_for(i * 7);
		closefrom(3);
	}
	say_descriptors("open at the end");
	return 0;
}
