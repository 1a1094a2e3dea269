"""Where a row runs: a private folder, private ports, the programs it needs. Nothing is left of it afterwards."""
import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'e2e'))
import harness  # noqa: E402

DEBIAN_PATHS = ('/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/lib/postgresql/*/bin', '/usr/lib/apt/methods',
                '/usr/lib/openssh', '/usr/lib/systemd')
NOBODY = 'nobody'


def search_path(unpacked=None):
  """Debian's folders, packages that ./dev has unpacked because they could not be installed, then what else is in PATH."""
  patterns = DEBIAN_PATHS + ((unpacked + '/*/usr/sbin', unpacked + '/*/usr/bin') if unpacked else ())
  folders = [folder for pattern in patterns for folder in sorted(glob.glob(pattern))]
  return ':'.join(folders + os.environ.get('PATH', '').split(':'))


class Place:
  harness = harness

  """A folder, ports and what was started there. Texts may hold @folder@, @port@, @port2@ and @user@."""

  def __init__(self, row, path):
    self.row, self.search = row, path
    self.user = NOBODY if row.user and os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    self.outer = tempfile.mkdtemp(prefix='guard-matrix-')
    self.folder, self.temporary = os.path.join(self.outer, 'work'), os.path.join(self.outer, 'tmp')
    for folder in (self.folder, self.temporary):
      os.mkdir(folder)
    self.port, self.port2 = harness.free_port(), harness.free_port()
    self.started = []
    self.host = None
    self.environment = harness.environment(self.temporary)
    self.environment.update(PATH=path, HOME=self.folder, XDG_RUNTIME_DIR=self.outer)

  def close(self):
    for child in self.started:
      if child.poll() is None:
        child.kill()
        child.wait()
    harness.kill_leftovers(grace=0)
    shutil.rmtree(self.outer, ignore_errors=True)

  # --- texts and files -----------------------------------------------------------------------

  def fill(self, text):
    words = {'folder': self.folder, 'port': str(self.port), 'port2': str(self.port2), 'user': self.user}
    return re.sub(r'@(folder|port2|port|user)@', lambda match: words[match.group(1)], text)

  def fill_all(self, words):
    return [self.fill(word) for word in words]

  def path(self, name):
    return os.path.join(self.folder, name)

  def read(self, name):
    with contextlib.suppress(OSError), open(self.path(name), 'rb') as file:
      return file.read()
    return b''

  def lay_out(self):
    """The row's files, and the folder given to whom the host runs as."""
    for name, text in self.row.files.items():
      path = self.path(name)
      os.makedirs(os.path.dirname(path), exist_ok=True)
      if isinstance(text, bytes):
        with open(path, 'wb') as file:
          file.write(text)
      elif text is None:
        os.makedirs(path, exist_ok=True)
      else:
        with open(path, 'w', encoding='utf-8') as file:
          file.write(self.fill(text))
    os.chmod(self.outer, 0o755)
    if self.user == NOBODY:
      for folder, _, names in os.walk(self.outer):
        for path in [folder] + [os.path.join(folder, name) for name in names]:
          shutil.chown(path, NOBODY)

  # --- processes -----------------------------------------------------------------------------

  def which(self, name):
    return shutil.which(name, path=self.search)

  def identity(self):
    """Popen's words for who the host runs as."""
    return {'user': NOBODY, 'group': 'nogroup', 'extra_groups': []} if self.user == NOBODY else {}

  def run(self, *command, give=None, limit=200, environ=None, as_host=False):
    """A helper of the row, never under the agent: (status, output). Its errors follow its output."""
    command = self.fill_all(command)
    try:
      done = subprocess.run(command, input=give, stdin=None if give is not None else subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit, cwd=self.folder, check=False,
                            env=dict(self.environment, **(environ or {})), **(self.identity() if as_host else {}))
    except subprocess.TimeoutExpired as error:
      return 'no end in %d s' % limit, (error.output or b'').decode(errors='replace')
    return done.returncode, done.stdout.decode(errors='replace')

  def start(self, *command, **more):
    """A helper that stays, never under the agent; ended with the place."""
    with open(self.path('helper.%d' % len(self.started)), 'wb') as output:
      child = subprocess.Popen(self.fill_all(command), env=self.environment, stdin=subprocess.DEVNULL, stdout=output,
                               stderr=output, cwd=self.folder, start_new_session=True, **more)
    self.started.append(child)
    return child

  def talk(self, *lines, port=None, end=b'', unix=None, limit=100):
    """Sends each line to the port and returns all that was answered until the peer closes, or until `end`."""
    kind = socket.AF_UNIX if unix else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as peer:
      peer.settimeout(limit)
      peer.connect(self.path(unix) if unix else ('127.0.0.1', port or self.port))
      for line in lines:
        peer.sendall(line if isinstance(line, bytes) else line.encode())
      answer = b''
      while not end or not answer.endswith(end):
        piece = peer.recv(65536)
        if not piece:
          break
        answer += piece
      return answer.decode(errors='replace')

  def listens(self, port=None):
    try:
      with socket.create_connection(('127.0.0.1', port or self.port), timeout=2):
        return True
    except OSError:
      return False

  def signal(self, number):
    for pid in [self.host] if self.host else []:
      with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)

  def end(self):
    self.signal(self.row.stop if isinstance(self.row.stop, int) else signal.SIGTERM)
