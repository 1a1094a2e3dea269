"""One run of a row's program in one way: bare, preload (the agent alone) or run (under guardctl run)."""
import os
import re
import signal
import subprocess
import time

import figures
import observe
from place import harness

READY_LIMIT = 200
END_LIMIT = 200
VERIFY = '7'  # every 7th recognised stack is unwound again, and differences are counted


class Host:
  def __init__(self, place, way, options):
    self.place, self.row, self.way, self.options = place, place.row, way, options
    self.report = os.path.join(place.outer, 'report.json')
    self.child = self.main = None

  # --- starting ------------------------------------------------------------------------------

  def command(self):
    command = self.place.fill_all(self.row.command)
    command[0] = self.place.which(command[0]) or command[0]
    if self.way == 'run':
      return [self.options.guardctl, 'run', '--report', 'json:' + self.report, '--'] + command
    return command

  def environment(self):
    environ = dict(self.place.environment, GUARD_VERIFY=VERIFY)
    environ.update((name, self.place.fill(value)) for name, value in self.row.environ.items())
    preloads = [harness.find_library(name) or name for name in self.row.preloads]
    if self.way == 'preload':
      preloads = [self.options.agent] + preloads
    if preloads:
      environ['LD_PRELOAD'] = ':'.join(preloads)
    return environ

  def start(self):
    with open(self.place.path('.output'), 'wb') as output, open(self.place.path('.errors'), 'wb') as errors:
      self.child = subprocess.Popen(self.command(), env=self.environment(), stdin=subprocess.PIPE, stdout=output,
                                    stderr=errors, start_new_session=True, cwd=self.place.folder, **self.place.identity())
    try:
      self.child.stdin.write(self.place.fill(self.row.stdin.decode()).encode())
      self.child.stdin.close()
    except BrokenPipeError:
      pass
    self.place.started.append(self.child)

  def find_main(self):
    """The program itself: under guardctl its only child, once that is no guardctl any more."""
    if self.way != 'run':
      return self.child.pid
    return next((pid for pid in harness.children_of(self.child.pid) if observe.executes(pid) != self.options.guardctl), None)

  def wait(self, limit):
    try:
      status = self.child.wait(limit)
    except subprocess.TimeoutExpired:
      os.killpg(self.child.pid, signal.SIGKILL)
      self.child.wait()
      return 'no end in %d s' % limit
    return status if status >= 0 else 128 - status

  # --- what came of it -----------------------------------------------------------------------

  def clean(self, text):
    """Without what is different in each run: folder, ports, process numbers, and what the row hides."""
    text = text.replace(self.place.folder, '<folder>').replace(self.place.temporary, '<tmp>').replace(self.options.agent, '<agent>')
    for port in (self.place.port, self.place.port2):
      text = re.sub(r'\b%d\b' % port, '<port>', text)
    for pattern in self.row.hide:
      text = re.sub(pattern, '<varies>', text)
    return text

  def lines(self, name):
    """The lines of an output; of a server, numbers aside and in no order: its log has times, and comes as it comes."""
    text = self.clean(self.place.read(name).decode(errors='replace'))
    lines = [line for line in text.split('\n') if not line.startswith('guardctl: ')]
    if self.row.work:
      return sorted({re.sub(r'0x[0-9a-f]+|\d+', 'N', line) for line in lines})
    return lines

  def serve(self, wanted):
    """Aspects of a server's life until its end."""
    seen = {}
    ready = self.row.ready or (lambda place: place.listens())
    harness.wait_for(lambda: self.child.poll() is not None or (self.find_main() and ready(self.place)), READY_LIMIT, 0.1)
    self.main = self.place.host = self.find_main()
    if self.child.poll() is not None or not self.main:
      return {'answers': ['it ended before it was ready']}
    try:
      seen['answers'] = [self.clean(str(line)) for line in self.row.work(self.place)]
    except Exception as error:  # whatever a client library of Python throws is the server's answer
      seen['answers'] = ['%s: %s' % (type(error).__name__, error)]
    seen.update(observe.settled(lambda: observe.standing(self.main, self.clean, self.way == 'run'), wanted,
                                self.row.forgive))
    if callable(self.row.stop):
      self.row.stop(self.place)
    else:
      self.place.signal(self.row.stop)
    return seen

  def outcome(self, wanted):
    """(aspects, figures of guardctl's report)"""
    if self.row.prepare:
      complaint = self.row.prepare(self.place)
      if complaint:
        return {'failure': complaint}, None
    self.start()
    seen = self.serve(wanted) if self.row.work else {}
    seen['status'] = self.wait(END_LIMIT if self.row.work else self.row.limit)
    seen['output'], seen['errors'] = self.lines('.output'), self.lines('.errors')
    self.place.started.remove(self.child)
    helpers = tuple(child.pid for child in self.place.started)
    time.sleep(0.05)
    seen['left processes'] = [re.sub(r'^\d+ ', '', name) for name in harness.kill_leftovers(helpers)]
    if self.row.after:
      seen['what it left'] = [self.clean(str(line)) for line in self.row.after(self.place)]
    own = [line[len('guardctl: '):] for line in self.place.read('.errors').decode(errors='replace').split('\n')
           if line.startswith('guardctl: ')]
    return seen, figures.Figures(self.report, own) if self.way == 'run' else None
