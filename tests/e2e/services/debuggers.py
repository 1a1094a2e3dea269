#!/usr/bin/env python3
"""gdb and strace look at a guarded service; it does what it does without them, and its counts are exact.

  attached   gdb attaches, looks and detaches, again and again, while the service works; strace the same
  started    gdb starts the program and has the agent preloaded into it (set environment); strace -f starts it
Skipped where nothing may be traced.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import service
from service import books, harness

ATTACHMENTS = 5
# Not through a shell, which would be preloaded as well; threads are as interesting as the program's own ones.
GDB = ['-q', '-nx', '-batch', '-ex', 'set startup-with-shell off', '-ex', 'set debuginfod enabled off']


def may_trace(tool, folder, environment):
  """Can a child be traced here at all?"""
  run = harness.run([tool, '-o', '/dev/null', 'true'] if 'strace' in tool else
                    [tool] + GDB + ['-ex', 'run', '/bin/true'], environment, folder=folder)
  text = (run.output + run.errors).decode(errors='replace')
  return run.status == 0 and not re.search(r'not permitted|ptrace|Cannot', text), text.strip()[-200:]


def attach(test, tool, pid):
  if 'strace' in tool:
    child = subprocess.Popen([tool, '-f', '-q', '-o', '/dev/null', '-p', str(pid)], env=test.environment,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=100)
    return True
  run = harness.run([tool] + GDB + ['-p', str(pid), '-ex', 'thread apply all bt 3', '-ex', 'detach'], test.environment,
                    keep=[child.pid for child in test.started], folder=test.folder)
  text = run.output.decode(errors='replace')
  return test.check(run.status == 0 and 'Thread' in text and 'libguard' in text + run.errors.decode(errors='replace'),
                    'gdb saw nothing: %r %r' % (text[-300:], run.errors[-300:]))


def attached(test, tool):
  name = os.path.basename(tool)
  expect = test.path(name + '.expect')
  environment = dict(test.environment, EXPECT=expect, GUARD_INTERVAL='50ms', GUARD_START_DELAY='0s')
  child = test.start(test.guarded([test.options.program]), environment)
  pids = harness.wait_for(lambda: [p for p in harness.children_of(child.pid) if 'service' in (harness.name_of(p) or '')])
  if not test.check(pids, '%s: the service was not started' % name):
    return
  harness.wait_for(lambda: os.path.getsize(child.output_path) > 0)
  for _ in range(ATTACHMENTS):
    if not attach(test, tool, pids[0]):
      break
    size = os.path.getsize(child.output_path)
    test.check(harness.wait_for(lambda: os.path.getsize(child.output_path) > size),
               '%s: the service stands still after it was detached' % name)
  os.kill(pids[0], signal.SIGTERM)
  status = test.wait(child, name)
  test.check(status == 0, '%s attached: status %s' % (name, status))
  test.wrong += ['%s attached: %s' % (name, text) for text in books.compare(test.report(), books.read(expect))]


def started(test, tool, agent):
  """Under the tool bare and with the agent: the same output and status, and the counts exact."""
  name, expect = os.path.basename(tool), test.path(os.path.basename(tool) + '.started')
  program = test.options.short
  bare = harness.run([program], dict(test.environment, EXPECT=test.path('bare')), folder=test.folder)
  if 'strace' in tool:
    trace = test.path('trace')
    run = harness.run([tool, '-f', '-q', '-o', trace] + test.guarded([program]), dict(test.environment, EXPECT=expect),
                      folder=test.folder)
    test.wrong += ['strace: ' + text for text in harness.compare_runs(bare, run)]
    with open(trace, encoding='utf-8', errors='replace') as file:
      test.check('libguard' in file.read(), 'strace: no sign of the agent')
    test.wrong += ['strace: ' + text for text in books.compare(test.report(), books.read(expect))]
    return
  socket, report = test.path('gdb.sock'), test.path('gdb.json')
  serve = test.serve(socket, '--report', 'json:' + report)
  commands = ['set environment LD_PRELOAD ' + agent, 'set environment GUARD_SOCKET ' + socket,
              'set environment EXPECT ' + expect, 'run']
  run = harness.run([tool] + GDB + [word for text in commands for word in ('-ex', text)] + [program], test.environment,
                    keep=[serve.pid], folder=test.folder)
  text = run.output.decode(errors='replace')
  test.check(bare.status == 0 and 'exited normally' in text,
             '%s: the program did not end as bare: %r %r' % (name, text[-300:], run.errors[-300:]))
  serve.send_signal(signal.SIGTERM)
  test.wait(serve, 'guardctl serve')
  test.wrong += ['gdb: ' + line for line in books.compare(test.report(report), books.read(expect))]


def main():
  with service.Test(__doc__) as test:
    agent = test.agent()
    test.options.short = os.path.join(os.path.dirname(test.options.program), 'e2e_thread_exits')
    tried = 0
    for name in ('gdb', 'strace'):
      tool = shutil.which(name)
      works, why = may_trace(tool, test.folder, test.environment) if tool else (False, 'it is not installed')
      if not works:
        print('%s is not tried: %s' % (name, why))
        continue
      tried += 1
      attached(test, tool)
      started(test, tool, agent)
    if not tried:
      sys.exit(harness.SKIP)
    test.finish()


if __name__ == '__main__':
  main()
