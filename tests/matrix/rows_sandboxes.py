"""Programs that lock others in, or pretend something to them."""
from row import Row

LOOK = 'id -u; ls /proc/self/fd | grep -c "^.$"; seq 1 2000 | sort -r | md5sum; cat /proc/self/status | grep -i seccomp:'


def works(*command):
  return lambda place: None if place.run(*command, limit=20)[0] == 0 else '%s does not work here' % command[0]


Row('unshare', ['bash', '-c', 'unshare -Ur bash -c "%s"; unshare -Urnpf --mount-proc bash -c "ps -e -o comm=; echo $?"' %
                LOOK.replace('"', '\\"')], user=True, needs=['unshare'], only=works('unshare', '-Ur', 'true'))
Row('unshare time', ['unshare', '-T', '--monotonic', '900000', '--fork', 'bash', '-c', LOOK], root=True, only=works('unshare', '-T', 'true'))
Row('nsenter', ['bash', '-c', 'unshare -Ur sleep 20 & sleep 0.5; nsenter -U --preserve-credentials -t $! id -u; kill $!; wait'],
    needs=['nsenter', 'unshare'], only=works('unshare', '-Ur', 'true'))
Row('setpriv', ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups', '--no-new-privs', '--bounding-set=-all',
                'bash', '-c', LOOK], root=True)
Row('bubblewrap', ['bwrap', '--unshare-all', '--die-with-parent', '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev',
                   'bash', '-c', LOOK], user=True,
    only=works('bwrap', '--unshare-all', '--ro-bind', '/', '/', 'true'))
Row('firejail', ['firejail', '--quiet', '--noprofile', '--seccomp', '--caps.drop=all', 'bash', '-c', LOOK],
    root=True, only=works('firejail', '--quiet', '--noprofile', 'true'), hide=[r'Parent pid \d+, child pid \d+'],
    inexact='it makes its processes by clone(), which no fork handler sees')
Row('chroot', ['chroot', '/', 'bash', '-c', LOOK], root=True)
Row('fakeroot', ['fakeroot', 'bash', '-c', 'touch a; chown 12:34 a; stat -c %u:%g a; id -u; tar -cf - a | tar -tvf - | cut -c12-18'],
    needs=['fakeroot'])
Row('fakechroot', ['fakechroot', 'bash', '-c', 'ls -d /etc; id -u; seq 1 100 | tail -1'])
Row('faketime', ['faketime', '-f', '@2020-05-05 05:05:05', 'bash', '-c', 'date -u +%F; sort -R lines | sort | md5sum'],
    files={'lines': 'b\na\n' * 999})
Row('eatmydata', ['eatmydata', 'bash', '-c', 'dd if=/dev/zero of=a bs=4k count=50 conv=fsync 2>/dev/null; sync a; ls -s a'])
Row('memlockd', ['memlockd', '-d', '-c', '@folder@/memlockd.cfg', '-u', 'nobody'], root=True,
    files={'memlockd.cfg': '/bin/ls\n+/bin/bash\n'}, ready=lambda place: True, work=lambda place: [],
    hide=[r'memlockd\[\d+\]'], forgive={'descriptors': 'it opens each library that it has, the agent too', 'errors': 'and says so'})
Row('qemu-user', ['bash', '-c', 'gcc -static -o static source.c && gcc -o dynamic source.c && qemu-x86_64-static ./static; echo $?; '
                  'qemu-x86_64-static ./dynamic; echo $?'], needs=['gcc', 'qemu-x86_64-static'],
    inexact='the emulator wipes no memory on fork, so the agent is dormant in what it emulates', files={'source.c': r'''
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
	int status = 0;
	char *p = malloc(99);
	for (int i = 0; i < 3; i++) {
		if (!fork()) { for (int n = 0; n < 5000; n++) p = realloc(p, n + 1); free(p); _exit(4); }
		wait(&status);
	}
	snprintf(p, 99, "emulated, %d", WEXITSTATUS(status)); puts(p); free(p);
	return 3;
}
'''})
Row('32 bits', ['bash', '-c', '/lib32/libc.so.6 | sed -n 1p; echo ${PIPESTATUS[0]}'], needs=['/lib32/libc.so.6'],
    forgive={'errors': 'the loader says there that the preload is of another architecture'})
Row('timeout and nice', ['bash', '-c', 'timeout 0.3 sleep 9; echo $?; nice -n 5 nice; setsid bash -c "echo session"; nohup echo kept; '
                         'env -i /bin/echo bare; stdbuf -oL echo line; prlimit --nofile=40 bash -c "ulimit -n"'])
SYSTEMD = ['systemd-run', '--quiet', '--wait', '--pipe', '--collect']
for name, properties in (
    ('private', ['PrivateTmp=1', 'PrivateNetwork=1', 'PrivateDevices=1', 'ProtectSystem=strict', 'ProtectHome=1']),
    ('filtered', ['SystemCallFilter=@system-service', 'SystemCallArchitectures=native', 'RestrictAddressFamilies=AF_INET',
                  'RestrictNamespaces=1', 'NoNewPrivileges=1']),
    ('locked', ['MemoryDenyWriteExecute=1', 'LockPersonality=1', 'RestrictRealtime=1', 'ProtectProc=invisible', 'DynamicUser=1']),
    ('small', ['MemoryMax=64M', 'TasksMax=16', 'LimitNOFILE=32', 'LimitAS=1G'])):
  Row('systemd ' + name, ['bash', '-c', ' '.join(SYSTEMD + ['-p ' + setting for setting in properties] +
                          ['-E LD_PRELOAD="$LD_PRELOAD"', 'bash', '-c', "'%s'" % LOOK])], root=True, needs=['systemd-run'],
      only=works('systemctl', 'is-system-running', '--quiet'))
