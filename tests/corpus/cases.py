"""
Programs of Debian 12 that leak, and controls that do the same kind of work and do not.

A case loops by itself (Script), or it serves and is driven from outside (Server). {seconds} and {folder} in its words
stand for how long it has to run and where its files go. To add one, add a row to CASES.
"""
import os
import subprocess
import time

from trial import Failed


ANYTHING = ('*',)


class Case:
  """One program. expected: functions one of which the leaking callsite shows; None: a control. ANYTHING: what stays is
  a structure of a script with many callsites of its own, or the program has no symbols."""

  def __init__(self, name, program, expected=None):
    self.name, self.program, self.expected = name, program, expected

  def available(self):
    return any(os.access(os.path.join(folder, self.program), os.X_OK) for folder in ('/usr/bin', '/usr/sbin'))


def fill(words, folder, seconds):
  return [word.replace('{folder}', folder).replace('{seconds}', str(seconds)) for word in words]


class Script(Case):
  """A command that works for the given time and ends with 0."""

  def __init__(self, name, program, words, expected=None, **environment):
    super().__init__(name, program, expected)
    self.words, self.environment = words, environment

  def run(self, guarded, environment, folder, seconds):
    done = subprocess.run(guarded + fill(self.words, folder, seconds), env={**environment, **self.environment},
                          cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          timeout=20 * seconds + 60)
    if done.returncode:
      raise Failed('%s: status %d: %s' % (self.name, done.returncode, done.stderr.decode(errors='replace')[-300:]))


