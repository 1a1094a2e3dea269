"""Programs of a measurement: run to the end or as a server, in a bounded time, with the CPU time of all they start.

Each program is the leader of a session of its own, so that what it leaves behind is ended with it and nothing else is.
"""
import os
import signal
import socket
import subprocess
import threading
import time
from collections import namedtuple

Ran = namedtuple('Ran', 'cpu wall output')


class Failed(Exception):
  """A run that gives no figure; the text says why."""


def clean_environment(extra):
  """This environment without what would make another program another way, plus extra."""
  drop = ('LD_PRELOAD', 'MALLOC_CONF', 'HEAPPROFILE', 'PYTHONMALLOC')
  kept = {name: value for name, value in os.environ.items() if name not in drop and not name.startswith('GUARD_')}
  return {**kept, 'LC_ALL': 'C', **extra}


def end_session(pid):
  try:
    os.killpg(pid, signal.SIGKILL)
  except (ProcessLookupError, PermissionError):
    pass


def run(arguments, extra, timeout, folder):
  """Runs to the end. CPU is that of the process and of all its descendants that were waited for."""
  path = os.path.join(folder, 'output')
  with open(path, 'w', encoding='utf-8') as output:
    start = time.monotonic()
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                               env=clean_environment(extra), cwd=folder, start_new_session=True)
    timer = threading.Timer(timeout, end_session, [process.pid])
    timer.start()
    try:
      _, status, usage = os.wait4(process.pid, 0)
      process.returncode = os.waitstatus_to_exitcode(status)
    finally:  # also when we are interrupted
      timer.cancel()
      end_session(process.pid)
      process.wait()
    wall = time.monotonic() - start
  with open(path, encoding='utf-8', errors='replace') as output:
    text = output.read(200000)
  if wall >= timeout:
    raise Failed('took more than %d s' % timeout)
  if process.returncode:
    raise Failed('ended with %d: %s' % (process.returncode, text.strip()[-200:]))
  return Ran(usage.ru_utime + usage.ru_stime, wall, text)


class Background:
  """A program that is there during a with block; stop() first asks, then insists."""

  def __init__(self, arguments, extra, folder):
    self.output = open(os.path.join(folder, 'background'), 'w', encoding='utf-8')
    self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                                    env=clean_environment(extra), cwd=folder, start_new_session=True)
    self.pid = self.process.pid  # of the program that serves; a wrapper's user puts another one here

  def __enter__(self):
    return self

  def __exit__(self, *_):
    try:
      os.kill(self.pid, signal.SIGTERM)
      self.process.wait(30)
    except (ProcessLookupError, subprocess.TimeoutExpired):
      pass
    end_session(self.process.pid)
    self.process.wait()
    self.output.close()

  def wait_for(self, ready, seconds):
    """Until ready() gives something; that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
      if self.process.poll() is not None:
        raise Failed('ended at its start with %d' % self.process.returncode)
      try:
        found = ready()
      except (OSError, ValueError):
        found = None
      if found:
        return found
      time.sleep(0.02)
    raise Failed('not ready after %d s' % seconds)

  def cpu(self):
    """CPU seconds of the process that serves, so far."""
    return time.clock_gettime((~self.pid << 3) | 2)


def free_port():
  with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    return probe.getsockname()[1]
