#!/usr/bin/env python3
"""Bad input to guardctl: one clear message on stderr and the exit code that the manual names, never a crash."""
import os
import random
import shutil
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'services'))
import service
from service import harness


def expect(test, what, arguments, status, words=(), environment=None, output=None):
  """Runs guardctl; `words` must be in what it says on stderr, whose lines all begin with "guardctl: "."""
  run = harness.run([test.guardctl] + arguments, dict(test.environment, **(environment or {})), folder=test.folder)
  said = '\n'.join(run.own_lines)
  statuses = status if isinstance(status, tuple) else (status,)
  test.check(run.status in statuses, '%s: status %d, expected %s; said: %s' % (
    what, run.status, ' or '.join(map(str, statuses)), said or run.errors[-300:].decode(errors='replace')))
  test.check(not words or said, '%s: no message' % what)
  for word in words:
    test.check(word in said, '%s: message does not name %r: %s' % (what, word, said))
  if output is not None:
    test.check(run.output == output, '%s: output %r, expected %r' % (what, run.output, output))
  for name in run.leftovers:
    test.wrong.append('%s: left process: %s' % (what, name))
  return run


def command_lines(test):
  expect(test, 'no command', [], 125, ['guardctl'])
  expect(test, 'unknown command', ['frobnicate'], 125, ['frobnicate'])
  expect(test, 'unknown switch', ['run', '--frobnicate', '--', 'true'], 125, ['--frobnicate'])
  expect(test, 'run nothing', ['run'], 125, ['command'])
  expect(test, 'run nothing after --', ['run', '--'], 125, ['command'])
  expect(test, 'unknown option', ['run', '--set', 'frob=1', '--', 'true'], 125, ['frob'])
  expect(test, 'option without value', ['run', '--set', 'interval', '--', 'true'], 125, ['interval'])
  expect(test, 'bad duration', ['run', '--set', 'interval=soon', '--', 'true'], 125, ['interval', 'soon'])
  expect(test, 'duration too small', ['run', '--set', 'interval=1ms', '--', 'true'], 125, ['interval', '1ms', '10ms'])
  expect(test, 'bad mode', ['run', '--set', 'mode=fast', '--', 'true'], 125, ['mode', 'fast', 'exact'])
  expect(test, 'bad size', ['run', '--set', 'rss_limit=12Q', '--', 'true'], 125, ['rss_limit', '12Q'])
  expect(test, 'bad count', ['run', '--set', 'depth=-1', '--', 'true'], 125, ['depth', '-1'])
  expect(test, 'huge count', ['run', '--set', 'depth=99999999999999999999', '--', 'true'], 125, ['depth'])
  expect(test, 'unknown format', ['run', '--report', 'xml', '--', 'true'], 125, ['xml', 'json'])
  expect(test, 'report into nowhere', ['run', '--report', 'json:/nonexistent/r.json', '--', 'true'], 125,
         ['/nonexistent/r.json'])
  expect(test, 'recording into nowhere', ['run', '-o', '/nonexistent/r.guard', '--', 'true'], 125, ['/nonexistent/r.guard'])
  expect(test, 'socket path too long', ['serve', '--socket', '/tmp/' + 'x' * 200], 125, ['socket'])
  expect(test, 'socket nowhere', ['serve', '--socket', '/nonexistent/s'], 125, ['/nonexistent/s'])
  expect(test, 'report of nothing', ['report'], 125, ['report'])
  expect(test, 'pid that is none', ['check', 'zero'], 125, ['zero'])
  expect(test, 'nobody serves', ['ps', '--socket', test.path('none.sock')], 125, ['none.sock'])
  expect(test, 'agent that is not there', ['run', '--', 'true'], 125, ['/nonexistent/agent.so'],
         {'GUARD_AGENT': '/nonexistent/agent.so'})


def environments(test):
  """From the environment of a preloaded program, a bad value is a warning; the program runs on."""
  for name, value in (('GUARD_INTERVAL', 'soon'), ('GUARD_MODE', 'fast'), ('GUARD_DEPTH', '0')):
    run = expect(test, name + '=' + value, ['run', '--report', 'json:' + test.path('e.json'), '--', 'echo', 'hello'],
                 (0, 125), environment={name: value})
    if run.status == 0:
      test.check(run.output == b'hello\n', '%s: output %r' % (name, run.output))
      said = '\n'.join(run.own_lines) + run.errors.decode(errors='replace')
      test.check(name in said and value in said, '%s=%s: no warning names both: %s' % (name, value, said))
  for environment, arguments in (({'GUARD_MODE': 'off'}, []), ({}, ['--set', 'mode=off'])):
    expect(test, 'mode off', ['run'] + arguments + ['--', 'echo', 'hello'], 0, ['no agent has connected', 'mode is off'],
           environment, b'hello\n')


