"""Servers of the network: names, time, files, tunnels; most of them drop their rights or lock themselves in."""
import ftplib
import io
import os
import random
import socket
import struct

from row import Row

ROOT = os.getuid() == 0


def query(place, name, kind=1, tcp=False):
  """One DNS question; the answer's code and data, by hand."""
  number = random.randrange(65536)
  question = b''.join(bytes([len(part)]) + part.encode() for part in name.split('.')) + b'\0' + struct.pack('>HH', kind, 1)
  message = struct.pack('>HHHHHH', number, 0x100, 1, 0, 0, 0) + question
  with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as peer:
    peer.settimeout(5)
    peer.connect(('127.0.0.1', place.port))
    peer.send(struct.pack('>H', len(message)) + message if tcp else message)
    answer = peer.recv(4096)[2 if tcp else 0:]
    if tcp and not answer:
      answer = peer.recv(4096)
  flags, _, n = struct.unpack('>HHH', answer[2:8])
  data = sorted(struct.unpack('>%dB' % len(piece), piece) for piece in [answer[len(message):][12:]] if n)
  return '%s: code %d, %d answers %s' % (name, flags & 15, n, data)


def answers_names(place):
  try:
    return 'code' in query(place, 'a.test')
  except OSError:
    return False


def names(place):
  lines = [query(place, name) for name in ['a.test', 'b.test', 'c.test', 'missing.test'] * 20]
  return sorted(set(lines)) + [query(place, 'a.test', tcp=True), query(place, 'a.test', 28)]


def ftp(place):
  lines = []
  for user, word in (('anonymous', 'a@b'), ('somebody', 'wrong')):
    with ftplib.FTP() as client:
      lines.append(client.connect('127.0.0.1', place.port, timeout=100))
      try:
        lines.append(client.login(user, word))
      except ftplib.error_perm as error:
        lines.append(str(error))
        continue
      got = io.BytesIO()
      lines.append(client.retrbinary('RETR pub/file.txt', got.write))
      lines += [len(got.getvalue()), client.nlst('pub'), client.pwd()]
      try:
        client.storbinary('STOR pub/new', io.BytesIO(b'x'))
      except ftplib.error_perm as error:
        lines.append(str(error))
      lines.append(client.quit())
  return lines


def ftp_while_it_lasts(place):
  """vsftpd's own filter may not know this kernel and kill its sessions, bare too: when is chance."""
  try:
    return ftp(place)
  except (EOFError, ftplib.error_perm):
    return ['the session breaks off']


def asks_time(place):
  with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
    peer.settimeout(2)
    peer.connect(('127.0.0.1', place.port))
    try:
      peer.send(b'\x23' + b'\0' * 47)
      return peer.recv(100)
    except OSError:
      return b''


def time_served(place):
  answers = [asks_time(place) for _ in range(20)]
  return [{(len(answer), answer[0] & 7, answer[1]) for answer in answers},
          place.run('chronyc', '-h', '@folder@/chronyd.sock', '-n', 'tracking')[1].split('\n')[:3]]


CHRONY = '''port @port@
bindaddress 127.0.0.1
cmdport 0
bindcmdaddress @folder@/chronyd.sock
pidfile @folder@/pid
local stratum 7
allow 127.0.0.0/8
driftfile @folder@/drift
'''
CHRONYD = ['chronyd', '-d', '-x', '-f', '@folder@/chrony.conf', '-u', 'root']
Row('chrony', CHRONYD, root=True, files={'chrony.conf': CHRONY}, ready=asks_time, work=time_served,
    forgive={'errors': 'its log names the mean frequency error it saw'})
Row('chrony filtered', CHRONYD + ['-F', '1'], root=True, files={'chrony.conf': CHRONY}, ready=asks_time, work=time_served,
    forgive={'errors': 'as above'})
Row('chrony locked', CHRONYD, root=True, files={'chrony.conf': CHRONY + 'lock_all\nsched_priority 5\n'}, ready=asks_time,
    work=time_served, forgive={'errors': 'as above'})
Row('dnsmasq', ['dnsmasq', '-k', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--no-ping', '--port=@port@', '--bind-interfaces',
                '--listen-address=127.0.0.1', '--address=/a.test/192.0.2.1', '--address=/b.test/192.0.2.2', '--log-queries',
                '--address=/c.test/', '--local=/test/', '--pid-file=@folder@/pid', '--user=nobody', '--log-facility=@folder@/log'],
    root=True, ready=answers_names, work=names)
Row('unbound', ['unbound', '-d', '-c', '@folder@/unbound.conf'], ready=answers_names, work=names, files={'unbound.conf': '''
server:
  interface: 127.0.0.1
  port: @port@
  num-threads: 3
  chroot: ""
  directory: "@folder@"
  pidfile: "@folder@/pid"
  username: "%s"
  use-syslog: no
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "test." static
  local-data: "a.test. A 192.0.2.1"
  local-data: "b.test. A 192.0.2.2"
  local-data: "c.test. A 192.0.2.3"
remote-control:
  control-enable: no
''' % ('nobody' if ROOT else '')})
NAMED = '''options { directory "@folder@"; listen-on port @port@ { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; pid-file "@folder@/pid";
  session-keyfile "@folder@/key";  dnssec-validation no; allow-transfer { 127.0.0.1; }; };
controls { }; key "k" { algorithm hmac-sha256; secret "c2VjcmV0"; };
zone "test" { type primary; file "@folder@/zone"; allow-update { key "k"; }; };
'''
ZONE = '$TTL 60\n@ IN SOA a.test. root.test. 1 60 60 60 60\n@ IN NS a.test.\n' + ''.join(
  '%s IN A 192.0.2.%d\n' % (name, i) for i, name in enumerate(['a', 'b', 'c'] + ['n%d' % k for k in range(200)]))
