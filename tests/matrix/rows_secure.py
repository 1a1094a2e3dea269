"""OpenSSH, both ends: keys, commands, copies, a subsystem, a tunnel, a refused key."""
import os

from row import Row

SSHD = '''Port @port@
ListenAddress 127.0.0.1
HostKey @folder@/host
AuthorizedKeysFile @folder@/user.pub
PidFile @folder@/pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
PrintMotd no
PrintLastLog no
'''
CLIENT = '''Host there
  HostName 127.0.0.1
  Port @port@
  IdentityFile @folder@/user
  IdentitiesOnly yes
  UserKnownHostsFile @folder@/known
  StrictHostKeyChecking accept-new
  LogLevel ERROR
  Compression yes
'''
USE = r'''
ssh="ssh -F client there"
$ssh 'echo told; seq 1 3000 | tail -1; exit 7'; echo "status $?"
seq 1 20000 | $ssh 'cat | md5sum'
scp -q -F client lines there:@folder@/copied && cmp lines copied && echo copied
scp -q -O -F client there:@folder@/lines old && cmp lines old && echo copied the old way
printf 'get lines got\nput got @folder@/back\nls -1 got back\n' | sftp -q -b - -F client there
ssh -F client -N -L @port2@:127.0.0.1:@port@ -o ExitOnForwardFailure=yes there & tunnel=$!
for i in $(seq 1 50); do (exec 3<>/dev/tcp/127.0.0.1/@port2@) 2>/dev/null && break; sleep 0.1; done
ssh-keyscan -p @port2@ 127.0.0.1 2>/dev/null | wc -l
kill $tunnel; wait $tunnel; echo "tunnel $?"
ssh -F client -i other -o IdentityFile=other there true 2>&1 | cut -c1-40; echo "status $?"
ssh-keygen -q -t ed25519 -N '' -f new && ssh-keygen -y -f new | cut -d' ' -f1
eval "$(ssh-agent)" >/dev/null; ssh-add -q new; ssh-add -l | wc -l; ssh-agent -k >/dev/null; echo "agent $?"
'''


def keys(place):
  for name in ('host', 'user', 'other'):
    if place.run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '@folder@/' + name)[0]:
      return 'ssh-keygen fails'
  os.makedirs('/run/sshd', exist_ok=True)  # sshd insists on this very folder
  return None


def sshd(place):
  complaint = keys(place)
  if complaint:
    return complaint
  place.start(place.which('sshd'), '-D', '-e', '-f', '@folder@/sshd')
  return None if place.harness.wait_for(place.listens, 20) else 'sshd does not listen'


FILES = {'sshd': SSHD, 'client': CLIENT, 'use': USE, 'lines': 'a line to copy\n' * 30000}
Row('openssh client', ['bash', 'use'], needs=['ssh', 'scp', 'sftp', 'sshd'], root=True, files=FILES, prepare=sshd, limit=90)
Row('openssh server', ['sshd', '-D', '-e', '-f', '@folder@/sshd'], needs=['ssh', 'scp', 'sftp'], root=True, files=FILES, prepare=keys,
    work=lambda place: [place.run('bash', 'use', limit=90)], forgive={'errors': 'its log names the fingerprints of new keys'})