def programs(test, program, static):
  path = test.path('not-executable')
  shutil.copy(program, path)
  os.chmod(path, 0o644)
  expect(test, 'program that is not there', ['run', '--', '/nonexistent/program'], 127, ['/nonexistent/program'])
  expect(test, 'program not in PATH', ['run', '--', 'no-such-program-anywhere'], 127, ['no-such-program-anywhere'])
  expect(test, 'program not executable', ['run', '--', path], 126, ['not-executable'])
  expect(test, 'folder as program', ['run', '--', test.folder], 126, [test.folder])
  garbage = test.path('garbage')
  with open(garbage, 'wb') as file:
    file.write(b'\x7fELFgarbage')
  os.chmod(garbage, 0o755)
  expect(test, 'garbage as program', ['run', '--', garbage], 126, ['garbage'])
  script = test.write('script-of-nothing', '#!/nonexistent/interpreter\n')
  os.chmod(script, 0o755)
  expect(test, 'script without interpreter', ['run', '--', script], (126, 127), ['/nonexistent/interpreter'])
  other = test.path('other-architecture')
  with open(program, 'rb') as file:
    image = bytearray(file.read())
  struct.pack_into('<H', image, 18, 0x16)  # e_machine: S/390
  with open(other, 'wb') as file:
    file.write(image)
  os.chmod(other, 0o755)
  expect(test, 'program of another architecture', ['run', '--', other], (125, 126), ['other-architecture'])
  if static:
    expect(test, 'static program', ['run', '--', static], 125, ['static'])
  setuid = test.path('setuid')
  shutil.copy(program, setuid)
  os.chmod(test.folder, 0o755)
  if os.getuid() == 0:
    os.chown(setuid, 65534, 65534)
    os.chmod(setuid, 0o4755)
    expect(test, 'set-user-ID program', ['run', '--', setuid], 125, ['setuid', 'set-user-ID'])
  expect(test, 'a script is fine', ['run', '--report', 'json:' + test.path('s.json'), '--', executable_script(test)], 6,
         output=b'from a script\n')


def executable_script(test):
  path = test.write('script', '#!/bin/sh\necho from a script\nexit 6\n')
  os.chmod(path, 0o755)
  return path


def recordings(test, program):
  good = test.path('good.guard')
  expect(test, 'a recording', ['run', '-o', good, '--report', 'json:' + test.path('g.json'), '--', program], 0)
  if not test.check(os.path.exists(good) and os.path.getsize(good) > 100, 'no recording to spoil'):
    return
  with open(good, 'rb') as file:
    data = file.read()
  expect(test, 'good recording', ['report', '--report', 'json:' + test.path('g2.json'), good], 0)
  report = test.report(test.path('g2.json'))
  test.check(len(report['processes']) == 1, 'good recording: %d processes' % len(report['processes']))
  expect(test, 'recording that is not there', ['report', '/nonexistent/x.guard'], 125, ['/nonexistent/x.guard'])
  expect(test, 'folder as recording', ['report', test.folder], 125, [test.folder])
  expect(test, 'empty recording', ['report', test.write('empty.guard', '')], 125, ['empty.guard'])
  expect(test, 'text as recording', ['report', test.write('text.guard', 'hello ' * 1000)], 125, ['text.guard'])
  expect(test, 'endless zeros as recording', ['report', '/dev/zero'], 125, ['/dev/zero'])
  expect(test, 'endless noise as recording', ['report', '/dev/urandom'], 125, ['/dev/urandom'])
  pipe = test.path('pipe.guard')
  os.mkfifo(pipe)
  child = test.start([test.guardctl, 'report', pipe])
  test.check(harness.wait_for(lambda: os.path.getsize(child.errors_path) > 0), 'pipe without writer: no word of it')
  with open(pipe, 'wb') as file:
    file.write(data)
  test.check(test.wait(child, 'report of a pipe', 20) == 0, 'recording through a pipe')
  if os.getuid() != 0:
    os.chmod(test.write('locked.guard', 'x'), 0)
    expect(test, 'unreadable recording', ['report', test.path('locked.guard')], 125, ['locked.guard'])
  spoil = test.path('spoilt.guard')

  def with_bytes(what, image, words=('spoilt.guard',), status=(0, 23, 24, 125)):
    with open(spoil, 'wb') as file:
      file.write(image)
    expect(test, what, ['report', '--report', 'json:' + test.path('spoilt.json'), spoil], status, words)

  # Cut off: what is whole is reported, and that something is missing is said.
  with_bytes('recording cut in its header', data[:10], status=125)
  with_bytes('recording cut in a frame', data[:-9])
  with_bytes('recording with a tail', data + b'tail of something else')
  picks = random.Random(4711)
  for i in range(60):
    image = bytearray(data)
    for _ in range(picks.choice((1, 4, 40))):
      image[picks.randrange(len(image))] = picks.choice((0, 255, 127, picks.randrange(256)))
    with_bytes('recording with wrong bytes, number %d' % i, bytes(image), words=())
  for i in range(20):
    with_bytes('recording cut at random, number %d' % i, data[:picks.randrange(len(data))], words=())


def main():
  with service.Test(__doc__) as test:
    program = os.path.abspath(test.options.program)
    folder = os.path.dirname(program)
    static = os.path.join(folder, 'e2e_static')
    command_lines(test)
    environments(test)
    programs(test, program, static if os.path.exists(static) else None)
    recordings(test, program)
    test.finish()


if __name__ == '__main__':
  main()
