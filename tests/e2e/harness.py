"""Running programs in tests: bounded in time, in a group of their own, with nothing left behind."""
import ctypes
import ctypes.util
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import time

TIME_LIMIT = float(os.environ.get('E2E_TIME_LIMIT', '200'))  # what takes longer hangs, on a slow machine too
PR_SET_CHILD_SUBREAPER = 36
SKIP = 77


class Run:
  """What came of a command. status is as a shell shows it: 128+N for signal N."""

  def __init__(self, status, output, errors, leftovers, seconds):
    self.status, self.output, self.leftovers, self.seconds = status, output, leftovers, seconds
    lines = errors.split(b'\n')
    self.own_lines = [line.decode(errors='replace') for line in lines if line.startswith(b'guardctl: ')]
    self.errors = b'\n'.join(line for line in lines if not line.startswith(b'guardctl: '))


def environment(folder):
  """A small, fixed environment; sockets and temporary files in the folder."""
  kept = {name: os.environ[name] for name in ('PATH', 'HOME', 'GUARD_AGENT', 'GUARD_VERIFY') if name in os.environ}
  kept.update(LC_ALL='C', TMPDIR=folder, XDG_RUNTIME_DIR=folder)
  return kept


def for_all_users(path, folder):
  """The file where every user may read it: itself, or where a folder above it keeps others out, a copy in the folder."""
  path = above = os.path.abspath(path)
  while above != '/':
    above = os.path.dirname(above)
    if not os.stat(above).st_mode & 1:
      os.chmod(folder, 0o755)
      return shutil.copy(path, folder)
  return path


def adopt_orphans():
  """From now on, processes whose parent dies become our children: kill_leftovers finds them."""
  ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_of(pid):
  found = []
  for path in glob.glob('/proc/%d/task/*/children' % pid):
    try:
      with open(path, encoding='ascii') as file:
        found += [int(word) for word in file.read().split()]
    except OSError:
      pass
  return found


def name_of(pid):
  try:
    with open('/proc/%d/stat' % pid, encoding='utf-8', errors='replace') as file:
      text = file.read()
  except OSError:
    return None
  state = text.rsplit(') ', 1)[1][:1]
  return None if state in 'ZX' else '%d (%s)' % (pid, text.split('(', 1)[1].rsplit(')', 1)[0])


def kill_leftovers(keep=(), grace=3.0):
  """Ends every child of ours that is not in keep; returns the names of those that ran on after the grace time."""
  names = []
  deadline = time.monotonic() + grace
  while True:
    rest = [pid for pid in children_of(os.getpid()) if pid not in keep]
    for pid in rest:
      try:
        os.waitpid(pid, os.WNOHANG)
      except ChildProcessError:
        pass
    alive = [pid for pid in rest if name_of(pid)]
    if not alive:
      return names
    if time.monotonic() > deadline:
      for pid in alive:
        names.append(name_of(pid) or str(pid))
        try:
          os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
          pass
    time.sleep(0.02)


def run(command, environ, keep=(), limit=None, folder=None, stdin=subprocess.DEVNULL):
  """Runs a command to its end, or kills its group after the time limit."""
  limit = limit or TIME_LIMIT
  began = time.monotonic()
  with subprocess.Popen(command, env=environ, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                        start_new_session=True, cwd=folder) as child:
    try:
      output, errors = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
      os.killpg(child.pid, signal.SIGKILL)
      kill_leftovers(tuple(keep) + (child.pid,), 0)
      output, errors = child.communicate()
      errors += b'\nguardctl: killed by the test after %d s' % limit
  status = child.returncode if child.returncode >= 0 else 128 - child.returncode
  return Run(status, output, errors, kill_leftovers(keep), time.monotonic() - began)


def compare_runs(bare, guarded):
  """What differs between a bare run and one under guardctl: nothing should."""
  wrong = []
  if bare.status != guarded.status:
    wrong.append('status: bare %d, guarded %d' % (bare.status, guarded.status))
  if bare.output != guarded.output:
    wrong.append('output: bare %r, guarded %r' % (bare.output[-300:], guarded.output[-300:]))
  if bare.errors.strip() != guarded.errors.strip():
    wrong.append('stderr: bare %r, guarded %r' % (bare.errors[-300:], guarded.errors[-600:]))
  wrong += ['left process: ' + name for name in guarded.leftovers]
  return wrong


def load_report(path):
  """(report, complaint): one of them is None."""
  try:
    with open(path, encoding='utf-8') as file:
      report = json.load(file)
  except OSError as error:
    return None, 'no report: %s' % error
  except ValueError as error:
    return None, 'report is no JSON: %s' % error
  if report.get('schema') != 'guard-report/1':
    return None, 'schema is %r' % report.get('schema')
  return report, None


def signal_number(name):
  return int(getattr(signal, name))


def find_library(name):
  for folder in ('/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib', '/usr/local/lib'):
    path = os.path.join(folder, name)
    if os.path.exists(path):
      return path
  return None


def free_port():
  with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    return probe.getsockname()[1]


def wait_for(condition, limit=60.0, pause=0.02):
  """The first true result of condition(), or None after the limit, which is no more than a busy machine may need."""
  deadline = time.monotonic() + limit
  while time.monotonic() < deadline:
    result = condition()
    if result:
      return result
    time.sleep(pause)
  return None