class Server(Case):
  """A server: when `ready` succeeds, `work` is done again and again, then `end`."""

  def __init__(self, name, program, words, ready, work, end, expected=None):
    super().__init__(name, program, expected)
    self.words, self.ready, self.work, self.end = words, ready, work, end

  def run(self, guarded, environment, folder, seconds):
    def call(words):
      return subprocess.run(fill(words, folder, seconds), env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    with open(os.path.join(folder, 'log'), 'wb') as log:
      process = subprocess.Popen(guarded + fill(self.words, folder, seconds), env=environment, cwd=folder,
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
      self.await_ready(process, call)
      until = time.monotonic() + seconds
      while time.monotonic() < until:
        done = call(self.work)
        if done.returncode:
          raise Failed('%s: %s' % (self.name, done.stdout.decode(errors='replace')[-200:]))
        time.sleep(0.01)
      call(self.end)
      process.wait(30)
    finally:
      if process.poll() is None:
        process.terminate()
        process.wait(30)

  def await_ready(self, process, call):
    deadline = time.monotonic() + 30
    while call(self.ready).returncode:
      if time.monotonic() > deadline or process.poll() is not None:
        raise Failed(self.name + ': the server does not answer')
      time.sleep(0.1)


def jq(name, expression, expected=None):
  """At a pace, since the machine's own may change by half within the run: what grew by it would seem to come to rest."""
  loop = ('now as $begin | label $out | foreach range(1e12) as $i (0; . as $n | (now - $begin) as $passed | '
          'if $passed > {seconds} then -1 elif $n < $passed * 10000 then (%s)|$n + 1 else $n end; '
          'if . < 0 then ., break $out else empty end)')
  return Script(name, 'jq', ['/usr/bin/jq', '-n', loop % expression], expected)


def python(name, setup, step, expected=None):
  """Steps in bursts with a pause, so that a run makes a few thousand of them."""
  lines = ['import time', *setup.splitlines(), 'until = time.monotonic() + {seconds}',
           'while time.monotonic() < until:', '  for _ in range(10):',
           *('    ' + line for line in step.splitlines()), '  time.sleep(0.02)']
  return Script(name, 'python3', ['/usr/bin/python3', '-c', '\n'.join(lines)], expected, PYTHONMALLOC='malloc')


def perl(name, step, expected=None):
  loop = ('my $until = time + {seconds}; while (time < $until) '
          '{ for my $turn (1..20) { %s } select(undef, undef, undef, 0.02) }')
  return Script(name, 'perl', ['/usr/bin/perl', '-e', loop % step], expected)


def bash(name, step, expected=None):
  loop = 'while ((SECONDS < {seconds})); do for turn in {1..20}; do %s; done; read -t 0.02 <&9; done; true'
  words = ['/bin/bash', '-c', 'mkfifo pause; exec 9<>pause; ' + loop % step]
  return Script(name, 'bash', words, expected)


def sqlite(name, statements, expected=None):
  """The same statements again and again, some 2,000 times a second."""
  feed = ('mkfifo pause; exec 9<>pause; echo "create table t (a, b);"; while [ $SECONDS -lt {seconds} ]; '
          'do for i in {1..40}; do echo "%s"; done; read -t 0.02 <&9; done')
  words = ['/bin/bash', '-c', '{ %s; } | sqlite3 :memory: > /dev/null' % (feed % statements)]
  return Script(name, 'sqlite3', words, expected)


def redis(name, commands, expected=None, options=()):
  """The commands are sent in one go, 20 times."""
  client = ['/usr/bin/redis-cli', '-s', '{folder}/redis']
  server = ['/usr/bin/redis-server', '--port', '0', '--unixsocket', '{folder}/redis', '--save', '', '--dir', '{folder}',
            *options]
  feed = "printf '%%s\\n' %s | redis-cli -s {folder}/redis > /dev/null" % ' '.join("'%s'" % c for c in commands * 20)
  return Server(name, 'redis-server', server, client + ['ping'], ['/bin/sh', '-c', feed],
                client + ['shutdown', 'nosave'], expected)


def tmux(name, commands, expected=None):
  """The commands of one client, 10 times. Each is a line of the server's message log, which is kept short here."""
  client = ['/usr/bin/tmux', '-N', '-S', '{folder}/tmux', '-f', '{folder}/tmux.conf']
  start = ('printf "set -s exit-empty off\\nset -s message-limit 10\\n" > {folder}/tmux.conf; '
           'exec tmux -S {folder}/tmux -f {folder}/tmux.conf -D')
  work = ';'.join(["tmux -N -S {folder}/tmux %s > /dev/null" % commands] * 10)
  return Server(name, 'tmux', ['/bin/sh', '-c', start], client + ['new-session', '-d', 'sleep 1000'],
                ['/bin/sh', '-c', work], client + ['kill-server'], expected)


SQLITE_MODULE = 'import sqlite3\nc = sqlite3.connect(":memory:")\n'
EVAL = 'EVAL "for i=1,%d do redis.call(\\"set\\", redis.call(\\"incr\\", \\"n\\"), %s) end" 0'
NEW_KEYS = EVAL % (50, 'string.rep(\\"v\\", 200)')
BRIEF_KEYS = EVAL % (5, '\\"v\\", \\"px\\", 900')

CASES = [
  jq('jq, ltrimstr of a number', '1|ltrimstr("x")', ['jv_invalid_with_msg', 'jv_string_sized']),
  jq('jq, rtrimstr of an object', '{}|rtrimstr("x")', ['jv_invalid_with_msg', 'jv_string_sized']),
  jq('jq, tostring', '1|tostring'),
  jq('jq, ltrimstr of a string', '"xy"|ltrimstr("x")'),
  tmux('tmux, #{q:session_name}', 'display-message -p "#{q:session_name}"', ANYTHING),
  tmux('tmux, a list of commands', r'display-message -p a \; display-message -p b \; display-message -p c', ANYTHING),
  tmux('tmux, #{session_name}', 'display-message -p "#{session_name}"'),
  redis('redis, a bad selector in ACL SETUSER', ['ACL SETUSER t1 (+PING (+SELECT (+DEL )', 'ACL DELUSER t1'],
        ['ACLMergeSelectorArguments', 'aclCreateSelectorFromOpSet', 'ACLSetUser']),
  redis('redis, a good ACL SETUSER', ['ACL SETUSER t1 on >secret ~k* (+PING ~a)', 'ACL DELUSER t1']),
  redis('redis, keys that stay', ['EVAL "return redis.call(\\"lpush\\", \\"l\\", string.rep(\\"v\\", 3000))" 0'],
        ['lpushCommand', 'pushGenericCommand']),
  redis('redis, a cache with allkeys-lru', [NEW_KEYS],
        options=['--maxmemory', '6mb', '--maxmemory-policy', 'allkeys-lru']),
  redis('redis, keys that expire', [BRIEF_KEYS]),
  python('python sqlite3, load_extension fails', SQLITE_MODULE + 'c.enable_load_extension(True)',
         'try: c.load_extension("does_not_exist")\nexcept sqlite3.OperationalError: pass', ['sqlite3_load_extension']),
  python('python sqlite3, rows come and go', SQLITE_MODULE + 'c.execute("create table t (a, b)")',
         'c.execute("insert into t values (1, ?)", ("x" * 100,))\nc.execute("delete from t")\nc.commit()'),
  python('python ctypes, POINTER of ever new types', 'import ctypes',
         'ctypes.POINTER(type("Row", (ctypes.Structure,), {}))', ANYTHING),
  python('python ctypes, POINTER of one type', 'import ctypes\nclass Row(ctypes.Structure): pass',
         'ctypes.POINTER(Row)()'),
  python('python, lru_cache', 'import functools, random\n@functools.lru_cache(500)\ndef f(x): return str(x) * 10',
         'f(random.random())'),
  python('python, json round trips', 'import json', 'json.loads(json.dumps({"a": [1, 2, {"b": "c" * 50}]}))'),
  python('python, threads come and go', 'import threading', 't = threading.Thread(target=str)\nt.start()\nt.join()'),
  perl('perl, a cycle of references', 'my $node = {}; $node->{self} = $node;', ANYTHING),
  perl('perl, hashes come and go', 'my %h = map { $_ => "v" x 20 } 1..50;'),
  perl('perl, eval of source text', 'eval "my \\$x = $turn; sub { \\$x }" or die;'),
  bash('bash, an array that grows', 'log+=("line $turn $SECONDS")', ANYTHING),
  bash('bash, variables and functions', 'f() { local x="a $1"; x=${x//a/b}; }; f $turn; unset -f f'),
  sqlite('sqlite3, rows come and go', 'insert into t values (1, hex(randomblob(50))); delete from t;'),
]
