"""What the service tests share: their command line, guarded commands, and their verdict."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import books
import harness

NOBODY = 65534


class Test:
  """One test: a folder of its own, a list of what is wrong, nothing left behind. Use with `with`."""

  def __init__(self, description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--guardctl', required=True)
    parser.add_argument('--program', help="the test program, where the test has one of the project's own")
    parser.add_argument('--keep', action='store_true', help='keep the folder')
    self.options = parser.parse_args()
    self.guardctl = os.path.abspath(self.options.guardctl)
    self.options.program = self.options.program and os.path.abspath(self.options.program)
    self.wrong, self.started = [], []

  def __enter__(self):
    harness.adopt_orphans()
    self.folder = tempfile.mkdtemp(prefix='guard-e2e-')
    self.environment = harness.environment(self.folder)
    self.report_path = os.path.join(self.folder, 'report.json')
    return self

  def __exit__(self, kind, value, trace):
    for child in self.started:
      if child.poll() is None:
        child.kill()
        child.wait()
    harness.kill_leftovers(grace=0)
    if self.options.keep:
      print('kept %s' % self.folder)
    else:
      shutil.rmtree(self.folder, ignore_errors=True)

  def need(self, *names):
    """Paths of programs; ends the test as skipped when one is missing."""
    paths = [shutil.which(name, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin') for name in names]
    for name, path in zip(names, paths):
      if not path:
        print('skipped: no %s here' % name)
        sys.exit(harness.SKIP)
    return paths if len(paths) > 1 else paths[0]

  def path(self, name):
    return os.path.join(self.folder, name)

  def write(self, name, text):
    with open(self.path(name), 'w', encoding='utf-8') as file:
      file.write(text)
    return self.path(name)

  def check(self, condition, text):
    if not condition:
      self.wrong.append(text)
    return condition

  def guarded(self, command, options=()):
    return [self.guardctl, 'run', '--report', 'json:' + self.report_path] + list(options) + ['--'] + list(command)

  def start(self, command, environment=None):
    """Starts a process that __exit__ ends at the latest; its output goes to files in the folder."""
    n = len(self.started)
    with open(self.path('output.%d' % n), 'wb') as output, open(self.path('errors.%d' % n), 'wb') as errors:
      child = subprocess.Popen(command, env=environment or self.environment, stdin=subprocess.DEVNULL, stdout=output,
                               stderr=errors, start_new_session=True, cwd=self.folder)
    child.output_path, child.errors_path = self.path('output.%d' % n), self.path('errors.%d' % n)
    self.started.append(child)
    return child

  def serve(self, socket, *options):
    """guardctl serve, which listens already: whoever asked before would listen in its place."""
    child = self.start([self.guardctl, 'serve', '--socket', socket, *options])

    def listens():
      with open(child.errors_path, 'rb') as file:
        return b'listening on' in file.read()
    self.check(harness.wait_for(listens), 'guardctl serve does not listen on %s' % socket)
    return child

  def wait(self, child, what, limit=100):
    """The exit status of a started process; killed and wrong when it does not end."""
    try:
      status = child.wait(limit)
    except subprocess.TimeoutExpired:
      child.kill()
      child.wait()
      self.wrong.append('%s did not end within %d s' % (what, limit))
      return None
    return status if status >= 0 else 128 - status

  def same_as_bare(self, command, options=(), environment=None):
    """Runs a command bare and guarded, compares all there is to see. Returns (bare run, report)."""
    environ = dict(self.environment, **(environment or {}))
    bare = harness.run(command, environ, folder=self.folder)
    guarded = harness.run(self.guarded(command, options), environ, folder=self.folder)
    self.wrong += harness.compare_runs(bare, guarded)
    print('bare %.2f s, guarded %.2f s' % (bare.seconds, guarded.seconds))
    return bare, self.report()

  def as_other_user(self, *parts):
    """Where this is root, these parts of the test once more, by a user who is not."""
    if os.getuid() != 0:
      return
    os.environ['GUARD_AGENT'] = harness.for_all_users(self.agent(), self.folder)
    self.guardctl = harness.for_all_users(self.guardctl, self.folder)
    self.options.program = harness.for_all_users(self.options.program, self.folder)
    sys.stdout.flush()
    child = os.fork()
    if child:
      self.check(os.waitpid(child, 0)[1] == 0, 'not as a user who is not root')
      return
    status = 1
    try:
      os.setgroups([])
      os.setgid(NOBODY)
      os.setuid(NOBODY)
      self.wrong, self.started = [], []
      with self:
        for part in parts:
          part(self)
      print('\n'.join(['as another user:'] + (self.wrong or ['right'])))
      status = len(self.wrong) > 0
    except Exception:  # of which nobody else would hear
      traceback.print_exc()
    finally:
      sys.stdout.flush()
      os._exit(status)

  def agent(self):
    return os.environ.get('GUARD_AGENT') or os.path.join(os.path.dirname(os.path.dirname(self.guardctl)), 'agent', 'libguard.so')

  @staticmethod
  def wait_or_kill(child):
    child.terminate()
    try:
      child.wait(2)
    except subprocess.TimeoutExpired:
      child.kill()
      child.wait()

  def report(self, path=None):
    """The report, checked for what must hold always; an empty one when there is none."""
    report, complaint = harness.load_report(path or self.report_path)
    if complaint:
      self.wrong.append(complaint)
      return {'processes': []}
    self.wrong += books.check_report(report)
    return report

  def finish(self):
    for child in self.started:
      if child.poll() is None:
        self.wrong.append('still running: %s' % ' '.join(child.args[:6]))
        self.wait_or_kill(child)
    names = harness.kill_leftovers()
    self.wrong += ['left process: ' + name for name in names]
    for text in self.wrong[:40]:
      print('  ' + text)
    print('WRONG' if self.wrong else 'right')
    sys.exit(1 if self.wrong else 0)


def processes_of(report, name):
  return [process for process in report['processes'] if os.path.basename(process['exe'] or '') == name]


def has_function(process, *names):
  """Does any stack of the process hold one of the functions?"""
  return any(books.plain(frame['function']) in names
             for callsite in process['callsites'] for frame in callsite['frames'])