Row('bind', ['named', '-g', '-4', '-n', '2', '-c', '@folder@/named.conf', '-u', 'nobody'], root=True, prepare=lambda place: place.run('chown', '-R', 'nobody', '@folder@') and None,
    files={'named.conf': NAMED, 'zone': ZONE}, ready=answers_names, work=names,
    forgive={'errors': 'its log names the machine'})
VSFTPD = '''listen=YES
listen_ipv6=NO
listen_address=127.0.0.1
listen_port=@port@
background=NO
anonymous_enable=YES
local_enable=NO
anon_root=@folder@/ftp
ftp_username=daemon
nopriv_user=nobody
secure_chroot_dir=@folder@/empty
seccomp_sandbox=%s
write_enable=NO
xferlog_enable=YES
vsftpd_log_file=@folder@/log
'''
for name, seccomp in (('vsftpd', 'YES'), ('vsftpd unfiltered', 'NO')):
  Row(name, ['vsftpd', '@folder@/vsftpd.conf'], root=True, work=ftp_while_it_lasts, ready=lambda place: place.listens(),
      files={'vsftpd.conf': VSFTPD % seccomp, 'ftp/pub/file.txt': 'a line\n' * 5000, 'empty': None})
Row('tor', ['tor', '-f', '@folder@/torrc', '--defaults-torrc', '@folder@/none', '--hush'], files={'none': '', 'torrc': '''Sandbox 1
DataDirectory @folder@/data
SocksPort 127.0.0.1:@port@
ControlPort 127.0.0.1:@port2@
DisableNetwork 1
Log notice file @folder@/log
'''}, ready=lambda place: place.listens(place.port2),
    work=lambda place: [place.talk('AUTHENTICATE\r\nGETINFO traffic/read\r\nGETCONF SocksPort\r\nSETCONF NumCPUs=2\r\nQUIT\r\n',
                                   port=place.port2)] * 3,
    # its filter lets libc read no mask, so what lay on the stack is blocked: a signal may not reach it, bare as well
    stop=lambda place: place.talk('AUTHENTICATE\r\nSIGNAL HALT\r\n', port=place.port2), hide=[r'SigBlk \w+'])
SAMBA = '''[global]
workgroup = TEST
netbios name = MATRIX
server role = standalone
map to guest = Bad User
guest account = nobody
interfaces = lo
bind interfaces only = yes
disable netbios = yes
smb ports = @port@
load printers = no
disable spoolss = yes
log file = @folder@/log
private dir = @folder@/a
lock directory = @folder@/a
state directory = @folder@/a
cache directory = @folder@/a
pid directory = @folder@/a
ncalrpc dir = @folder@/a
[share]
path = @folder@/share
guest ok = yes
read only = no
'''
SMB = ['smbclient', '-s', '@folder@/smb.conf', '-p', '@port@', '-N', '//127.0.0.1/share', '-c']
Row('samba', ['smbd', '--foreground', '--no-process-group', '-s', '@folder@/smb.conf'], root=True, needs=['smbclient'],
    files={'smb.conf': SAMBA, 'a': None, 'share/file.txt': 'a line\n' * 9000},
    prepare=lambda place: place.run('chmod', '777', '@folder@/share') and None,
    work=lambda place: [place.run(*SMB, 'get file.txt got; put got new; ls; mkdir sub; rename new sub/newer; cd sub; ls'),
                        place.run('cmp', 'got', 'share/sub/newer')],
    hide=[r'\w{3} \w{3} +\d+ [\d:]+ \d{4}', r'\(\d+\.\d+ KiloBytes/sec\)', r'\(average [^)]*\)', r'\d+ blocks available', r'[\d.]+ kb/s'],
    forgive={'processes': 'helpers come and go by its own clock', 'threads': 'as above', 'descriptors': 'as above',
             'signals': 'as above', 'environment': 'as above'})
Row('dhcpcd', ['unshare', '-nm', 'bash', '-c', 'mount -t tmpfs none /run; mkdir -p /run/dhcpcd; mount -t tmpfs none /var/lib/dhcpcd; '
               'ip link add d0 type veth peer name d1; ip link set d1 up; ip link set d0 address 02:00:00:00:00:01 up; '
               # Bare, too, its last line is written in two of six runs.
               '{ timeout 6 dhcpcd -B -1 -4 -t 3 --noarp --script /bin/true -f /dev/null d0; echo $?; } 2>&1 | '
               'grep -v "^dhcpcd exited"'],
    root=True, needs=['dhcpcd', 'ip'], limit=60, hide=[r'\[\d+\]', r'\d+ sec', r'xid \w+', r'DUID \S+', r'IAID \S+'],
    only=lambda place: None if place.run('unshare', '-nm', 'ip', 'link', 'add', 'd0', 'type', 'veth')[0] == 0 else
    'no network namespaces or veth devices here')
Row('rsync server', ['rsync', '--daemon', '--no-detach', '--config=@folder@/rsyncd.conf'],
    files={'share/file': 'a line\n' * 20000, 'rsyncd.conf':
           'port = @port@\naddress = 127.0.0.1\nuse chroot = no\nlog file = @folder@/log\n[share]\npath = @folder@/share\n'},
    work=lambda place: [place.run('rsync', '-a', 'rsync://127.0.0.1:@port@/share/', 'got%d' % i) for i in range(4)] +
    [place.run('diff', '-r', 'share', 'got3'), place.run('rsync', 'rsync://127.0.0.1:@port@/none/')])
